import assert from "node:assert/strict";
import { test } from "node:test";
import { protocols } from "../../protocols/index.ts";
import { buildProviders, type UpstreamHandler } from "../../upstream/index.ts";
import { deskScene } from "../desk-testing.ts";
import { Probes } from "./probes.ts";
import { SellerRecord } from "./seller-record.ts";

interface Answer {
  readonly finish: string;
  readonly output: number;
}

test("probes cost at most their share of what was spent, go to each peer in turn, and tell whether a limit is kept", async () => {
  const scene = await deskScene();
  try {
    const answers: Record<string, Answer> = { "@bob": { finish: "length", output: 16 }, "@eve": { finish: "stop", output: 40 } };
    const asked: string[] = [];
    const record = new SellerRecord();
    const settings = {
      name: "",
      enabled: true,
      protocols: ["openai-chat" as const],
      baseUrl: "http://127.0.0.1:1/v1",
      keys: [],
      models: ["m"],
    };
    const providers = ["@bob", "@eve"].flatMap((name) => buildProviders([{ ...settings, name }]).filter((one) => one.name === name));
    const probes = new Probes({
      store: scene.store,
      book: {
        providers: () => [...providers, { ...providers[0]!, name: "@plaza", isExchange: true }],
        offersOf: (name) => [{ seller: { node: { node: name } }, offer: scene.known() } as never],
      },
      record,
      protocols,
      settings: () => ({ probeShare: 0.01 }),
      dispatch(request, handler: UpstreamHandler) {
        asked.push(request.provider.name);
        const { finish, output } = answers[request.provider.name]!;
        const choices = [{ index: 0, message: { role: "assistant", content: "1 2 3" }, finish_reason: finish }];
        const usage = { prompt_tokens: 20, completion_tokens: output, total_tokens: 20 + output };
        const body = { id: "c", object: "chat.completion", created: 1, model: "m", choices, usage };
        queueMicrotask(() => {
          handler.onHead(200, []);
          handler.onData(Buffer.from(JSON.stringify(body)));
          handler.onEnd();
        });
        return { abort: () => undefined, pause: () => undefined, resume: () => undefined };
      },
      now: () => scene.nowMs,
    });
    const spend = (requestId: string, cost: bigint): Promise<unknown> =>
      scene.store.insertRows(
        "market_trades",
        ["lease", "seq", "request_id", "clearing", "seller", "model", "cost_nano_usd", "state", "at_ms", "receipt"],
        [[requestId, 1, requestId, "n", "n", "m", cost, "acked", scene.nowMs, ""]],
      );
    const runLater = async (): Promise<void> => {
      scene.nowMs += 600_000;
      await probes.run();
    };
    await probes.run();
    await runLater();
    assert.deepEqual(asked, []);
    // One per cent of it pays for many.
    await spend("req_1", 100_000_000n);
    await runLater();
    await runLater();
    await probes.run();
    assert.deepEqual(asked, ["@bob", "@eve"]);
    assert.deepEqual(
      [record.score("@bob", "m", scene.nowMs).toFixed(2), record.score("@eve", "m", scene.nowMs).toFixed(2)],
      ["0.80", "0.36"],
    );
    // What probes have cost is what they may.
    await spend("probe_1", 1_000_000n);
    await runLater();
    assert.deepEqual(asked, ["@bob", "@eve"]);
  } finally {
    await scene.close();
  }
});
