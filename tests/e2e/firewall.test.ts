import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
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
    personal: { action: mask, detect: [email, card], words: [Project Aurora], users: ["*", "!trusted"] }
    secrets: { action: block, detect: [secret] }
    places: { action: observe, detect: [ip] }
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

const mail = "ada@example.com";
const said = `Write "Project Aurora" to ${mail} and ${mail}, or bob@example.org from 192.0.2.7`;
const masked = 'Write "[WORD_1]" to [EMAIL_1] and [EMAIL_1], or [EMAIL_2] from 192.0.2.7';

/** A conversation with a call of a tool and its result, in each dialect. */
const dialects: Readonly<Record<string, { readonly path: (stream: boolean) => string; readonly body: (model: string) => JsonObject }>> = {
  chat: {
    path: () => "/v1/chat/completions",
    body: (model) => ({
      model,
      messages: [
        { role: "user", content: said },
        {
          role: "assistant",
          tool_calls: [{ id: "call_1", type: "function", function: { name: "find", arguments: JSON.stringify({ note: `a\n${mail}` }) } }],
        },
        { role: "tool", tool_call_id: "call_1", content: `{"id":"${mail}"}` },
      ],
    }),
  },
  responses: {
    path: () => "/v1/responses",
    body: (model) => ({
      model,
      store: false,
      input: [
        { role: "user", content: [{ type: "input_text", text: said }] },
        { type: "function_call", call_id: "call_1", name: "find", arguments: JSON.stringify({ note: `a\n${mail}` }) },
        { type: "function_call_output", call_id: "call_1", output: mail },
      ],
    }),
  },
  messages: {
    path: () => "/v1/messages",
    body: (model) => ({
      model,
      max_tokens: 100,
      messages: [
        { role: "user", content: said },
        { role: "assistant", content: [{ type: "tool_use", id: "toolu_1", name: "find", input: { note: `a\n${mail}`, id: mail } }] },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_1", content: mail }] },
      ],
    }),
  },
  gemini: {
    path: (stream) => `/v1beta/models/MODEL:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    body: () => ({
      contents: [
        { role: "user", parts: [{ text: said }] },
        { role: "model", parts: [{ functionCall: { name: "find", args: { note: `a\n${mail}` } } }] },
        { role: "user", parts: [{ functionResponse: { name: "find", response: { id: mail } } }] },
      ],
    }),
  },
};

async function ask(
  dialect: string,
  model: string,
  stream: boolean,
  change: JsonObject = {},
  key = caller.key,
): Promise<{ status: number; text: string; headers: Headers }> {
  const { path, body } = dialects[dialect]!;
  const response = await fetch(gateway.url + path(stream).replace("MODEL", model), {
    method: "POST",
    headers: {
      authorization: `Bearer ${key}`,
      "x-goog-api-key": key,
      "content-type": "application/json",
      "anthropic-version": "2023-06-01",
    },
    body: JSON.stringify({ ...body(model), ...(dialect === "gemini" ? {} : { stream }), ...change }),
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

/** All texts of an answer, the pieces of a stream joined. */
function textsOf(body: string): string {
  const events = body.startsWith("{") ? [body] : [...body.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => data!);
  let out = "";
  JSON.parse(`[${events.join(",")}]`, (key, value: unknown) => {
    if (typeof value === "string" && ["content", "text", "delta", "arguments", "partial_json"].includes(key)) out += value;
    return value;
  });
  return out;
}

const pieces = ["To [EM", "AIL_", "1] and [", "WORD_1", "], not [EMAIL_9] or [E", "MAIL"];
const restored = `To ${mail} and Project Aurora, not [EMAIL_9] or [EMAIL`;
const models = { chat: "gpt-mock", responses: "gpt-mock", messages: "claude-mock", gemini: "gemini-mock" };

for (const [dialect, model] of Object.entries({
  ...models,
  "chat to Claude": "claude-mock",
  "messages to Gemini": "gemini-mock",
  "responses to Claude": "claude-mock",
})) {
  const client = dialect.split(" ")[0]!;
  for (const stream of [false, true]) {
    test(`${dialect}, ${stream ? "streamed" : "JSON"}: the provider gets placeholders, the client its own texts`, async () => {
      upstream.enqueue({ text: pieces });
      const { status, text, headers } = await ask(client, model, stream);
      assert.equal(status, 200, text);
      const sent = upstream.requests.at(-1)!.body.toString();
      for (const secret of [mail, "bob@", "Aurora"]) assert.ok(!sent.includes(secret), sent);
      assert.ok(sent.includes(JSON.stringify(masked).slice(1, -1)), sent);
      assert.match(sent, /a\\{1,3}n\[EMAIL_1\]/);
      assert.ok(textsOf(text).includes(restored), text);
      assert.match(headers.get("x-tokligence-firewall") ?? "", /^personal mask: word 1, email [56]; places observe: ip 1$/);
    });
    test(`${dialect}, ${stream ? "streamed" : "JSON"}: arguments of a tool come back as JSON with the client's own texts`, async () => {
      upstream.enqueue({ toolCalls: [{ name: "find", arguments: { to: "[EMAIL_2]" }, fragments: ['{"to":"[EMA', "IL_2", ']"}'] }] });
      const { status, text } = await ask(client, model, stream);
      assert.equal(status, 200, text);
      assert.ok((textsOf(text) + text).includes("bob@example.org"), text);
      assert.ok(!text.includes("[EMAIL_2]"), text);
    });
  }
}

