import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import { announcementsOver } from "./both-ways.ts";
import type { Caller, TestGateway } from "./harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "./harness.ts";
import { jsonBodies } from "./json-text.ts";
import { sendRaw } from "./raw-http.ts";

/** Does not check requests: whatever the body holds, it is recorded as it came. */
let mock: MockUpstream;
let gateway: TestGateway;
let caller: Caller;
before(async () => {
  mock = await createMockUpstream({ validate: false, apiKeys: Object.values(providerKeys) });
  gateway = await startGateway({ config: withMockUpstream(mock.url) });
  await announcementsOver(mock, Object.keys(providerKeys).length);
  caller = await gateway.createKey("alice");
});
beforeEach(() => mock.reset());
after(async () => {
  await gateway.stop();
  await mock.close();
});

interface RouteCase {
  readonly path: string;
  readonly upstream: string;
  readonly fixed: readonly (readonly [string, string])[];
}

const chatMessages = ["messages", '[{"role":"user","content":"caf\\u00e9 ✓"}]'] as const;
const contents = ["contents", '[{"role":"user","parts":[{"text":"hi"}]}]'] as const;
const geminiBodies: Readonly<Record<string, readonly [string, string]>> = {
  embedContent: ["content", '{"parts":[{"text":"hi"}]}'],
  batchEmbedContents: ["requests", '[{"model":"models/gemini-mock","content":{"parts":[]}}]'],
};
const routes: readonly RouteCase[] = [
  ...["/v1/chat/completions", "/v1beta/openai/chat/completions"].map((path) => ({
    path,
    upstream: "/v1/chat/completions",
    fixed: [["model", '"gpt-mock"'], chatMessages, ["max_tokens", "1.0e2"]] as const,
  })),
  {
    path: "/v1/chat/completions",
    upstream: "/v1/chat/completions",
    fixed: [["model", '"gpt-mock"'], ["stream", "true"], ["stream_options", '{ "x": 1.0, "include_usage" : true }'], chatMessages],
  },
  {
    path: "/v1/responses",
    upstream: "/v1/responses",
    fixed: [
      ["model", '"gpt-mock"'],
      ["input", '"hi"'],
      ["stream", "true"],
    ],
  },
  {
    path: "/v1/responses",
    upstream: "/v1/responses",
    fixed: [
      ["model", '"gpt-mock"'],
      ["input", '"hi"'],
      ["store", "false"],
    ],
  },
  {
    path: "/v1/responses/input_tokens",
    upstream: "/v1/responses/input_tokens",
    fixed: [
      ["model", '"gpt-mock"'],
      ["input", '"hi"'],
    ],
  },
  ...["/v1/embeddings", "/v1beta/openai/embeddings"].map((path) => ({
    path,
    upstream: "/v1/embeddings",
    fixed: [
      ["model", '"text-embedding-mock"'],
      ["input", '["a","b"]'],
    ] as const,
  })),
  ...["/v1/messages", "/anthropic/v1/messages"].flatMap((path) => [
    {
      path,
      upstream: "/v1/messages",
      fixed: [["model", '"claude-mock"'], ["max_tokens", "10"], ["stream", "true"], chatMessages] as const,
    },
    { path, upstream: "/v1/messages", fixed: [["model", '"claude-m\\u006fck"'], ["max_tokens", "1e2"], chatMessages] as const },
    { path: `${path}/count_tokens`, upstream: "/v1/messages/count_tokens", fixed: [["model", '"claude-mock"'], chatMessages] as const },
  ]),
  ...["/v1beta", "/v1"].flatMap((version) =>
    ["generateContent", "streamGenerateContent?alt=sse", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"].map(
      (verb) => ({
        path: `${version}/models/gemini-mock:${verb}`,
        upstream: `/v1beta/models/gemini-mock:${verb}`,
        fixed: [geminiBodies[verb] ?? contents],
      }),
    ),
  ),
];

for (const { path, upstream, fixed } of routes) {
  const what = fixed.map(([key]) => key).join(", ");
  test(`every byte of a body reaches the upstream: ${path} with ${what}`, async () => {
    await fc.assert(
      fc.asyncProperty(jsonBodies(fixed), async (body) => {
        mock.reset();
        mock.enqueue({ text: ["ok"] });
        await sendRaw(gateway.url, { path, headers: ["x-api-key", caller.key, "content-type", "application/json"], body });
        assert.equal(mock.requests.length, 1);
        assert.equal(mock.requests[0]?.body.toString(), body);
        assert.equal(mock.requests[0].url, upstream);
      }),
      { numRuns: 15 },
    );
  });
}

const bearer = (): readonly string[] => ["authorization", `Bearer ${caller.key}`, "content-type", "application/json"];

