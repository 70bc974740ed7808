import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Caller, TestGateway } from "../e2e/harness.ts";
import { startGateway } from "../e2e/harness.ts";
import { dialects } from "../faults/dialects.ts";
import { ask } from "../faults/observe.ts";
import type { FaultServer } from "../testbed/fault-server.ts";
import { createFaultServer } from "../testbed/fault-server.ts";
import type { FaultContext } from "../testbed/fault-wire.ts";
import { FAULT_TEXT, FAULT_USAGE, healthyJson, healthyScript, scriptFrames, sendWhole } from "../testbed/fault-wire.ts";
import { PROTOCOLS } from "../testbed/scenario.ts";
import { checkGrammar } from "./grammar.ts";

let server: FaultServer;
let gateway: TestGateway;
let caller: Caller;
before(async () => {
  server = await createFaultServer();
  const providers = PROTOCOLS.map((protocol) => {
    const base = protocol.startsWith("openai") ? `${server.url}/v1` : server.url;
    return `  ${protocol}: { protocols: [${protocol}], api_key: sk-other, base_url: "${base}", models: ["model-${protocol}"] }`;
  });
  gateway = await startGateway({ config: `gateway: { work_mode: auto }\nproviders:\n${providers.join("\n")}\n` }).catch(
    async (error: unknown) => {
      await server.close();
      throw error;
    },
  );
  // Every provider has been asked which models it has.
  await server.waitForRequests(PROTOCOLS.length);
  caller = await gateway.createKey("alice");
  server.use(answerOtherwise);
});
after(async () => {
  await gateway.stop();
  await server.close();
});

/** One object where a stream was asked for, and a stream where one object was. */
function answerOtherwise(context: FaultContext): Promise<void> {
  const { protocol, isStream } = context;
  return isStream
    ? sendWhole(context, 200, { "content-type": "application/json" }, JSON.stringify(healthyJson(protocol)))
    : sendWhole(context, 200, { "content-type": "text/event-stream" }, scriptFrames(healthyScript(protocol)).join(""));
}

/** The strings of all values, in order. */
function stringsOf(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(stringsOf) : [];
}

for (const dialect of dialects) {
  for (const upstream of PROTOCOLS) {
    for (const stream of [false, true]) {
      test(`${dialect.id} to ${upstream}: ${stream ? "one object where a stream was asked for" : "a stream where one object was asked for"}`, async () => {
        const earlier = (await gateway.rows()).length;
        const seen = await ask(gateway, caller.key, dialect, stream, "hi", `model-${upstream}`);
        assert.deepEqual([seen.status, seen.how], [200, "whole"], seen.body.toString());
        assert.match(String(seen.headers["content-type"]), stream ? /^text\/event-stream/ : /^application\/json/);
        if (stream) checkGrammar(dialect.id, seen.body);
        const said = stream
          ? seen.events.flatMap((data) => (data === "[DONE]" ? [] : stringsOf(JSON.parse(data))))
          : stringsOf(JSON.parse(seen.body.toString()));
        assert.ok(said.includes(FAULT_TEXT.join("")), seen.body.toString());
        const rows = (await gateway.rows()).slice(earlier);
        assert.deepEqual(
          rows.map((row) => [row.provider, row.status, row.usage_source, row.input_tokens, row.output_tokens, row.cache_read_tokens]),
          [[upstream, "ok", "reported", FAULT_USAGE.input, FAULT_USAGE.output, FAULT_USAGE.cached]],
        );
      });
    }
  }
}
