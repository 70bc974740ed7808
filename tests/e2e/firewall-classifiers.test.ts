import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { withClassifiers } from "../../src/app/compose/classifiers.ts";
import { Firewall, firewallSchema, readFirewall } from "../../src/policy/index.ts";
import { protocols } from "../../src/protocols/index.ts";
import { createClassifierServer, type ClassifierServer } from "../testbed/classifier-server.ts";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import type { JsonObject } from "../testbed/json.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { startGateway, withMockUpstream, type TestGateway } from "./harness.ts";

let upstream: MockUpstream;
let judges: ClassifierServer;
let gateway: TestGateway;
const keys = new Map<string, string>();

before(async () => {
  upstream = await createMockUpstream();
  judges = await createClassifierServer();
  const { url } = judges;
  gateway = await startGateway({
    env: { GUARD_KEY: "guard-secret" },
    config: `${withMockUpstream(upstream.url)}
response_cache: { enabled: true }
models: { both: { targets: [openai/gpt-mock, local/org/local-model], strategy: priority } }
firewall:
  rules:
    addresses: { action: mask, direction: both, detect: [email] }
    people: { action: mask, direction: both, classifiers: [presidio], users: [pia] }
    safety: { action: block, direction: both, classifiers: [guard], users: [gus] }
    fights: { action: block, direction: both, classifiers: [moderation], users: [mona] }
    birds: { action: mask, classifiers: [hook], users: [hal] }
    closed: { action: block, direction: both, classifiers: [broken], users: [clara] }
    late: { action: mask, direction: answer, classifiers: [silent], users: [sid] }
    open: { action: block, direction: both, classifiers: [lenient], users: [otto] }
  classifiers:
    presidio: { kind: presidio, url: "${url}/analyze" }
    guard: { kind: guard_model, url: "${url}/v1/chat/completions", model: llama-guard, api_key: "\${GUARD_KEY}" }
    moderation: { kind: moderation, url: "${url}/v1/moderations", streams: after }
    hook: { kind: webhook, url: "${url}/hook" }
    broken: { kind: webhook, url: "${url}/broken" }
    silent: { kind: webhook, url: "${url}/silent", deadline: 50ms }
    lenient: { kind: webhook, url: "${url}/broken", on_error: open }
`,
  });
  for (const name of ["pia", "gus", "mona", "hal", "clara", "sid", "otto", "none"]) keys.set(name, (await gateway.createKey(name)).key);
});
after(async () => {
  await gateway.stop();
  await upstream.close();
  await judges.close();
});
afterEach(() => {
  upstream.reset();
  judges.requests.length = 0;
});

const models = { chat: "gpt-mock", responses: "gpt-mock", messages: "claude-mock", gemini: "gemini-mock" } as const;
type Dialect = keyof typeof models;

function bodyOf(dialect: Dialect, model: string, text: string): JsonObject {
  if (dialect === "gemini") return { contents: [{ role: "user", parts: [{ text }] }] };
  if (dialect === "responses") return { model, input: text, store: false };
  return { model, max_tokens: 100, messages: [{ role: "user", content: text }] };
}

interface Asked {
  readonly user: string;
  readonly text: string;
  readonly stream?: boolean;
  readonly model?: string;
  readonly change?: JsonObject;
  readonly key?: string;
}

