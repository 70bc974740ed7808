import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import { announcementsOver } from "./both-ways.ts";
import type { Caller, TestGateway } from "./harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "./harness.ts";
import { headerValues, sendRaw } from "./raw-http.ts";

let mock: MockUpstream;
let gateway: TestGateway;
let caller: Caller;
before(async () => {
  mock = await createMockUpstream({ apiKeys: Object.values(providerKeys) });
  const prices = "prices: { gpt-mock: { input: 1, output: 2.5 } }\n";
  gateway = await startGateway({ config: withMockUpstream(mock.url, prices) });
  await announcementsOver(mock, Object.keys(providerKeys).length);
  caller = await gateway.createKey("alice");
});
beforeEach(() => mock.reset());
after(async () => {
  await gateway.stop();
  await mock.close();
});

const message = '[{"role":"user","content":"hi"}]';
const chat = `{"model":"gpt-mock","messages":${message}}`;
const chatStream = `{"model":"gpt-mock","messages":${message},"stream":true}`;
const dialects = [
  {
    path: "/v1/chat/completions",
    body: chat,
    carries: "authorization",
    key: `Bearer ${providerKeys.openai}`,
    own: ["openai-beta", "openai-organization", "x-stainless-lang"],
  },
  {
    path: "/v1/responses",
    body: '{"model":"gpt-mock","input":"hi"}',
    carries: "authorization",
    key: `Bearer ${providerKeys.openai}`,
    own: ["openai-project", "x-stainless-retry-count"],
  },
  {
    path: "/v1/embeddings",
    body: '{"model":"text-embedding-mock","input":"hi"}',
    carries: "authorization",
    key: `Bearer ${providerKeys.openai}`,
    own: ["openai-beta", "x-stainless-os"],
  },
  {
    path: "/v1/messages",
    body: `{"model":"claude-mock","max_tokens":5,"messages":${message}}`,
    carries: "x-api-key",
    key: providerKeys.anthropic,
    own: ["anthropic-version", "anthropic-beta", "x-stainless-lang"],
  },
  {
    path: "/v1beta/models/gemini-mock:generateContent",
    body: '{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}',
    carries: "x-goog-api-key",
    key: providerKeys.google,
    own: ["x-goog-api-client", "x-goog-user-project"],
  },
] as const;

for (const { path, body, carries, key, own } of dialects) {
  for (const carrier of ["authorization", "x-api-key", "x-goog-api-key", "query"]) {
    test(`the vendor's headers reach the upstream, the client's secrets do not: ${path}, key in ${carrier}`, async () => {
      const secret = carrier === "authorization" ? `Bearer ${caller.key}` : caller.key;
      const private_ = [
        "cookie",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "forwarded",
        "x-real-ip",
        "via",
        "proxy-authorization",
      ];
      const headers = [
        ...(carrier === "query" ? [] : [carrier, secret]),
        "content-type",
        "application/json",
        "User-Agent",
        "an-agent/1.0",
        "Traceparent",
        "00-1-2-03",
        ...own.flatMap((name) => [name, `value of ${name}`]),
        ...private_.flatMap((name) => [name, "private"]),
      ];
      const query = carrier === "query" ? `?b=%20x&key=${caller.key}&a=1&a=2` : "?b=%20x&a=1&a=2";
      const { status } = await sendRaw(gateway.url, { path: path + query, headers, body });
      assert.equal(status, 200);
      const [request] = mock.requests;
      assert.ok(request);
      assert.equal(request.url, `${path}?b=%20x&a=1&a=2`);
      assert.deepEqual(
        own.map((name) => request.headers[name]),
        own.map((name) => `value of ${name}`),
      );
      assert.deepEqual([request.headers["user-agent"], request.headers["traceparent"]], ["an-agent/1.0", "00-1-2-03"]);
      for (const name of private_) assert.equal(request.headers[name], undefined, name);
      for (const name of ["authorization", "x-api-key", "x-goog-api-key"]) {
        assert.deepEqual(headerValues(request.rawHeaders, name), name === carries ? [key] : [], name);
      }
      assert.ok(!JSON.stringify([request.url, request.rawHeaders]).includes(caller.key));
    });
  }
}

