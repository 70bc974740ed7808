import assert from "node:assert/strict";
import { test } from "node:test";
import type { Access, Route } from "./route-table.ts";
import { deferred, keys, rawClient, route, startEdge, users } from "./testing.ts";

const accesses: readonly Access[] = ["public", "user", "admin", "loopback-or-admin", "control"];

/** One route for each kind of access; each answers with who called. */
function echoRoutes(): Route[] {
  return accesses.map((access) =>
    route(`/${access}`, (exchange, { principal }) => exchange.json(200, ["content-type", "application/json"], JSON.stringify(principal)), {
      method: "GET",
      access,
    }),
  );
}

async function statuses(origin: string, headers: Record<string, string>): Promise<Record<string, number>> {
  const entries: [string, number][] = [];
  for (const access of accesses) {
    const answer = await fetch(`${origin}/${access}`, { headers });
    await answer.text();
    entries.push([access, answer.status]);
  }
  return Object.fromEntries(entries);
}

test("what is not public needs a key, an admin's route an admin's, and a control route does not exist", async (t) => {
  const { origin } = await startEdge(t, echoRoutes());
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
  assert.deepEqual(await statuses(origin, {}), { public: 200, user: 401, admin: 401, "loopback-or-admin": 200, control: 404 });
  assert.deepEqual(await statuses(origin, bearer("tok_wrong")), {
    public: 200,
    user: 401,
    admin: 401,
    "loopback-or-admin": 401,
    control: 404,
  });
  assert.deepEqual(await statuses(origin, bearer("tok_user")), {
    public: 200,
    user: 200,
    admin: 403,
    "loopback-or-admin": 403,
    control: 404,
  });
  assert.deepEqual(await statuses(origin, bearer("tok_admin")), {
    public: 200,
    user: 200,
    admin: 200,
    "loopback-or-admin": 200,
    control: 404,
  });
});

test("a key is taken from each of its four places, however its scheme is spelt, and the same one twice", async (t) => {
  const { origin } = await startEdge(t, echoRoutes());
  const carriers: [string, Record<string, string>][] = [
    ["", { authorization: "Bearer tok_user" }],
    ["", { Authorization: "bearer tok_user" }],
    ["", { authorization: "BEARER   tok_user" }],
    ["", { "x-api-key": "tok_user" }],
    ["", { "X-Goog-Api-Key": "tok_user" }],
    ["?key=tok_user", {}],
    ["?alt=sse&key=tok_user", {}],
    ["?%6bey=tok_user", {}],
    ["?key=tok_user", { authorization: "Bearer tok_user", "x-api-key": "tok_user", "x-goog-api-key": "tok_user" }],
    ["", { authorization: "Basic dXNlcjpwYXNz", "x-api-key": "tok_user" }],
    // SDKs send a header for a key that is not set, too.
    ["?key=", { authorization: "Bearer tok_user", "x-api-key": "", "x-goog-api-key": " " }],
  ];
  for (const [query, headers] of carriers) {
    const answer = await fetch(`${origin}/user${query}`, { headers });
    assert.deepEqual([answer.status, await answer.json()], [200, users.user], JSON.stringify([query, headers]));
  }
});

test("two keys that differ are refused, wherever they stand", async (t) => {
  const { origin, refused } = await startEdge(t, echoRoutes());
  const carriers: [string, Record<string, string>][] = [
    ["", { authorization: "Bearer tok_user", "x-api-key": "tok_admin" }],
    ["", { "x-api-key": "tok_user", "x-goog-api-key": "tok_admin" }],
    ["?key=tok_user", { authorization: "Bearer tok_admin" }],
    ["?key=tok_user&key=tok_admin", {}],
    ["?key=tok_user&k%65y=tok_admin", {}],
  ];
  for (const [query, headers] of carriers) {
    const answer = await fetch(`${origin}/user${query}`, { headers });
    const body = (await answer.json()) as { code: string };
    assert.deepEqual([answer.status, body.code], [400, "conflicting_credentials"], JSON.stringify([query, headers]));
  }
  assert.deepEqual(
    refused,
    carriers.map(() => "conflicting_credentials"),
  );
});

test("the query that a route sees has no key in it, and is otherwise as sent", async (t) => {
  const routes = [route("/q", (exchange, { query }) => exchange.json(200, [], query), { access: "user", method: "GET" })];
  const { origin } = await startEdge(t, routes);
  const seen = async (query: string): Promise<string> =>
    await (await fetch(`${origin}/q?${query}`, { headers: { "x-api-key": "tok_user" } })).text();
  assert.equal(await seen("alt=sse&key=tok_user&a=%C3%A9&b&c=1+2"), "alt=sse&a=%C3%A9&b&c=1+2");
  assert.equal(await seen("%6bey=tok_user&pageSize=5"), "pageSize=5");
  assert.equal(await seen("key&monkey=1"), "monkey=1");
  assert.equal(await seen("key"), "");
});

test("an authenticator that has to look is waited for; one that fails is a 500 without its message", async (t) => {
  const looked = deferred<undefined>();
  const { origin, errors } = await startEdge(t, echoRoutes(), {
    accounts: {
      authenticate: async (key) => {
        if (key === "tok_broken") throw new Error("the database says: password hunter2");
        await looked.promise;
        return keys.get(key);
      },
    },
  });
  const pending = fetch(`${origin}/user`, { headers: { "x-api-key": "tok_user" } });
  looked.resolve(undefined);
  assert.deepEqual(await (await pending).json(), users.user);
  assert.equal((await fetch(`${origin}/admin`, { headers: { "x-api-key": "tok_user" } })).status, 403);
  const broken = await fetch(`${origin}/user`, { headers: { "x-api-key": "tok_broken" } });
  const body = (await broken.json()) as { code: string; message: string };
  assert.deepEqual([broken.status, body.code], [500, "internal_error"]);
  assert.doesNotMatch(body.message, /hunter2/);
  assert.equal(errors.length, 1);
});