async function ask(dialect: Dialect, { user, text, stream = false, model = models[dialect], change = {}, key = keys.get(user)! }: Asked) {
  const paths = {
    chat: "/v1/chat/completions",
    responses: "/v1/responses",
    messages: "/v1/messages",
    gemini: `/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
  };
  const response = await fetch(gateway.url + paths[dialect], {
    method: "POST",
    headers: {
      authorization: `Bearer ${key}`,
      "x-goog-api-key": key,
      "content-type": "application/json",
      "anthropic-version": "2023-06-01",
    },
    body: JSON.stringify({ ...bodyOf(dialect, model, text), ...(dialect === "gemini" ? {} : { stream }), ...change }),
  });
  return { status: response.status, text: await response.text(), found: response.headers.get("x-tokligence-firewall") };
}

/** The texts of an answer by the members that have them, the pieces of a stream joined. */
function textsOf(body: string): string {
  const events = body.startsWith("{") ? [body] : [...body.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => data!);
  let out = "";
  JSON.parse(`[${events.join(",")}]`, (member, value: unknown) => {
    if (typeof value === "string" && ["content", "text", "delta", "arguments", "partial_json"].includes(member)) out += value;
    return value;
  });
  return out;
}

const sent = (): string => upstream.requests.map(({ body }) => body.toString()).join("\n");
const lastRow = async (): Promise<unknown[]> => {
  const row = (await gateway.rows()).at(-1)!;
  return [row.status, row.error_code, row.http_status, row.firewall];
};

for (const [name, model] of Object.entries({ ...models, "chat of Claude": "claude-mock", "messages of Gemini": "gemini-mock" })) {
  const dialect = name.split(" ")[0] as Dialect;
  for (const stream of [false, true]) {
    const form = stream ? "streamed" : "JSON";
    test(`${name}, ${form}: what Presidio finds is masked in the request and in the answer, and the client's own text comes back`, async () => {
      upstream.enqueue({ text: ["Hi [PER", "SON_1] of [EMAIL_1], I am Bob ", "Babbage."] });
      const { status, text } = await ask(dialect, { user: "pia", text: "😀 I am Ada Lovelace, ada@example.com", stream, model });
      assert.equal(status, 200, text);
      assert.ok(sent().includes("I am [PERSON_1], [EMAIL_1]") && !sent().includes("Lovelace"), sent());
      assert.ok(textsOf(text).includes("Hi Ada Lovelace of ada@example.com, I am [PERSON_2]."), text);
      assert.ok(!text.includes("Babbage"), text);
      assert.ok(!JSON.stringify(judges.requests).includes("ada@example.com"), "a classifier gets what the provider gets");
      assert.deepEqual(await lastRow(), [
        "ok",
        null,
        200,
        "addresses mask: email 1; people mask: person 1; people mask in answer: person 1",
      ]);
    });

    test(`${name}, ${form}: an answer that a guard model calls unsafe is an error of the dialect, and nothing of it comes out`, async () => {
      upstream.enqueue({ text: ["Take a bo", "mb and so on"] });
      const { status, text } = await ask(dialect, { user: "gus", text: `hello ${name} ${form}`, stream, model });
      assert.equal(status, stream ? 200 : 400, text);
      assert.match(text, /The firewall's rule \\"safety\\" does not let this answer through: it contains s9 1\./);
      assert.ok(!text.includes("bomb") && !text.includes("so on") && !text.includes("Take"), text);
      assert.deepEqual(await lastRow(), ["interrupted", "firewall_answer_blocked", stream ? 200 : 400, "safety block in answer: s9 1"]);
      assert.deepEqual(judges.requests.at(-1)?.body["messages"], [
        { role: "user", content: `hello ${name} ${form}` },
        { role: "assistant", content: "Take a bomb and so on" },
      ]);
      assert.equal(judges.requests.at(-1)?.headers.authorization, "Bearer guard-secret");
    });

    test(`${name}, ${form}: an answer without a judgement does not pass, unless on_error is open`, async () => {
      upstream.enqueue({ text: ["Good ", "day"] }, { text: ["Good ", "day"] });
      const closed = await ask(dialect, { user: "sid", text: "hello", stream, model });
      assert.equal(closed.status, stream ? 200 : 503, closed.text);
      assert.ok(closed.text.includes("lets none pass unjudged") && !closed.text.includes("Good"), closed.text);
      assert.deepEqual(await lastRow(), ["interrupted", "firewall_unavailable", stream ? 200 : 503, "late mask in answer: unjudged 1"]);
      const open = await ask(dialect, { user: "otto", text: "hello", stream, model });
      assert.ok(textsOf(open.text).includes("Good day"), open.text);
      assert.deepEqual(await lastRow(), ["ok", null, 200, "open block: unjudged 1; open block in answer: unjudged 1"]);
    });
  }

  test(`${name}: a request that is called unsafe, or has no judgement, is refused, and nothing is sent`, async () => {
    const unsafe = await ask(dialect, { user: "gus", text: "How do I build a bomb?", model });
    assert.deepEqual([unsafe.status, unsafe.text.includes('rule \\"safety\\"')], [400, true], unsafe.text);
    assert.deepEqual(await lastRow(), ["refused", "firewall_blocked", 400, "safety block: s9 1"]);
    const unjudged = await ask(dialect, { user: "clara", text: "hello", model });
    assert.deepEqual([unjudged.status, unjudged.text.includes("request judged")], [503, true], unjudged.text);
    assert.deepEqual(await lastRow(), ["refused", "firewall_unavailable", 503, "closed block: unjudged 1"]);
    assert.equal(upstream.requests.length, 0);
  });
}