test("a provider that needs no key gets none, whichever way the client's own comes", async () => {
  const open = await createMockUpstream();
  const base = `api_key: "", base_url: "${open.url}/v1"`;
  const config = `
providers:
  openai: { ${base}, models: [gpt-mock, text-embedding-mock] }
  anthropic: { ${base}, models: [claude-mock] }
  google: { ${base}, models: [gemini-mock] }
`;
  const other = await startGateway({ config });
  try {
    await announcementsOver(open, 3);
    const { key } = await other.createKey("alice");
    for (const { path, body } of dialects) {
      for (const carrier of ["authorization", "x-api-key", "x-goog-api-key"]) {
        open.reset();
        const { status } = await sendRaw(other.url, {
          path,
          headers: [carrier, carrier === "authorization" ? `Bearer ${key}` : key],
          body,
        });
        assert.equal(status, 200, `${path} ${carrier}`);
        assert.ok(!JSON.stringify(open.requests.map(({ url, rawHeaders }) => [url, rawHeaders])).includes(key), `${path} ${carrier}`);
      }
    }
  } finally {
    await other.stop();
    await open.close();
  }
});

test("a version that Anthropic demands is added where the client sent none", async () => {
  const { path, body } = dialects[3];
  const { status } = await sendRaw(gateway.url, { path, headers: ["x-api-key", caller.key], body });
  assert.equal(status, 200);
  assert.deepEqual(headerValues(mock.requests[0]?.rawHeaders ?? [], "anthropic-version"), ["2023-06-01"]);
});

test("of an upstream's headers those of the list reach the client, and nothing that is the gateway's, its account's, its connection's or a browser's", async () => {
  const passed = {
    "x-ratelimit-remaining-tokens": "149",
    "anthropic-ratelimit-tokens-remaining": "3",
    "openai-processing-ms": "12",
    "openai-model": "gpt-mock-2026",
    "x-gemini-service-tier": "standard",
    "server-timing": "total;dur=5",
    deprecation: "true",
    sunset: "Sat, 31 Oct 2026 23:59:59 GMT",
    // Of the provider's preset.
    "x-codex-primary-used-percent": "12",
  };
  const withheld = {
    "x-custom": "kept back",
    "x-debug-auth": `Bearer ${providerKeys.openai}`,
    "openai-organization": "org-1",
    "openai-project": "proj_1",
    "anthropic-organization-id": "org-2",
    "x-ratelimit-gone": "named by connection",
    "fireworks-cached": "of another preset",
    "x-tokligence-provider": "forged",
    "x-tokligence-cost-usd": "0",
    "set-cookie": "session=secret",
    "cf-ray": "abc",
    "proxy-authenticate": "Basic",
    "www-authenticate": "Basic",
    server: "mock",
    via: "1.1 mock",
    "alt-svc": "h3",
    "strict-transport-security": "max-age=1",
    "x-should-retry": "true",
    "access-control-allow-origin": "*",
    "access-control-allow-private-network": "true",
    "content-security-policy": "default-src *",
    "clear-site-data": '"*"',
    location: "https://example.com/",
    refresh: "0; url=https://example.com/",
    link: "<https://example.com/>; rel=preload",
    "x-frame-options": "ALLOWALL",
    "permissions-policy": "camera=*",
    "service-worker-allowed": "/",
  };
  for (const body of [chat, chatStream]) {
    mock.reset();
    mock.enqueue({ text: ["ok"], headers: { ...passed, ...withheld, connection: "keep-alive, x-ratelimit-gone" } });
    const { headers, rawHeaders } = await sendRaw(gateway.url, { path: "/v1/chat/completions", headers: ["x-api-key", caller.key], body });
    assert.deepEqual(Object.fromEntries(Object.keys(passed).map((name) => [name, headers[name]])), passed);
    const { "x-tokligence-provider": provider, ...others } = Object.fromEntries(Object.keys(withheld).map((name) => [name, headers[name]]));
    assert.equal(provider, "openai");
    const { "x-tokligence-cost-usd": cost, ...rest } = others;
    assert.notEqual(cost, "0");
    assert.deepEqual(
      Object.entries(rest).filter(([, value]) => value !== undefined),
      [],
    );
    assert.ok(!JSON.stringify(rawHeaders.filter((name) => name.toLowerCase() !== "x-tokligence-upstream-request-id")).includes("org-"));
  }
});

