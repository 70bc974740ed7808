import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { rawClient, route, startEdge, users } from "./testing.ts";
import { localPrincipal } from "./edge.ts";
import type { HttpExchange } from "./http/exchange.ts";
import { guardOrigin } from "./http/origin.ts";

const echo = [
  route("/me", (exchange, { principal }) => exchange.json(200, [], JSON.stringify(principal)), { access: "admin", method: "GET" }),
  route("/me", (exchange, { principal }) => exchange.json(200, [], JSON.stringify(principal)), { access: "user" }),
  route("/metrics", (exchange) => exchange.json(200, [], "m"), { access: "loopback-or-admin", method: "GET" }),
];

const off = { limits: { authEnabled: false } };

/** Status and error code of a request with these header lines; `fetch` would not let Host and Origin through. */
async function asked(t: Parameters<typeof rawClient>[0], port: number, lines: readonly string[], target = "GET /me"): Promise<unknown> {
  const client = await rawClient(t, port);
  const { status, body } = await client.send(`${target} HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`).answer();
  return status === 200 ? 200 : [status, (JSON.parse(body) as { code: string }).code];
}

test("with auth off every credential is taken and ignored, and the caller is local", async (t) => {
  const { origin } = await startEdge(t, echo, off);
  for (const headers of [
    {},
    { authorization: "Bearer anything" },
    { authorization: "Bearer one", "x-api-key": "two" },
    { authorization: "Basic eA==" },
  ] as Record<string, string>[]) {
    const answer = await fetch(`${origin}/me`, { headers });
    assert.deepEqual([answer.status, await answer.json()], [200, localPrincipal]);
  }
});

test("with auth off the configuration says which other gateways a caller's requests may go to", async (t) => {
  const { origin } = await startEdge(t, echo, { limits: { authEnabled: false, keylessScope: "off" } });
  assert.deepEqual(await (await fetch(`${origin}/me`)).json(), { ...localPrincipal, market: "off" });
});

test("with auth off only hosts and origins of this machine are served", async (t) => {
  const { port } = await startEdge(t, echo, off);
  const refused = [403, "forbidden_origin"];
  const host = `Host: localhost:${port}`;
  const expected: [readonly string[], unknown][] = [
    [["Host: localhost"], 200],
    [["Host: LocalHost:8081"], 200],
    [["Host: 127.0.0.1:8081"], 200],
    [["Host: 127.9.8.7"], 200],
    [["Host: [::1]:8081"], 200],
    [["Host: evil.example"], refused],
    [["Host: localhost.evil.example"], refused],
    [["Host: evil.example:8081"], refused],
    [["Host: 127.0.0.1.evil.example"], refused],
    [["Host: 10.0.0.1"], refused],
    [["Host:"], refused],
    [[host, `Origin: http://localhost:${port}`], 200],
    [["Host: LocalHost:8081", "Origin: http://localhost:8081"], 200],
    [["Host: [::1]:8081", "Origin: http://[::1]:8081"], 200],
    [["Host: localhost", "Origin: http://localhost"], 200],
    // Pages of other programs on this machine.
    [[host, "Origin: http://localhost:3000"], refused],
    [[host, "Origin: http://localhost"], refused],
    [[host, `Origin: https://localhost:${port}`], refused],
    [[host, `Origin: http://127.0.0.1:${port}`], refused],
    [[host, "Origin: http://[::1]:5173"], refused],
    [[host, "Origin: https://evil.example"], refused],
    [[host, "Origin: http://localhost.evil.example"], refused],
    [[host, "Origin: http://evil.example/localhost"], refused],
    [[host, "Origin: null"], refused],
    [[host, "Origin: file://localhost"], refused],
    [[host, "Sec-Fetch-Site: cross-site"], refused],
    [[host, "Sec-Fetch-Site: same-site"], refused],
    [[host, "Sec-Fetch-Site: same-site", "Origin: http://localhost:3000"], refused],
    // Through a proxy on this machine.
    [[host, "Via: 1.1 proxy"], refused],
    [[host, "X-Forwarded-For: 203.0.113.9"], refused],
    [[host, "X-Real-IP: 203.0.113.9"], refused],
    [[host, "Sec-Fetch-Site: none"], 200],
    [[host, "Sec-Fetch-Site: same-origin"], 200],
  ];
  for (const [lines, answer] of expected) assert.deepEqual(await asked(t, port, lines), answer, lines.join(", "));
});

test("an origin that configuration names is served with auth off, too", async (t) => {
  const cors = ["https://app.example", "http://localhost:3000"];
  const { port } = await startEdge(t, echo, { limits: { authEnabled: false, cors } });
  assert.equal(await asked(t, port, ["Host: localhost", "Origin: http://localhost:3000"]), 200);
  assert.deepEqual(await asked(t, port, ["Host: localhost", "Origin: http://localhost:3001"]), [403, "forbidden_origin"]);
  assert.equal(await asked(t, port, ["Host: localhost", "Origin: https://app.example"]), 200);
  assert.deepEqual(await asked(t, port, ["Host: localhost", "Origin: https://app.example.evil"]), [403, "forbidden_origin"]);
  assert.deepEqual(await asked(t, port, ["Host: evil.example", "Origin: https://app.example"]), [403, "forbidden_origin"]);
});