test("arguments of tools are masked as JSON, whole and streamed, and come back", async () => {
  for (const stream of [false, true]) {
    upstream.enqueue({
      toolCalls: [
        {
          name: "find",
          arguments: { to: "x\nBob Babbage", of: "[PERSON_1]" },
          fragments: ['{"to":"x\\nBob Bab', 'bage","of":"[PERSON_1]"}'],
        },
      ],
    });
    const { text } = await ask("chat", { user: "pia", text: "Ada Lovelace", stream });
    const calls = stream
      ? textsOf(text)
      : (JSON.parse(text) as { choices: { message: { tool_calls: { function: { arguments: string } }[] } }[] }).choices[0]!.message
          .tool_calls[0]!.function.arguments;
    assert.deepEqual(JSON.parse(calls), { to: "x\n[PERSON_2]", of: "Ada Lovelace" }, text);
  }
});

test("with streams: after, a stream passes at once, and its row says what was found after it", async () => {
  upstream.enqueue({ text: ["What a br", "awl at a@example.org"] }, { text: ["What a brawl"] });
  const { text } = await ask("chat", { user: "mona", text: "hello", stream: true });
  assert.equal(textsOf(text), "What a brawl at [EMAIL_1]");
  await waitUntil("the stream is judged", async () => {
    const [status, , , firewall] = await lastRow();
    return status === "ok" && firewall === "addresses mask in answer: email 1; fights observe in answer: violence 1";
  });
  assert.deepEqual(judges.requests.at(-1)?.body["input"], ["What a brawl at [EMAIL_1]"]);
  const { status } = await ask("chat", { user: "mona", text: "hello" });
  assert.equal(status, 400);
});

test("a webhook masks; a conversation sends only what is new to it, and users without such a rule are sent nowhere", async () => {
  upstream.enqueue({ text: ["I know [CODE_NAME_1]"] }, { text: ["Again [CODE_NAME_1]"] }, { text: ["Hello"] });
  const first = await ask("chat", { user: "hal", text: "the raven flies" });
  assert.ok(first.text.includes("I know raven"), first.text);
  assert.equal(first.found, "birds mask: code_name 1");
  const messages = [
    { role: "user", content: "the raven flies" },
    { role: "assistant", content: "I know raven" },
    { role: "user", content: "and now?" },
  ];
  const second = await ask("chat", { user: "hal", text: "", change: { messages } });
  assert.ok(second.text.includes("Again raven"), second.text);
  assert.deepEqual(
    judges.requests.map(({ body }) => body["texts"]),
    [["the raven flies"], ["I know raven", "and now?"]],
  );
  judges.requests.length = 0;
  await ask("chat", { user: "none", text: "the raven flies" });
  assert.equal(judges.requests.length, 0);
});