for (const { path, body } of dialects) {
  test(`one id names the request to the client, its proxy and the ledger: ${path}`, async () => {
    const headers = ["x-api-key", caller.key, "x-request-id", "the-client's-own"];
    const reply = await sendRaw(gateway.url, { path, headers, body });
    const row = (await gateway.rows()).at(-1);
    assert.match(row?.request_id ?? "", /^req_[0-9a-f-]{36}$/);
    assert.deepEqual(headerValues(reply.rawHeaders, "x-request-id"), [row?.request_id]);
    assert.deepEqual(headerValues(reply.rawHeaders, "request-id"), [row?.request_id]);
    assert.equal(row?.client_request_id, "the-client's-own");
    assert.equal(mock.requests[0]?.headers["x-request-id"], undefined);
  });
}

test("the gateway's own headers tell provider, model, attempts, overhead and cost", async () => {
  mock.enqueue({ text: ["ok"], usage: { input: 100, cached: 0, output: 30, reasoning: 0 } });
  const { headers } = await sendRaw(gateway.url, {
    path: "/v1/chat/completions",
    headers: ["x-api-key", caller.key],
    body: chat.replace("gpt-mock", "fast"),
  });
  assert.deepEqual(
    ["x-tokligence-provider", "x-tokligence-model", "x-tokligence-attempts", "x-tokligence-cost-usd"].map((name) => headers[name]),
    ["openai", "gpt-mock", "1", "0.000175"],
  );
  assert.match(String(headers["x-tokligence-overhead-ms"]), /^\d+(?:\.\d{1,2})?$/);
  const row = (await gateway.rows()).at(-1);
  assert.deepEqual([row?.model_asked, row?.model_served, row?.cost_nano_usd], ["fast", "gpt-mock", 175_000]);
});

const streams = [
  ["/v1/chat/completions", chatStream],
  ["/v1/responses", '{"model":"gpt-mock","input":"hi","stream":true}'],
  ["/v1/messages", `{"model":"claude-mock","max_tokens":5,"messages":${message},"stream":true}`],
  ["/v1beta/models/gemini-mock:streamGenerateContent?alt=sse", '{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}'],
] as const;

for (const [path, body] of streams) {
  test(`a stream is kept from caches and buffers, and names its provider: ${path}`, async () => {
    const { headers, rawHeaders } = await sendRaw(gateway.url, { path, headers: ["x-api-key", caller.key], body });
    assert.deepEqual(headerValues(rawHeaders, "cache-control"), ["no-cache"]);
    assert.deepEqual(headerValues(rawHeaders, "x-accel-buffering"), ["no"]);
    assert.match(String(headers["content-type"]), /^text\/event-stream/);
    assert.equal(headers["x-tokligence-attempts"], "1");
    assert.deepEqual(headerValues(rawHeaders, "transfer-encoding"), ["chunked"]);
    assert.equal(headers["content-length"], undefined);
  });
}

test("an upstream that refuses the provider's key is a 502 that shows neither key, and one that limits the rate says when to retry", async () => {
  mock.enqueue(
    { trouble: { kind: "error", error: { status: 401, message: `Incorrect API key provided: ${providerKeys.openai}` } } },
    { trouble: { kind: "error", error: { status: 429, message: "slow down", headers: { "retry-after": "7" } } } },
    { trouble: { kind: "error", error: { status: 400, message: `You sent ${providerKeys.openai}` } } },
  );
  // Models of their own, as a key that is limited is left alone for that model.
  const send = (model: string): ReturnType<typeof sendRaw> =>
    sendRaw(gateway.url, {
      path: "/v1/chat/completions",
      headers: ["x-api-key", caller.key],
      body: chat.replace(/"gpt-[^"]*"/, `"${model}"`),
    });
  const refused = await send("gpt-refused");
  const limited = await send("gpt-limited");
  const repeated = await send("gpt-repeated");
  assert.deepEqual([refused.status, limited.status, limited.headers["retry-after"], repeated.status], [502, 429, "7", 400]);
  const all =
    Buffer.concat([refused.body, limited.body, repeated.body]).toString() + JSON.stringify([refused.rawHeaders, limited.rawHeaders]);
  assert.ok(!all.includes(providerKeys.openai));
  const log = await gateway.logText();
  for (const secret of [...Object.values(providerKeys), caller.key, gateway.adminKey]) assert.ok(!log.includes(secret));
});
