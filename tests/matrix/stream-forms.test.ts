import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sendRaw } from "../e2e/raw-http.ts";
import type { JsonObject } from "../testbed/json.ts";
import { PROTOCOLS } from "../testbed/scenario.ts";
import type { Protocol, Scenario } from "../testbed/scenario.ts";
import type { Ask } from "./ask.ts";
import type { Bench } from "./bench.ts";
import { models, startBench } from "./bench.ts";
import { checkGeminiStream } from "./grammar-gemini.ts";
import { readEvents } from "./wire-events.ts";

const ask: Ask = { turns: [{ role: "user", text: "hi" }] };
const answer: Scenario = { text: ["one ", "two ✓"], usage: { input: 100, output: 7 } };

/** What each dialect calls stop sequences. */
const stopNames: Readonly<Partial<Record<Protocol, string>>> = {
  "openai-chat": "stop",
  "anthropic-messages": "stop_sequences",
  "gemini-generate": "generationConfig.stopSequences",
};

let bench: Bench;
before(async () => {
  bench = await startBench();
});
after(() => bench.stop());

async function post(path: string, body: JsonObject): Promise<string> {
  bench.mock.reset();
  bench.mock.enqueue(answer);
  const headers = ["authorization", `Bearer ${bench.caller.key}`, "content-type", "application/json"];
  const reply = await sendRaw(bench.gateway.url, { path, headers, body: JSON.stringify(body) });
  assert.equal(reply.status, 200, reply.body.toString());
  const row = (await bench.gateway.rows()).at(-1);
  assert.deepEqual([row?.status, row?.usage_source, row?.input_tokens, row?.output_tokens], ["ok", "reported", 100, 7]);
  return reply.body.toString();
}

for (const client of PROTOCOLS) {
  if (client === "openai-responses") continue;
  for (const stream of [false, true]) {
    test(`${client} to openai-responses, ${stream ? "streamed" : "whole"}: stop sequences, which it has no place for, are named`, async () => {
      bench.mock.reset();
      bench.mock.enqueue(answer);
      const cell = { client: bench.clients[client], upstream: "openai-responses", stream } as const;
      const { status, headers } = await bench.send(cell, { ...ask, stop: ["###"] });
      assert.equal(status, 200);
      assert.equal(headers["x-tokligence-dropped-params"], stopNames[client]);
    });
  }
}

for (const upstream of PROTOCOLS) {
  test(`openai-chat to ${upstream}: usage that the client did not ask for is counted, and not shown`, async () => {
    const { path, body } = bench.clients["openai-chat"].wire(ask, models[upstream], true);
    const text = await post(path, { ...body, stream_options: undefined });
    const chunks = readEvents(text).map(({ data }) => data);
    assert.equal(chunks.pop(), "[DONE]");
    for (const chunk of chunks) {
      const { usage, choices } = JSON.parse(chunk) as { usage?: unknown; choices: unknown[] };
      assert.deepEqual([usage ?? undefined, choices.length], [undefined, 1], text);
    }
  });

  test(`gemini-generate to ${upstream}: without alt=sse the stream is one JSON array`, async () => {
    const { path, body } = bench.clients["gemini-generate"].wire(ask, models[upstream], true);
    const elements = JSON.parse(await post(path.replace("?alt=sse", ""), body)) as object[];
    checkGeminiStream(elements.map((element) => ({ event: "", data: JSON.stringify(element) })));
    assert.ok(elements.length >= 2);
  });
}
