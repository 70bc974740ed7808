import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Route } from "../../src/server/index.ts";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import { codeOf, json } from "./error-code.ts";
import { announcementsOver, requestsOfCallers } from "./both-ways.ts";
import type { Caller, TestGateway } from "./harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "./harness.ts";
import type { RawReply } from "./raw-http.ts";
import { sendRaw } from "./raw-http.ts";

let mock: MockUpstream;
let gateway: TestGateway;
let alice: Caller;
let bob: Caller;
let revoked: Caller;
before(async () => {
  mock = await createMockUpstream({ apiKeys: Object.values(providerKeys) });
  gateway = await startGateway({ config: withMockUpstream(mock.url) });
  await announcementsOver(mock, Object.keys(providerKeys).length);
  alice = await gateway.createKey("alice");
  bob = await gateway.createKey("bob");
  revoked = await gateway.createKey("alice");
  await gateway.gateway.accounts.revokeKey(revoked.keyId);
});
after(async () => {
  await gateway.stop();
  await mock.close();
});

type Carrier = "authorization" | "x-api-key" | "x-goog-api-key" | "query";
const carriers: readonly Carrier[] = ["authorization", "x-api-key", "x-goog-api-key", "query"];

function headersFor(carrier: Carrier, key: string): string[] {
  if (carrier === "query") return [];
  return carrier === "authorization" ? ["authorization", `Bearer ${key}`] : [carrier, key];
}

interface Call {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: readonly string[];
}

function send(
  path: string,
  key: string | undefined,
  carrier: Carrier = "authorization",
  { method = "POST", body, headers = [] }: Call = {},
): Promise<RawReply> {
  const credential = key === undefined ? [] : headersFor(carrier, key);
  const query = key !== undefined && carrier === "query" ? `${path.includes("?") ? "&" : "?"}key=${key}` : "";
  return sendRaw(gateway.url, {
    method,
    path: path + query,
    // Signing a browser in needs the header of a page.
    headers: [...credential, ...headers, "x-tokligence-page", "1"],
    ...(method === "POST" ? { body: body ?? "{}" } : {}),
  });
}

/** A path that the route answers; a model or id that does not exist where it has a parameter. */
function pathOf(route: Route): string {
  return route.path.replace(/\{\w+\}/, "unknown");
}

function dialectOf(route: Route, carrier: Carrier, key: string | undefined): string {
  if (typeof route.dialect === "string") return route.dialect;
  return route.dialect(key !== undefined && carrier === "x-goog-api-key" ? ["x-goog-api-key", key] : []);
}

test("every route refuses who must not call it, in its dialect, whichever way the key comes", async () => {
  const seen = new Map<string, number>();
  for (const route of gateway.gateway.table.routes) {
    const path = pathOf(route);
    const { method, access } = route;
    const call = { method };
    const where = `${method} ${route.path}`;
    const refusal = async (key: string | undefined, carrier: Carrier): Promise<readonly [number, string]> => {
      const reply = await send(path, key, carrier, call);
      return [reply.status, method === "HEAD" ? "" : codeOf(reply, dialectOf(route, carrier, key))];
    };
    seen.set(access, (seen.get(access) ?? 0) + 1);
    switch (access) {
      case "public": {
        // No credential is looked at: a wrong one does not harm.
        for (const key of [undefined, "tok_wrong", alice.key]) {
          const { status } = await send(path, key, "authorization", call);
          // The documentation redirects to its first page, and has none of that name; single sign-on is not configured.
          const isElsewhere = path.startsWith("/docs") || path.startsWith("/api/v1/sso");
          assert.ok(status === 200 || (isElsewhere && status < 500), `${where}: ${status}`);
        }
        break;
      }
      case "control":
        for (const key of [undefined, alice.key, gateway.adminKey])
          assert.deepEqual(await refusal(key, "authorization"), [404, "not_found"], where);
        break;
      case "loopback-or-admin":
        assert.equal((await send(path, undefined, "authorization", call)).status, 200, where);
        assert.equal((await send(path, gateway.adminKey, "x-api-key", call)).status, 200, where);
        assert.deepEqual(await refusal(alice.key, "authorization"), [403, "admin_required"], where);
        assert.deepEqual(await refusal("tok_wrong", "authorization"), [401, "invalid_api_key"], where);
        break;
      case "admin":
      case "user":
        assert.deepEqual(await refusal(undefined, "authorization"), [401, "missing_api_key"], where);
        for (const carrier of carriers) {
          assert.deepEqual(await refusal("tok_wrong", carrier), [401, "invalid_api_key"], `${where} ${carrier}`);
          assert.deepEqual(await refusal(revoked.key, carrier), [401, "invalid_api_key"], `${where} ${carrier}`);
          if (access === "admin") assert.deepEqual(await refusal(alice.key, carrier), [403, "admin_required"], `${where} ${carrier}`);
          const allowed = access === "admin" ? [gateway.adminKey] : [alice.key, gateway.adminKey];
          for (const key of allowed) {
            const { status } = await send(path, key, carrier, call);
            assert.ok(status !== 401 && status !== 403 && status < 500, `${where} ${carrier}: ${status}`);
          }
        }
        break;
    }
  }
  assert.deepEqual([...seen.keys()].toSorted(), ["admin", "control", "loopback-or-admin", "public", "user"]);
  assert.equal(requestsOfCallers(mock).length, 0, "nothing of this has reached a provider");
});