test("errors speak the dialect of their route, and before one is found that of the path", async (t) => {
  const nothing: Route["handle"] = () => {};
  const { origin } = await startEdge(t, [
    route("/v1/chat/completions", nothing, { access: "user" }),
    route("/v1/responses", nothing, { access: "user", dialect: "openai-responses" }),
    route("/anthropic/v1/messages", nothing, { access: "user", dialect: "anthropic-messages" }),
    route("/v1beta/models/{model}:generateContent", nothing, { access: "user", dialect: "gemini-generate" }),
    route("/v1/models", nothing, {
      method: "GET",
      access: "user",
      dialect: (headers) => (headers.includes("anthropic-version") ? "anthropic-messages" : "openai-chat"),
    }),
  ]);
  const asked = async (method: string, path: string, headers: Record<string, string> = {}): Promise<unknown> => {
    const answer = await fetch(`${origin}${path}`, { method, headers });
    const body = (await answer.json()) as { dialect: string; code: string };
    return [answer.status, body.code, body.dialect];
  };
  assert.deepEqual(await asked("POST", "/v1/chat/completions"), [401, "missing_api_key", "openai-chat"]);
  assert.deepEqual(await asked("POST", "/v1/responses"), [401, "missing_api_key", "openai-responses"]);
  assert.deepEqual(await asked("POST", "/anthropic/v1/messages"), [401, "missing_api_key", "anthropic-messages"]);
  assert.deepEqual(await asked("POST", "/v1beta/models/m:generateContent"), [401, "missing_api_key", "gemini-generate"]);
  assert.deepEqual(await asked("GET", "/v1/models", { "anthropic-version": "1" }), [401, "missing_api_key", "anthropic-messages"]);
  assert.deepEqual(await asked("GET", "/v1/models"), [401, "missing_api_key", "openai-chat"]);
  assert.deepEqual(await asked("GET", "/anthropic/v1/nothing"), [404, "not_found", "anthropic-messages"]);
  assert.deepEqual(await asked("GET", "/v1/messages/nothing"), [404, "not_found", "anthropic-messages"]);
  assert.deepEqual(await asked("GET", "/v1/responses"), [405, "method_not_allowed", "openai-responses"]);
  assert.deepEqual(await asked("POST", "/v1beta/models/m:dance"), [404, "not_found", "gemini-generate"]);
  assert.deepEqual(await asked("POST", "/v1/models/m:dance"), [404, "not_found", "gemini-generate"]);
  assert.deepEqual(await asked("GET", "/v1beta/openai/nothing"), [404, "not_found", "openai-chat"]);
});

test("a 401 names its scheme and a 405 the methods that are allowed", async (t) => {
  const { origin } = await startEdge(t, [
    route("/x", () => {}, { access: "user" }),
    route("/x", () => {}, { access: "user", method: "DELETE" }),
    route("/y/{id}", () => {}, { access: "user", method: "GET" }),
  ]);
  const unauthorized = await fetch(`${origin}/x`, { method: "POST" });
  assert.deepEqual([unauthorized.status, unauthorized.headers.get("www-authenticate")], [401, "Bearer"]);
  const wrong = await fetch(`${origin}/x`, { method: "PUT" });
  assert.deepEqual([wrong.status, wrong.headers.get("allow")], [405, "POST, DELETE"]);
  const pattern = await fetch(`${origin}/y/1`, { method: "POST" });
  assert.deepEqual([pattern.status, pattern.headers.get("allow")], [405, "GET"]);
});

test("every answer carries one id under two names, errors too, and the client's own is kept", async (t) => {
  const asked: (string | undefined)[] = [];
  const { origin, port } = await startEdge(t, [
    route("/ok", (exchange) => {
      asked.push(exchange.clientRequestId);
      exchange.json(200, [], exchange.requestId);
    }),
    route("/throws", () => {
      throw new Error("boom");
    }),
  ]);
  const seen = new Set<string>();
  for (const [path, body] of [
    ["/ok", "own"],
    ["/throws", "error"],
    ["/nowhere", "error"],
    ["//ok", "error"],
  ] as const) {
    const answer = await fetch(`${origin}${path}`, { method: "POST", headers: { "x-request-id": "mine-1" } });
    const id = answer.headers.get("x-request-id")!;
    assert.match(id, /^req_[0-9a-f-]{36}$/);
    assert.equal(answer.headers.get("request-id"), id);
    const text = await answer.text();
    assert.equal(body === "own" ? text : (JSON.parse(text) as { request: string }).request, id);
    seen.add(id);
  }
  assert.equal(seen.size, 4);
  assert.deepEqual(asked, ["mine-1"]);
  for (const broken of ["GARBAGE\r\n\r\n", "POST /ok HTTP/1.1\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"]) {
    const client = await rawClient(t, port);
    const { headers } = await client.send(broken).answer();
    assert.match(headers["x-request-id"]!, /^req_/);
    assert.equal(headers["request-id"], headers["x-request-id"]);
  }
});

test("an empty x-request-id of the client is no id, and a long one is cut", async (t) => {
  const asked: (string | undefined)[] = [];
  const { origin } = await startEdge(t, [
    route("/ok", (exchange) => {
      asked.push(exchange.clientRequestId);
      exchange.json(200, [], "");
    }),
  ]);
  for (const headers of [{}, { "x-request-id": "" }, { "x-request-id": "y".repeat(300) }])
    await fetch(`${origin}/ok`, { method: "POST", headers });
  assert.deepEqual(asked, [undefined, undefined, "y".repeat(200)]);
});