test("a kept answer, an alias, a fallback, a stored response and one in the background are judged alike", async () => {
  const { user } = await gateway.createKey("pia");
  const { key } = await gateway.gateway.accounts.createKey({ user: user.id, cache: "on" });
  const answered = { text: ["Hi [PERSON_1], I am Bob Babbage."] };
  const expected = "Hi Ada Lovelace, I am [PERSON_2].";
  upstream.enqueue(answered);
  for (const asked of ["miss", "hit"]) {
    const { text } = await ask("chat", { user: "pia", text: "Ada Lovelace", key });
    assert.ok(textsOf(text).includes(expected), `${asked}: ${text}`);
  }
  assert.equal(upstream.requests.length, 1);
  upstream.enqueue(answered, { trouble: { kind: "error", error: { status: 503 } } }, answered);
  for (const model of ["fast", "both"]) {
    const { text } = await ask("chat", { user: "pia", text: "Ada Lovelace", model });
    assert.ok(textsOf(text).includes(expected), `${model}: ${text}`);
  }
  const headers = { authorization: `Bearer ${keys.get("pia")}`, "content-type": "application/json" };
  for (const more of [{ store: true }, { background: true }]) {
    upstream.enqueue(answered);
    const body = JSON.stringify({ model: "claude-mock", input: "Ada Lovelace", ...more });
    const made = (await (await fetch(`${gateway.url}/v1/responses`, { method: "POST", headers, body })).json()) as { id: string };
    const text = await waitUntil("the response is completed", async () => {
      const read = await (await fetch(`${gateway.url}/v1/responses/${made.id}`, { headers })).text();
      return read.includes('"completed"') ? read : undefined;
    });
    assert.ok(text.includes(expected), text);
    const streamed = await (await fetch(`${gateway.url}/v1/responses/${made.id}?stream=true`, { headers })).text();
    assert.ok(streamed.includes(expected) && !streamed.includes("Babbage"), streamed);
    upstream.enqueue({ text: ["ok"] });
    const next = (await (
      await fetch(`${gateway.url}/v1/responses`, {
        method: "POST",
        headers,
        body: JSON.stringify({ model: "claude-mock", input: "and?", previous_response_id: made.id }),
      })
    ).json()) as { id: string };
    const items = await (await fetch(`${gateway.url}/v1/responses/${next.id}/input_items`, { headers })).text();
    assert.ok(items.includes(expected) && !items.includes("Babbage"), items);
  }
  assert.ok(!sent().includes("Lovelace"), sent());
});

test("a stream that waited and is blocked is not stored", async () => {
  upstream.enqueue({ text: ["Take a ", "bomb"] });
  const headers = { authorization: `Bearer ${keys.get("gus")}`, "content-type": "application/json" };
  const body = JSON.stringify({ model: "claude-mock", input: "what?", store: true, stream: true });
  const text = await (await fetch(`${gateway.url}/v1/responses`, { method: "POST", headers, body })).text();
  assert.match(text, /does not let this answer through/);
  assert.deepEqual(await gateway.sql("select id from stored_responses where response like '%bomb%'"), []);
});

test("a trial of the rules asks classifiers, and says why one has no judgement", async () => {
  const { url } = judges;
  const { rules, classifiers } = readFirewall(
    firewallSchema.parse({
      rules: {
        people: { action: "mask", detect: ["email"], classifiers: ["presidio", "broken"] },
        safety: { action: "block", classifiers: ["guard"] },
      },
      classifiers: {
        presidio: { kind: "presidio", url: `${url}/analyze` },
        broken: { kind: "webhook", url: `${url}/broken` },
        guard: { kind: "guard_model", url: `${url}/v1/chat/completions`, model: "llama-guard" },
      },
    }),
  );
  const text = "Ada Lovelace (ada@example.com) and a bomb";
  assert.deepEqual(await withClassifiers(classifiers, protocols, (known) => new Firewall(rules, known).test(text)), [
    {
      rule: "people",
      action: "mask",
      matches: [
        { start: 0, end: 12, kind: "person" },
        { start: 14, end: 29, kind: "email" },
      ],
      categories: [],
      problems: ["broken answered 500"],
    },
    { rule: "safety", action: "block", matches: [], categories: ["s9"], problems: [] },
  ]);
});

test("metrics count what was found and what was not judged, and no log line or row has a text", async () => {
  const metrics = await (await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${gateway.adminKey}` } })).text();
  assert.match(metrics, /tokligence_firewall_unjudged_total\{classifier="broken"\} \d+/);
  assert.match(metrics, /tokligence_firewall_found_total\{rule="people",action="mask",direction="request"\} \d+/);
  assert.ok(!metrics.includes('firewall_found_total{rule="closed"'), "a missing judgement is no find");
  const log = await gateway.logText();
  assert.match(log, /a classifier of the firewall has no judgement/);
  for (const text of ["Lovelace", "Babbage", "bomb", "brawl"]) assert.ok(!log.includes(text), text);
});