test("an unknown path is a 404 and an unknown method a 405, with and without a key, in the dialect of the path", async () => {
  for (const [path, dialect] of [
    ["/v1/nothing", "openai-chat"],
    ["/anthropic/v1/nothing", "anthropic-messages"],
    ["/v1beta/nothing", "gemini-generate"],
    ["/v1beta/openai/nothing", "openai-chat"],
    ["/api/v1/nothing", "openai-chat"],
  ] as const) {
    for (const key of [undefined, alice.key]) {
      const reply = await send(path, key);
      assert.deepEqual([reply.status, codeOf(reply, dialect)], [404, "not_found"], path);
    }
  }
  const reply = await send("/v1/messages", alice.key, "authorization", { method: "GET" });
  assert.deepEqual([reply.status, codeOf(reply, "anthropic-messages")], [405, "method_not_allowed"]);
});

test("parts of the vendors' APIs that are not served say so", async () => {
  for (const path of [
    "/v1/completions",
    "/v1/audio/speech",
    "/v1/images/generations",
    "/v1/moderations",
    "/v1/files",
    "/v1/batches",
    "/v1/rerank",
    "/v1/responses/compact",
  ]) {
    const reply = await send(path, alice.key);
    assert.deepEqual([reply.status, codeOf(reply, "openai-chat")], [404, "not_served"], path);
  }
  const batches = await send("/v1/messages/batches", alice.key);
  assert.deepEqual([batches.status, codeOf(batches, "anthropic-messages")], [404, "not_served"]);
});

test("two credentials that differ are a 400, two that agree are one", async () => {
  const body = '{"model":"loopback","messages":[{"role":"user","content":"hi"}]}';
  const path = "/v1/chat/completions";
  for (const [one, other] of [
    ["x-api-key", "x-goog-api-key"],
    ["x-api-key", "authorization"],
    ["x-goog-api-key", "query"],
    ["authorization", "query"],
  ] as const) {
    const differ = await send(path, alice.key, one, { body, headers: headersFor(other, bob.key) }).then((reply) =>
      other === "query" ? send(`${path}?key=${bob.key}`, alice.key, one, { body }) : reply,
    );
    assert.deepEqual([differ.status, codeOf(differ, "openai-chat")], [400, "conflicting_credentials"], `${one}, ${other}`);
    const agree = await send(other === "query" ? `${path}?key=${alice.key}` : path, alice.key, one, {
      body,
      headers: headersFor(other, alice.key),
    });
    assert.equal(agree.status, 200, `${one}, ${other}`);
  }
});

test("a stored response is its user's alone", async () => {
  const create = async (caller: Caller, extra: object, status = 200): Promise<RawReply> => {
    const reply = await send("/v1/responses", caller.key, "authorization", {
      body: JSON.stringify({ model: "gpt-mock", input: "hi", ...extra }),
    });
    assert.equal(reply.status, status, reply.body.toString());
    return reply;
  };
  const id = String(json(await create(alice, { background: true }))["id"]);
  const stream = (await create(alice, { stream: true })).body.toString();
  const streamed = /"id":"(resp_[^"]+)"/.exec(stream)?.[1] ?? "";
  const before = requestsOfCallers(mock).length;
  for (const known of [id, streamed]) {
    for (const other of [bob, gateway.admin]) {
      const refused = [
        await send(`/v1/responses/${known}`, other.key, "authorization", { method: "GET" }),
        await send(`/v1/responses/${known}/input_items`, other.key, "authorization", { method: "GET" }),
        await send(`/v1/responses/${known}/cancel`, other.key),
        await send(`/v1/responses/${known}`, other.key, "authorization", { method: "DELETE" }),
        await create(other, { previous_response_id: known }, 404),
      ];
      for (const reply of refused) assert.deepEqual([reply.status, codeOf(reply, "openai-responses")], [404, "response_not_found"]);
    }
  }
  const unknown = await send("/v1/responses/resp_unknown", alice.key, "authorization", { method: "GET" });
  assert.deepEqual([unknown.status, codeOf(unknown, "openai-responses")], [404, "response_not_found"]);
  assert.equal(requestsOfCallers(mock).length, before, "none of it has reached the provider");

  // Another key of the same user will do.
  const second = await gateway.createKey("alice");
  assert.equal((await send(`/v1/responses/${id}`, second.key, "authorization", { method: "GET" })).status, 200);
  assert.equal((await send(`/v1/responses/${streamed}/input_items`, second.key, "authorization", { method: "GET" })).status, 200);
  await create(second, { previous_response_id: streamed });
  assert.equal((await send(`/v1/responses/${id}/cancel`, second.key)).status, 200);
  assert.equal((await send(`/v1/responses/${id}`, second.key, "authorization", { method: "DELETE" })).status, 200);
  const gone = await send(`/v1/responses/${id}`, alice.key, "authorization", { method: "GET" });
  assert.deepEqual([gone.status, codeOf(gone, "openai-responses")], [404, "response_not_found"]);
});

