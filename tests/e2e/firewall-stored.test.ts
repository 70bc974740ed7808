import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { protocols, type RouteSpec } from "../../src/protocols/index.ts";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import type { JsonObject } from "../testbed/json.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { startGateway, withMockUpstream, type Caller, type TestGateway } from "./harness.ts";

let upstream: MockUpstream;
let gateway: TestGateway;
let caller: Caller;

before(async () => {
  upstream = await createMockUpstream();
  gateway = await startGateway({
    config: `${withMockUpstream(upstream.url)}
models: { both: { targets: [openai/gpt-mock, local/org/local-model], strategy: priority } }
firewall:
  rules:
    personal: { action: mask, direction: both, detect: [email] }
    keys: { action: block, direction: answer, detect: [secret] }
`,
  });
  caller = await gateway.createKey("alice");
});
after(async () => {
  await gateway.stop();
  await upstream.close();
});
afterEach(() => {
  upstream.reset();
});

const own = "ada@example.com";
const second = "bob@example.org";
const other = "eve@example.net";

async function call(
  method: string,
  path: string,
  body?: JsonObject,
): Promise<{ status: number; text: string; json: Record<string, never> }> {
  const response = await fetch(gateway.url + path, {
    method,
    headers: {
      authorization: `Bearer ${caller.key}`,
      "x-goog-api-key": caller.key,
      "content-type": "application/json",
      "anthropic-version": "2023-06-01",
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, text, json: (text.startsWith("{") ? JSON.parse(text) : {}) as Record<string, never> };
}

const sent = (): string => upstream.requests.map(({ body }) => body.toString()).join("\n");
const assertNothingSent = (): void => {
  for (const text of [own, second, other]) assert.ok(!sent().includes(text), sent());
};

// First, as the mock's ids begin anew with each test.
for (const [model, stream] of [
  ["claude-mock", true],
  ["claude-mock", false],
  ["gpt-mock", true],
] as const) {
  test(`a blocked ${stream ? "stream" : "answer"} of ${model} is not stored: no conversation goes on from it`, async () => {
    upstream.enqueue({ text: ["The key is ", "AKIAIOSFODNN7EXAMPLE"] });
    const made = await call("POST", "/v1/responses", { model, input: "hello", store: true, stream });
    assert.ok(made.text.includes("does not let this answer through") && !made.text.includes("AKIA"), made.text);
    const stored = await gateway.sql("select id from stored_responses");
    const id = stream ? /"id":"(resp_[^"]+)"/.exec(made.text)![1]! : "none";
    assert.ok(!stored.some((row) => row["id"] === id), "it is forgotten before its stream ends");
    const asked = upstream.requests.length;
    const next = await call("POST", "/v1/responses", { model, input: "and?", previous_response_id: id, store: true });
    assert.deepEqual([next.status, upstream.requests.length], [404, asked], next.text);
    const kept = await gateway.sql("select response from stored_responses where response like '%AKIA%'");
    assert.deepEqual(kept, []);
  });
}

