import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../core/index.ts";
import { signDocument, type MarketDocument } from "../documents/document.ts";
import type { DocumentBody } from "../documents/kinds.ts";
import { deskScene, sellerKey } from "../desk-testing.ts";
import { exchangeKey, nodeDocumentOf } from "../exchange-testing.ts";
import { relayedUrl } from "../wire.ts";
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

test("a seller without an address is called through the exchange that this node has joined, wherever that is, and through no other private address", async () => {
  const scene = await deskScene();
  try {
    const exchange = "http://10.0.0.5:8082";
    const peer = { node: exchangeKey.id, name: "plaza", url: exchange, role: "exchange", isBlocked: false };
    let relay = "";
    const answer = async (): Promise<string> => {
      const { body } = nodeDocumentOf(sellerKey, scene.nowMs);
      const node = signDocument(sellerKey, "node/1", { ...body, reach: { relay } });
      const statement = await scene.statement(exchangeKey);
      return JSON.stringify({
        rev: 1,
        node: nodeDocumentOf(exchangeKey, scene.nowMs),
        sellers: [{ node, offers: [scene.offer()] }],
        statement,
      });
    };
    const book = createBook({
      peers: { list: () => Promise.resolve([peer]) } as never,
      calls: { ...scene.calls(), get: answer },
      clock: scene.clock,
      logger: silentLogger,
      onChange: () => undefined,
      calledAt: (url) => url,
      allowPrivate: () => false,
      record: new SellerRecord(),
      random: () => 0,
      onStatement: () => Promise.resolve(),
    });
    const called: unknown[] = [];
    for (relay of [exchange, "https://relay.example.com", "http://10.0.0.5:8083", "http://10.0.0.6:8082", "http://169.254.169.254"]) {
      await book.refresh();
      called.push(book.sellerAt(sellerKey.id, exchangeKey.id)?.transport.baseUrls["openai-chat"]);
    }
    const [near, far] = [relayedUrl(exchange, sellerKey.id), relayedUrl("https://relay.example.com", sellerKey.id)];
    // Without an offer there the exchange alone is known.
    const alone = `${exchange}/market/v1`;
    assert.deepEqual(called, [near, far, alone, alone, alone]);
  } finally {
    await scene.close();
  }
});