test("with an alias only the model's string differs", async () => {
  const cases = [
    { path: "/v1/chat/completions", alias: '"fast"', model: '"gpt-mock"', fixed: [chatMessages] },
    { path: "/v1/responses", alias: '"fast"', model: '"gpt-mock"', fixed: [["input", '"fast"']] },
    { path: "/v1/embeddings", alias: '"f\\u0061st"', model: '"gpt-mock"', fixed: [["input", '"fast"']] },
    { path: "/v1/messages", alias: '"clever"', model: '"claude-mock"', fixed: [["max_tokens", "5"], chatMessages] },
    { path: "/v1/messages/count_tokens", alias: '"clever"', model: '"claude-mock"', fixed: [chatMessages] },
    { path: "/v1/chat/completions", alias: '"nearby"', model: '"org/local-model"', fixed: [chatMessages] },
    { path: "/v1/chat/completions", alias: '"local/some/model"', model: '"some/model"', fixed: [chatMessages] },
  ] as const;
  for (const { path, alias, model, fixed } of cases) {
    await fc.assert(
      fc.asyncProperty(jsonBodies([["model", '"%MODEL%"'], ...fixed]), async (template) => {
        mock.reset();
        mock.enqueue({ text: ["ok"] });
        await sendRaw(gateway.url, { path, headers: bearer(), body: template.replace('"%MODEL%"', alias) });
        assert.equal(mock.requests[0]?.body.toString(), template.replace('"%MODEL%"', model));
      }),
      { numRuns: 10 },
    );
  }
});

test("with an alias Gemini's path names the model, and so does a body that repeats it", async () => {
  const calls = [
    ["/v1beta/models/quick:generateContent", '{ "contents":[ ] , "x":1.0}', '{ "contents":[ ] , "x":1.0}'],
    [
      "/v1/models/quick:countTokens",
      '{"generateContentRequest":{ "model" : "models/quick","contents":[]}}',
      '{"generateContentRequest":{ "model" : "models/gemini-mock","contents":[]}}',
    ],
    [
      "/v1beta/models/quick:batchEmbedContents",
      '{"requests":[{"model":"models/quick","content":{}} , {"content":{"model":"models/quick"},"model":"models/quick"}]}',
      '{"requests":[{"model":"models/gemini-mock","content":{}} , {"content":{"model":"models/quick"},"model":"models/gemini-mock"}]}',
    ],
  ] as const;
  for (const [path, sent, received] of calls) {
    mock.reset();
    await sendRaw(gateway.url, { path, headers: bearer(), body: sent });
    assert.deepEqual(
      mock.requests.map(({ url, body }) => [url, body.toString()]),
      [[path.replace("/v1/", "/v1beta/").replace("quick", "gemini-mock"), received]],
    );
  }
});

test("a large body in many pieces passes whole, with and without an edit", async () => {
  const filler = Buffer.from(`"${"caf\u00e9 日本 ".repeat(20_000)}"`);
  for (const [asked, served] of [
    ["gpt-mock", "gpt-mock"],
    ["fast", "gpt-mock"],
  ] as const) {
    mock.reset();
    mock.enqueue({ text: ["ok"] });
    const pieces = [
      Buffer.from('{"filler":'),
      filler.subarray(0, 100_001),
      filler.subarray(100_001),
      Buffer.from(`,"model":"${asked}","messages":[]}`),
    ];
    const { status } = await sendRaw(gateway.url, { path: "/v1/chat/completions", headers: bearer(), body: pieces });
    assert.equal(status, 200);
    const expected = Buffer.concat([...pieces.slice(0, 3), Buffer.from(`,"model":"${served}","messages":[]}`)]);
    assert.ok(mock.requests[0]?.body.equals(expected));
    assert.equal(mock.requests[0]?.headers["content-length"], String(expected.length));
  }
});

test("an edit is made once where the body's pieces part within it", async () => {
  const body = '{"model" : "f\\u0061st","messages":[{"role":"user","content":"fast"}],"n":1.0}';
  for (let at = 1; at < 24; at += 1) {
    mock.reset();
    mock.enqueue({ text: ["ok"] });
    const pieces = [Buffer.from(body.slice(0, at)), Buffer.from(body.slice(at, at + 3)), Buffer.from(body.slice(at + 3))];
    await sendRaw(gateway.url, { path: "/v1/chat/completions", headers: bearer(), body: pieces });
    assert.equal(mock.requests[0]?.body.toString(), body.replace('"f\\u0061st"', '"gpt-mock"'), `parted at ${at}`);
  }
});

test("a compressed body is inflated and goes out as plain bytes", async () => {
  const body = '{"model":"gpt-mock", "messages":[] ,"big":12345678901234567890}';
  mock.enqueue({ text: ["ok"] });
  const headers = [...bearer(), "content-encoding", "gzip"];
  assert.equal((await sendRaw(gateway.url, { path: "/v1/chat/completions", headers, body: gzipSync(body) })).status, 200);
  assert.equal(mock.requests[0]?.body.toString(), body);
  assert.equal(mock.requests[0].headers["content-encoding"], undefined);
});