test("a request with a secret is refused in the client's dialect, and nothing of it is sent; its row says so without the text", async () => {
  const key = "AKIAIOSFODNN7EXAMPLE";
  const bodies: Readonly<Record<string, JsonObject>> = {
    chat: { messages: [{ role: "user", content: key }] },
    responses: { input: key },
    messages: { system: [{ type: "text", text: key }] },
    gemini: { systemInstruction: { parts: [{ text: key }] } },
  };
  for (const [dialect, model] of Object.entries(models)) {
    for (const asked of dialect === "gemini" ? [model] : [model, "fast"]) {
      const { status, text } = await ask(dialect, asked, true, bodies[dialect]);
      assert.equal(status, 400, text);
      assert.match(text, /The firewall's rule \\"secrets\\" does not let this request out: it contains secret 1\./);
      assert.ok(!text.includes(key));
    }
  }
  assert.equal(upstream.requests.length, 0);
  const rows = await gateway.rows();
  const refused = rows.filter((row) => row.error_code === "firewall_blocked");
  assert.deepEqual(
    new Set(refused.map((row) => `${row.model_asked} ${row.status} ${/secrets block: secret 1/.exec(row.firewall ?? "")?.[0]}`)),
    new Set([...Object.values(models), "fast"].map((model) => `${model} refused secrets block: secret 1`)),
  );
});

test("an answer from the response cache has the texts of who asks, and the provider is asked for none of them twice", async () => {
  const { user } = await gateway.createKey("cached");
  const { key } = await gateway.gateway.accounts.createKey({ user: user.id, cache: "on" });
  const answers = [];
  for (const name of ["eve@example.com", "mallory@example.com"]) {
    upstream.enqueue({ text: ["Hello [EMAIL_1]"] });
    answers.push(await ask("chat", "gpt-mock", false, { messages: [{ role: "user", content: `I am ${name}` }] }, key));
  }
  assert.deepEqual(
    answers.map(({ text }) => textsOf(text)),
    ["Hello eve@example.com", "Hello mallory@example.com"],
  );
  assert.deepEqual(
    answers.map(({ headers }) => headers.get("x-tokligence-cache")),
    ["miss", "hit"],
  );
});

test("a target that fails is followed by one that gets placeholders as well; a user without the rule is not masked", async () => {
  upstream.enqueue({ trouble: { kind: "error", error: { status: 503 } } }, { text: ["[EMAIL_1]"] });
  const { text } = await ask("chat", "both", false);
  assert.ok(textsOf(text).includes(mail), text);
  assert.ok(upstream.requests.every(({ body }) => !body.includes(mail)));
  const trusted = await gateway.createKey("trusted");
  await ask("chat", "gpt-mock", false, {}, trusted.key);
  assert.ok(upstream.requests.at(-1)!.body.includes(mail));
});
