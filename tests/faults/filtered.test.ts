import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startGateway, type TestGateway } from "../e2e/harness.ts";
import { createFaultServer, type FaultServer } from "../testbed/fault-server.ts";
import { sendStream, sendWhole } from "../testbed/fault-wire.ts";
import { PROTOCOLS, type Protocol } from "../testbed/scenario.ts";
import { dialects } from "./dialects.ts";
import { ask } from "./observe.ts";

let first: FaultServer;
let second: FaultServer;
let gateway: TestGateway;
before(async () => {
  first = await createFaultServer();
  second = await createFaultServer();
  const base = (url: string, protocol: Protocol): string => `${url}${protocol.startsWith("openai") ? "/v1" : ""}`;
  const providers = PROTOCOLS.map(
    (protocol) => `  ${protocol}: { protocols: [${protocol}], api_key: k, base_url: "${base(first.url, protocol)}" }\n`,
  );
  const routes = PROTOCOLS.map((protocol) => `  "${protocol}-*": ${protocol}\n`);
  gateway = await startGateway({
    config: `providers:\n${providers.join("")}  two: { protocols: [openai-chat], api_key: k, base_url: "${second.url}/v1" }\nmodel_provider_routes:\n${routes.join("")}fallbacks: { "*-elsewhere": { filtered: [two/m] } }\n`,
  });
  await Promise.all([first.waitForRequests(4), second.waitForRequests(1)]);
});
after(async () => {
  await gateway.stop();
  await first.close();
  await second.close();
});

const usage = { prompt_tokens: 3, completion_tokens: 0, total_tokens: 3 };
const counts = { input_tokens: 3, output_tokens: 0 };
const chunk = (delta: object, reason: string | null): object => ({
  id: "c",
  object: "chat.completion.chunk",
  model: "m",
  choices: [{ index: 0, delta, finish_reason: reason }],
});
const message = { id: "msg_1", type: "message", role: "assistant", model: "m", content: [], stop_sequence: null, usage: counts };
const response = { id: "resp_1", object: "response", model: "m", output: [] };
const incomplete = {
  ...response,
  status: "incomplete",
  incomplete_details: { reason: "content_filter" },
  usage: { ...counts, total_tokens: 3 },
};
const blocked = { promptFeedback: { blockReason: "SAFETY" }, usageMetadata: { promptTokenCount: 3 }, modelVersion: "m", responseId: "r" };

/** Answers with status 200 in which a filter says that it refused the prompt, and nothing else. */
const wholes: Readonly<Record<Protocol, object>> = {
  "openai-chat": {
    id: "c",
    object: "chat.completion",
    model: "m",
    choices: [{ index: 0, message: { role: "assistant", content: null }, finish_reason: "content_filter" }],
    usage,
  },
  "openai-responses": incomplete,
  "anthropic-messages": { ...message, stop_reason: "refusal" },
  "gemini-generate": blocked,
};
const streams: Readonly<Record<Protocol, readonly object[]>> = {
  "openai-chat": [chunk({ role: "assistant", content: "" }, null), chunk({}, "content_filter")],
  "openai-responses": [
    { type: "response.created", sequence_number: 0, response: { ...response, status: "in_progress" } },
    { type: "response.incomplete", sequence_number: 1, response: incomplete },
  ],
  "anthropic-messages": [
    { type: "message_start", message: { ...message, stop_reason: null } },
    { type: "message_delta", delta: { stop_reason: "refusal", stop_sequence: null }, usage: counts },
    { type: "message_stop" },
  ],
  "gemini-generate": [blocked],
};

/** Gemini's filters also end an answer that has a candidate. */
const filteredCandidates: readonly object[] = ["SAFETY", "PROHIBITED_CONTENT", "RECITATION", "IMAGE_SAFETY"].map((finishReason) => ({
  candidates: [{ index: 0, finishReason, content: { role: "model", parts: [{ text: "" }] } }],
  usageMetadata: { promptTokenCount: 3 },
  modelVersion: "m",
}));

function eventOf(event: object): string {
  const { type } = event as { readonly type?: string };
  return `${type === undefined ? "" : `event: ${type}\n`}data: ${JSON.stringify(event)}\n\n`;
}

test("an answer of the client's own protocol that a filter ended before any content goes elsewhere where fallbacks for that are configured", async () => {
  first.use((context) => {
    if (!context.isStream) return sendWhole(context, 200, {}, JSON.stringify(wholes[context.protocol]));
    const end = context.protocol === "openai-chat" ? ["data: [DONE]\n\n"] : [];
    return sendStream(context, [...streams[context.protocol].map(eventOf), ...end]);
  });
  second.use("healthy");
  const { key } = await gateway.createKey();
  for (const dialect of dialects) {
    for (const isStream of [false, true]) {
      const cell = `${dialect.id} ${isStream}`;
      const elsewhere = await ask(gateway, key, dialect, isStream, undefined, `${dialect.id}-elsewhere`);
      const headers = ["provider", "attempts"].map((name) => elsewhere.headers[`x-tokligence-${name}`]);
      assert.deepEqual([elsewhere.status, elsewhere.how, ...headers], [200, "whole", "two", "2"], `${cell} ${elsewhere.body.toString()}`);
      const here = await ask(gateway, key, dialect, isStream, undefined, `${dialect.id}-x`);
      assert.deepEqual([here.status, here.headers["x-tokligence-attempts"]], [200, "1"], cell);
    }
  }
});

test("an answer of Gemini whose only candidate a filter ended before any content goes elsewhere; one that has said something does not", async () => {
  second.use("healthy");
  const { key } = await gateway.createKey();
  const gemini = dialects.find(({ id }) => id === "gemini-generate")!;
  const attemptsFor = async (answer: object, isStream: boolean): Promise<unknown> => {
    first.use((context) =>
      context.isStream ? sendStream(context, [eventOf(answer)]) : sendWhole(context, 200, {}, JSON.stringify(answer)),
    );
    const { headers } = await ask(gateway, key, gemini, isStream, undefined, "gemini-generate-elsewhere");
    return headers["x-tokligence-attempts"];
  };
  for (const isStream of [false, true]) {
    for (const answer of filteredCandidates) assert.equal(await attemptsFor(answer, isStream), "2", JSON.stringify(answer));
    const said = { candidates: [{ index: 0, finishReason: "SAFETY", content: { role: "model", parts: [{ text: "Well" }] } }] };
    assert.equal(await attemptsFor({ ...said, usageMetadata: { promptTokenCount: 3 } }, isStream), "1");
  }
});
