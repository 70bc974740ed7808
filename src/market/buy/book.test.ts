import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../core/index.ts";
import { signDocument, type MarketDocument } from "../documents/document.ts";
import type { DocumentBody } from "../documents/kinds.ts";
import { deskScene, sellerKey } from "../desk-testing.ts";
import { nodeDocumentOf } from "../exchange-testing.ts";
import { createBook } from "./book.ts";
import { SellerRecord } from "./seller-record.ts";

test("of two offers of a peer with one number the first counts, a smaller number is passed over, and a greater one replaces both", async () => {
  const scene = await deskScene();
  try {
    const first = scene.offer();
    const changed = (change: Partial<DocumentBody<"offer/1">>): MarketDocument<"offer/1"> =>
      signDocument(sellerKey, "offer/1", { ...first.body, at: scene.nowMs, until: scene.nowMs + 120_000, ...change });
    const dearer = { input: "9", output: "9", cache_read: "9" };
    let offers = [changed({ seq: 5 })];
    const peer = { node: sellerKey.id, name: "bob", url: "http://127.0.0.1:1", role: "peer", isBlocked: false };
    const book = createBook({
      peers: { list: () => Promise.resolve([peer]) } as never,
      calls: {
        ...scene.calls(),
        get: async () => JSON.stringify({ node: nodeDocumentOf(sellerKey, scene.nowMs), offers, statement: await scene.statement() }),
      },
      clock: scene.clock,
      logger: silentLogger,
      onChange: () => undefined,
      calledAt: (url) => url,
      allowPrivate: () => true,
      record: new SellerRecord(),
      random: () => 0,
      onStatement: () => Promise.resolve(),
    });
    const seen = async (next: MarketDocument<"offer/1">): Promise<string | undefined> => {
      offers = [next];
      await book.refresh();
      return book.seller("@bob")?.offers.get("m")?.body.price.input;
    };
    assert.deepEqual(
      [
        await seen(offers[0]!),
        await seen(changed({ seq: 5, price: dearer })),
        await seen(changed({ seq: 4, price: dearer })),
        await seen(changed({ seq: 6, price: dearer })),
        // Another offer, after the model was shared anew.
        await seen(changed({ seq: 1, offer: "ofr_01890000-0000-7000-8000-000000000001" })),
      ],
      ["1000000000", "1000000000", "1000000000", "9", "1000000000"],
    );
    // What has ended binds nobody: its seller's clock was set back.
    scene.nowMs += 121_000;
    assert.equal(await seen(changed({ seq: 0, offer: "ofr_01890000-0000-7000-8000-000000000001", price: dearer })), "9");
  } finally {
    await scene.close();
  }
});