test("a user sees and revokes own keys only; a new one is shown once, and a revoked one ends at once", async () => {
  const own = json(await send("/api/v1/me/keys", alice.key, "authorization", { method: "GET" }))["data"] as {
    id: string;
    user_id: string;
  }[];
  assert.ok(own.some((key) => key.id === alice.keyId));
  assert.deepEqual([...new Set(own.map((key) => key.user_id))], [alice.user.id]);
  assert.ok(!JSON.stringify(own).includes(alice.key));
  const other = await send(`/api/v1/me/keys/${bob.keyId}`, alice.key, "authorization", { method: "DELETE" });
  assert.deepEqual([other.status, codeOf(other, "openai-chat")], [404, "not_found"]);
  assert.equal((await send("/v1/models", bob.key, "authorization", { method: "GET" })).status, 200);

  const made = json(await send("/api/v1/me/keys", alice.key, "authorization", { body: '{"name":"laptop"}' })) as {
    id: string;
    key: string;
    role: string;
  };
  assert.equal(made.role, "user");
  assert.equal((await send("/v1/models", made.key, "authorization", { method: "GET" })).status, 200);
  assert.equal((await send(`/api/v1/me/keys/${made.id}`, alice.key, "authorization", { method: "DELETE" })).status, 200);
  assert.equal((await send("/v1/models", made.key, "authorization", { method: "GET" })).status, 401);
  const asAdmin = await send("/api/v1/me/keys", alice.key, "authorization", { body: '{"role":"admin"}' });
  assert.equal(asAdmin.status, 400);
});

test("users see their own usage only, an admin all of it", async () => {
  const carol = await gateway.createKey("carol");
  const dave = await gateway.createKey("dave");
  const ask = (caller: Caller, text: string): Promise<RawReply> =>
    send("/v1/chat/completions", caller.key, "authorization", {
      body: JSON.stringify({ model: "loopback", messages: [{ role: "user", content: text }] }),
    });
  await ask(carol, "four");
  await ask(carol, "twice as");
  await ask(dave, "and now twelve");
  await gateway.rows();
  const entries = async (path: string, key: string): Promise<{ user_id: string }[]> =>
    json(await send(path, key, "authorization", { method: "GET" }))["entries"] as { user_id: string }[];
  for (const [caller, count] of [
    [carol, 2],
    [dave, 1],
  ] as const) {
    const own = await entries("/api/v1/me/usage/entries?limit=5", caller.key);
    assert.deepEqual(
      own.map((entry) => entry.user_id),
      Array.from({ length: count }, () => caller.user.id),
    );
    // A filter for another user does not get around it.
    const other = await send("/api/v1/me/usage/entries?user=root", caller.key, "authorization", { method: "GET" });
    assert.equal(other.status, 400);
  }
  const all = await entries("/api/v1/usage/entries?limit=1000", gateway.adminKey);
  const users = new Set(all.map((entry) => entry.user_id));
  assert.ok(users.has(carol.user.id) && users.has(dave.user.id));
  const own = JSON.stringify(json(await send("/api/v1/me/usage?group_by=user", carol.key, "authorization", { method: "GET" })));
  assert.ok(own.includes(carol.user.id) && !own.includes(dave.user.id), own);
  const filtered = await entries("/api/v1/usage/entries?user=dave", gateway.adminKey);
  assert.deepEqual(
    filtered.map((entry) => entry.user_id),
    [dave.user.id],
  );
});
