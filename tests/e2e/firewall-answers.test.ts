import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import type { Scenario } from "../testbed/scenario.ts";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import type { JsonObject } from "../testbed/json.ts";
import { startGateway, withMockUpstream, type Caller, type TestGateway } from "./harness.ts";

let upstream: MockUpstream;
let gateway: TestGateway;
let caller: Caller;

before(async () => {
  upstream = await createMockUpstream();
  gateway = await startGateway({
    config: `${withMockUpstream(upstream.url)}
response_cache: { enabled: true }
models: { both: { targets: [openai/gpt-mock, local/org/local-model], strategy: priority } }
firewall:
  rules:
    personal: { action: mask, direction: both, detect: [email] }
    keys: { action: block, direction: answer, detect: [secret] }
    places: { action: observe, direction: answer, detect: [ip] }
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
const other = "eve@example.org";
const key = "AKIAIOSFODNN7EXAMPLE";
const models = { chat: "gpt-mock", responses: "gpt-mock", messages: "claude-mock", gemini: "gemini-mock" } as const;
type Dialect = keyof typeof models;

function bodyOf(dialect: Dialect, model: string): JsonObject {
  const text = `I am ${own}.`;
  if (dialect === "gemini") return { contents: [{ role: "user", parts: [{ text }] }] };
  if (dialect === "responses") return { model, input: text, store: false };
  return { model, max_tokens: 100, messages: [{ role: "user", content: text }] };
}

interface Asked {
  readonly model?: string;
  readonly key?: string;
  readonly change?: JsonObject;
}

async function ask(dialect: Dialect, stream: boolean, { model = models[dialect], key: ownKey = caller.key, change = {} }: Asked = {}) {
  const paths = {
    chat: "/v1/chat/completions",
    responses: "/v1/responses",
    messages: "/v1/messages",
    gemini: `/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
  };
  const response = await fetch(gateway.url + paths[dialect], {
    method: "POST",
    headers: {
      authorization: `Bearer ${ownKey}`,
      "x-goog-api-key": ownKey,
      "content-type": "application/json",
      "anthropic-version": "2023-06-01",
    },
    body: JSON.stringify({ ...bodyOf(dialect, model), ...(dialect === "gemini" ? {} : { stream }), ...change }),
  });
  return { status: response.status, text: await response.text(), found: response.headers.get("x-tokligence-firewall") };
}

/** The texts of an answer by the members that have them, the pieces of a stream joined. */
function textsOf(body: string): string {
  const events = body.startsWith("{") ? [body] : [...body.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => data!);
  let out = "";
  JSON.parse(`[${events.join(",")}]`, (member, value: unknown) => {
    const isText = ["content", "text", "delta", "arguments", "partial_json", "reasoning_content", "thinking"].includes(member);
    if (typeof value === "string" && isText) out += value;
    return value;
  });
  return out;
}

const answered: Scenario = {
  text: ["You are [EM", "AIL_1], and ev", "e@exam", "ple.org is at 192.0.2", ".7, not ada."],
};
const masked = `You are ${own}, and [EMAIL_2] is at 192.0.2.7, not ada.`;

for (const [name, model] of Object.entries({
  ...models,
  "chat of Claude": "claude-mock",
  "messages of Gemini": "gemini-mock",
  "gemini of OpenAI": "gpt-mock",
})) {
  const dialect = name.split(" ")[0] as Dialect;
  for (const stream of [false, true]) {
    test(`${name}, ${stream ? "streamed" : "JSON"}: what the model writes is masked, and the client's own text comes back`, async () => {
      upstream.enqueue(answered);
      const { status, text, found } = await ask(dialect, stream, { model });
      assert.equal(status, 200, text);
      assert.ok(textsOf(text).includes(masked), text);
      assert.ok(!text.includes(other), text);
      assert.equal(found, `personal mask: email 1${stream ? "" : "; personal mask in answer: email 1; places observe in answer: ip 1"}`);
      assert.equal(
        (await gateway.rows()).at(-1)!.firewall,
        "personal mask: email 1; personal mask in answer: email 1; places observe in answer: ip 1",
      );
    });

    test(`${name}, ${stream ? "streamed" : "JSON"}: arguments of a tool are masked as JSON`, async () => {
      upstream.enqueue({
        toolCalls: [{ name: "find", arguments: { to: `x\n${other}` }, fragments: ['{"to":"x\\', "neve@exam", 'ple.org"', "}"] }],
      });
      const { status, text } = await ask(dialect, stream, { model });
      assert.equal(status, 200, text);
      assert.match(textsOf(text) + text, /x\\+n\[EMAIL_2\]/);
      assert.ok(!text.includes("example.org"), text);
    });

    test(`${name}, ${stream ? "streamed" : "JSON"}: an answer with a key ends with an error of the dialect, and nothing of the key comes out`, async () => {
      upstream.enqueue({ text: ["The key is AKIAIOSF", "ODNN7EXAMPLE", " and so on"] });
      const { status, text } = await ask(dialect, stream, { model });
      assert.equal(status, stream ? 200 : 400, text);
      assert.match(text, /The firewall's rule \\"keys\\" does not let this answer through: it contains secret 1\./);
      assert.ok(!text.includes("AKIA") && !text.includes("so on"), text);
      if (stream) assert.ok(textsOf(text).startsWith("The key is "), text);
      const row = (await gateway.rows()).at(-1)!;
      assert.deepEqual(
        [row.status, row.error_code, row.http_status, row.output_tokens === null, row.firewall],
        ["interrupted", "firewall_answer_blocked", stream ? 200 : 400, false, "personal mask: email 1; keys block in answer: secret 1"],
      );
    });
  }
}

test("an error of a provider keeps its status and its words: no model has written it", async () => {
  const message = `Slow down: the limit of [EMAIL_1] with ${key} is reached.`;
  upstream.enqueue({ trouble: { kind: "error", error: { status: 400, code: "bad", message } } });
  const { status, text } = await ask("chat", false);
  assert.equal(status, 400);
  assert.ok(text.includes(`the limit of ${own}`) && !text.includes("firewall_answer_blocked"), text);
  const row = (await gateway.rows()).at(-1)!;
  assert.deepEqual([row.status, row.firewall], ["error", "personal mask: email 1"]);
});

test("reasoning is looked at, and its end comes before the answer begins", async () => {
  upstream.enqueue({ reasoning: ["Eve is eve@exam", "ple.org"], text: ["Hello"] });
  const { text } = await ask("messages", true, { change: { thinking: { type: "enabled", budget_tokens: 1024 }, max_tokens: 2000 } });
  assert.equal(textsOf(text), "Eve is [EMAIL_2]Hello");
});

test("probabilities of tokens, which have the text once more, are left out of an answer that rules may change", async () => {
  const logprobs = { content: [{ token: "eve@", logprob: -0.1, bytes: null, top_logprobs: [] }], refusal: null };
  const message = { role: "assistant", content: "Hello" };
  const body = {
    id: "c",
    object: "chat.completion",
    created: 1,
    model: "gpt-mock",
    choices: [{ index: 0, message, logprobs, finish_reason: "stop" }],
  };
  upstream.enqueue({ trouble: { kind: "error", error: { status: 200, body } } });
  const { text } = await ask("chat", false, { change: { logprobs: true } });
  assert.deepEqual((JSON.parse(text) as typeof body).choices[0], { index: 0, message, logprobs: null, finish_reason: "stop" });
});

test("a kept answer, an alias and a fallback are looked at alike; a blocked answer is not kept", async () => {
  const { user } = await gateway.createKey("cached");
  const { key: cachedKey } = await gateway.gateway.accounts.createKey({ user: user.id, cache: "on" });
  upstream.enqueue(answered);
  for (const expected of ["miss", "hit"]) {
    const { text } = await ask("chat", false, { key: cachedKey });
    assert.ok(textsOf(text).includes(masked), `${expected}: ${text}`);
  }
  assert.equal(upstream.requests.length, 1);
  for (let asked = 1; asked <= 2; asked++) {
    upstream.enqueue({ text: [key] });
    const { status } = await ask("chat", false, { key: cachedKey, change: { temperature: 0 } });
    assert.equal(status, 400);
    assert.equal(upstream.requests.length, asked + 1);
  }
  upstream.enqueue({ trouble: { kind: "error", error: { status: 503 } } }, answered);
  const { text } = await ask("chat", false, { model: "both" });
  assert.ok(textsOf(text).includes(masked), text);
});