test("with auth off another machine is refused, whatever Host it sends, even where a reload has turned auth off", () => {
  const settings = { authEnabled: false, trustLoopback: true, cors: [] };
  const from = (remoteAddress: string): (() => void) => {
    return () => {
      guardOrigin({ remoteAddress } as HttpExchange, { headers: { host: "localhost" } } as IncomingMessage, settings);
    };
  };
  for (const address of ["203.0.113.9", "::ffff:203.0.113.9", "2001:db8::1", "", "0.0.0.0"])
    assert.throws(from(address), { code: "forbidden_origin" }, address);
  for (const address of ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"]) assert.doesNotThrow(from(address), address);
});

test("with auth off no address but this machine's is listened on", async (t) => {
  const { edge } = await startEdge(t, echo, off);
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "example.org"]) await assert.rejects(edge.listen(host, 0), /Authentication is off/);
  for (const host of ["127.0.0.1", "localhost"]) assert.ok((await edge.listen(host, 0)) > 0);
});

test("pages of the origins that configuration names may call, others get no permission", async (t) => {
  const { origin } = await startEdge(t, echo, { limits: { cors: ["https://app.example"] } });
  const from = (page: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${origin}/me`, { ...init, headers: { origin: page, ...(init.headers as Record<string, string>) } });
  const allowed = await from("https://app.example", { headers: { "x-api-key": "tok_admin" } });
  assert.equal(allowed.headers.get("access-control-allow-origin"), "https://app.example");
  assert.equal(allowed.headers.get("access-control-expose-headers"), "*");
  assert.deepEqual(await allowed.json(), users.admin);
  const refused = await from("https://app.example");
  assert.deepEqual([refused.status, refused.headers.get("access-control-allow-origin")], [401, "https://app.example"]);
  const other = await from("https://other.example", { headers: { "x-api-key": "tok_admin" } });
  assert.deepEqual([other.status, other.headers.get("access-control-allow-origin")], [200, null]);
  const preflight = await from("https://app.example", {
    method: "OPTIONS",
    headers: { "access-control-request-method": "POST", "access-control-request-headers": "x-api-key, content-type" },
  });
  assert.deepEqual(
    [preflight.status, preflight.headers.get("access-control-allow-headers"), preflight.headers.get("content-length")],
    [204, "x-api-key, content-type", null],
  );
  assert.match(preflight.headers.get("access-control-allow-methods")!, /POST/);
  const foreign = await from("https://other.example", { method: "OPTIONS" });
  assert.deepEqual([foreign.status, foreign.headers.get("access-control-allow-methods")], [405, null]);
});

test("metrics need no key from this machine itself, but from a proxy or a page on it", async (t) => {
  const { port } = await startEdge(t, echo);
  const get = (...lines: string[]): Promise<unknown> => asked(t, port, lines, "GET /metrics");
  const missing = [401, "missing_api_key"];
  assert.equal(await get("Host: localhost:8081"), 200);
  const denied = [
    "Host: gateway.example",
    "X-Forwarded-For: 203.0.113.9",
    "X-Forwarded-Host: a.example",
    "X-Forwarded-Proto: https",
    "X-Real-IP: 203.0.113.9",
    "Forwarded: for=203.0.113.9",
    "Via: 1.1 proxy",
    "CF-Connecting-IP: 203.0.113.9",
    "Origin: https://evil.example",
    "Origin: http://localhost:3000",
    "Sec-Fetch-Site: same-site",
  ];
  for (const line of denied)
    assert.deepEqual(await get(...(line.startsWith("Host") ? [line] : ["Host: localhost:8081", line])), missing, line);
  assert.equal(await get("Host: gateway.example", "X-Forwarded-For: 203.0.113.9", "x-api-key: tok_admin"), 200);
  // As nginx asks its upstreams by default.
  const old = await rawClient(t, port);
  assert.match(await old.send("GET /metrics HTTP/1.0\r\nHost: localhost:8081\r\nConnection: close\r\n\r\n").ended(), /^HTTP\/1\.1 401 /);
});

test("where loopback is not trusted, a local program needs a key like all others", async (t) => {
  const { port } = await startEdge(t, echo, { limits: { trustLoopback: false } });
  assert.deepEqual(await asked(t, port, ["Host: localhost"], "GET /metrics"), [401, "missing_api_key"]);
  assert.equal(await asked(t, port, ["Host: localhost", "api-key: tok_admin"], "GET /metrics"), 200);
});