const spellings = [
  { options: "", becomes: "", inserted: '"stream_options":{"include_usage":true},' },
  { options: '"stream_options" : null,', becomes: '"stream_options" : {"include_usage":true},', inserted: "" },
  { options: '"stream_options":{ },', becomes: '"stream_options":{"include_usage":true },', inserted: "" },
  { options: '"stream_options":{ "x":1.0},', becomes: '"stream_options":{"include_usage":true, "x":1.0},', inserted: "" },
  {
    options: '"stream_options":{"x":1.0, "include_usage": false },',
    becomes: '"stream_options":{"x":1.0, "include_usage": true },',
    inserted: "",
  },
] as const;

for (const { options, becomes, inserted } of spellings) {
  test(`usage of a Chat stream is asked for without another change: ${options || "no options"}`, async () => {
    const scenario = {
      text: ["Hel", 'lo "usage":null ✓'],
      usage: { input: 21, cached: 3, output: 5, reasoning: 0 },
      delayBetweenChunksMs: 0,
    };
    const rest = `"model":"gpt-mock","messages":[{"role":"user","content":"x"}],"n":1.0,"stream":true}`;
    const sent = `{ ${options}${rest}`;
    mock.enqueue(scenario);
    const direct = await sendRaw(mock.url, {
      path: "/v1/chat/completions",
      headers: ["authorization", `Bearer ${providerKeys.openai}`],
      body: sent,
    });
    mock.reset();
    mock.enqueue(scenario);
    const { body } = await sendRaw(gateway.url, { path: "/v1/chat/completions", headers: bearer(), body: sent });
    assert.equal(mock.requests[0]?.body.toString(), `{${inserted} ${becomes}${rest}`);
    // The client sees what it would see if it asked the upstream itself: no usage chunk, no `"usage":null`.
    assert.equal(body.toString(), direct.body.toString());
    assert.ok(!body.toString().includes('"usage"'));
    const row = (await gateway.rows()).at(-1);
    assert.deepEqual([row?.input_tokens, row?.output_tokens, row?.cache_read_tokens, row?.usage_source], [21, 5, 3, "reported"]);
  });
}

const answers: readonly (readonly [path: string, body: string, key: readonly string[]])[] = [
  ["/v1/chat/completions", '{"model":"gpt-mock","messages":[]}', ["authorization", `Bearer ${providerKeys.openai}`]],
  [
    "/v1/chat/completions",
    '{"model":"gpt-mock","messages":[],"stream":true,"stream_options":{"include_usage":true}}',
    ["authorization", `Bearer ${providerKeys.openai}`],
  ],
  ["/v1/responses", '{"model":"gpt-mock","input":"x"}', ["authorization", `Bearer ${providerKeys.openai}`]],
  ["/v1/responses", '{"model":"gpt-mock","input":"x","stream":true}', ["authorization", `Bearer ${providerKeys.openai}`]],
  [
    "/v1/messages",
    '{"model":"claude-mock","max_tokens":9,"messages":[]}',
    ["x-api-key", providerKeys.anthropic, "anthropic-version", "2023-06-01"],
  ],
  [
    "/v1/messages",
    '{"model":"claude-mock","max_tokens":9,"messages":[],"stream":true}',
    ["x-api-key", providerKeys.anthropic, "anthropic-version", "2023-06-01"],
  ],
  ["/v1beta/models/gemini-mock:generateContent", '{"contents":[]}', ["x-goog-api-key", providerKeys.google]],
  ["/v1beta/models/gemini-mock:streamGenerateContent?alt=sse", '{"contents":[]}', ["x-goog-api-key", providerKeys.google]],
  ["/v1beta/models/gemini-mock:streamGenerateContent", '{"contents":[]}', ["x-goog-api-key", providerKeys.google]],
];

for (const [path, body, key] of answers) {
  test(`every byte of an answer reaches the client: ${path} ${body}`, async () => {
    const everything = {
      reasoning: ["hm", "…"],
      text: ["Hel", "lo ✓ 🚀", "日本"],
      toolCalls: [{ name: "f", arguments: { a: "é" } }],
      delayBetweenChunksMs: 0,
    };
    mock.enqueue(everything);
    const direct = await sendRaw(mock.url, { path, headers: key, body });
    assert.equal(direct.status, 200);
    mock.reset();
    mock.enqueue(everything);
    const through = await sendRaw(gateway.url, { path, headers: bearer(), body });
    assert.equal(through.status, 200);
    assert.equal(through.body.toString(), direct.body.toString());
    assert.equal(through.headers["content-type"], direct.headers["content-type"]);
  });
}