for (const model of ["claude-mock", "gpt-mock"]) {
  const keeper = model === "claude-mock" ? "the gateway" : "its provider";

  test(`a response that ${keeper} stores comes back with the client's own texts, and what the model added stays masked`, async () => {
    upstream.enqueue({ text: [`You are [EMAIL_1], not ${other}.`] });
    const made = await call("POST", "/v1/responses", { model, input: `I am ${own}.`, store: true });
    const expected = `You are ${own}, not [EMAIL_2].`;
    assert.ok(made.text.includes(expected), made.text);
    const read = await call("GET", `/v1/responses/${made.json["id"]}`);
    assert.ok(read.text.includes(expected) && !read.text.includes(other), read.text);
    const items = await call("GET", `/v1/responses/${made.json["id"]}/input_items`);
    assert.equal(items.status, 200);
    assert.ok(items.text.includes(`I am ${own}.`), items.text);
    const rows = await gateway.sql("select input, response, placeholders from stored_responses where id = ?", String(made.json["id"]));
    assert.ok(!JSON.stringify(rows).includes(own), "originals lie sealed");
  });

  test(`a conversation that ${keeper} stores goes on with the placeholders that it has`, async () => {
    upstream.enqueue({ text: ["Hello [EMAIL_1]"] }, { text: ["[EMAIL_1] and [EMAIL_2]"] });
    const made = await call("POST", "/v1/responses", { model, input: `I am ${own}.`, store: true });
    const next = await call("POST", "/v1/responses", {
      model,
      input: `And ${second}.`,
      previous_response_id: made.json["id"],
      store: true,
    });
    assert.ok(next.text.includes(`${own} and ${second}`), next.text);
    assert.ok(sent().includes("And [EMAIL_2]."), sent());
    const read = await call("GET", `/v1/responses/${next.json["id"]}`);
    assert.ok(read.text.includes(`${own} and ${second}`), read.text);
    if (model === "claude-mock") {
      const items = await call("GET", `/v1/responses/${next.json["id"]}/input_items?order=asc`);
      assert.ok(
        items.text.includes(`I am ${own}.`) && items.text.includes(`Hello ${own}`) && items.text.includes(`And ${second}.`),
        items.text,
      );
    }
    assertNothingSent();
  });
}

test("a response that was made in the background comes back with the client's own texts, and what the model added stays masked", async () => {
  upstream.enqueue({ text: [`You are [EMAIL_1], not ${other}.`] });
  const made = await call("POST", "/v1/responses", { model: "claude-mock", input: `I am ${own}.`, background: true });
  let text = "";
  await waitUntil("the response is completed", async () => {
    ({ text } = await call("GET", `/v1/responses/${made.json["id"]}`));
    return text.includes('"completed"');
  });
  assert.ok(text.includes(`You are ${own}, not [EMAIL_2].`), text);
  assertNothingSent();
});

/** A body of each operation with a text, for the models of each dialect. */
function bodyOf(dialect: string, { operation }: RouteSpec, model: string, text: string): JsonObject {
  const content = { parts: [{ text }] };
  if (operation === "embed") return dialect === "gemini-generate" ? { content } : { model, input: [text] };
  if (operation === "batch-embed") return { requests: [{ model: `models/${model}`, content }] };
  if (dialect === "gemini-generate") return { contents: [{ role: "user", ...content }], systemInstruction: content };
  if (dialect === "openai-responses") return { model, input: text, instructions: text };
  return { model, max_tokens: 20, messages: [{ role: "user", content: text }], metadata: { user_id: text } };
}

const generators = ["gpt-mock", "claude-mock", "gemini-mock", "org/local-model", "clever", "both"];
const embedders = ["text-embedding-mock", "gemini-embedding-mock", "local-embedding"];

test("by no route, to no model and by no alias does a text leave that a rule masks, and none comes out of an answer", async () => {
  let served = 0;
  for (const protocol of protocols.values()) {
    for (const route of protocol.routes.filter(({ method }) => method === "POST")) {
      if (!["generate", "embed", "batch-embed", "count-tokens"].includes(route.operation)) continue;
      const models = route.operation.endsWith("embed") ? embedders : generators;
      for (const model of models) {
        for (const stream of route.operation === "generate" ? [false, true] : [false]) {
          const ofGemini = protocol.id === "gemini-generate";
          const path = route.path.replace("{model}", model);
          if (stream && ofGemini && route.stream !== true) continue;
          if (route.operation === "generate") upstream.enqueue({ text: [`To [EMAIL_1] or eve@exam`, "ple.net"] });
          const body = bodyOf(protocol.id, route, model, `I am ${own}.`);
          const { status, text } = await call("POST", path, { ...body, ...(ofGemini || route.operation !== "generate" ? {} : { stream }) });
          assertNothingSent();
          assert.ok(!text.includes(other), `${path} ${model}: ${text}`);
          if (status === 200) served += 1;
          upstream.reset();
        }
      }
    }
  }
  assert.ok(served > 40, `${served} requests were served`);
});
