import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as z from "zod";
import { utcZone } from "../../core/index.ts";
import { StoreError } from "../../store/index.ts";
import { createEdge, localPrincipal } from "../edge.ts";
import { edgeDeps, startEdge } from "../testing.ts";
import { adminRoutes, createLocalSender } from "./api.ts";
import { createAdminClient } from "./client.ts";
import { alice, keyOf, fakes, operationsOver, start } from "./testing.ts";

test("an admin makes users and keys, and what is sent arrives as it is", async (t) => {
  const { ask, calls } = await start(t);
  assert.deepEqual(await ask("POST", "/api/v1/users", { username: "Ålice", email: "a@b.example", role: "admin" }), [201, alice]);
  const [status, key] = await ask("POST", "/api/v1/keys", { user: "alice", name: "laptop" });
  assert.deepEqual([status, key["key"]], [201, "tok_shown_once"]);
  assert.deepEqual(await ask("GET", "/api/v1/users"), [200, { data: [alice], next: null }]);
  assert.deepEqual(await ask("GET", "/api/v1/users/alice"), [200, alice]);
  assert.deepEqual(await ask("GET", "/api/v1/keys?user=alice"), [200, { data: [keyOf("key_1", "usr_1")], next: null }]);
  assert.deepEqual(await ask("GET", "/api/v1/keys"), [200, { data: [keyOf("key_1", "usr_1")], next: null }]);
  assert.deepEqual(await ask("DELETE", "/api/v1/keys/key_2"), [200, keyOf("key_2", "usr_2")]);
  assert.equal((await ask("GET", "/api/v1/users/nobody"))[0], 404);
  assert.deepEqual(calls, [
    { name: "createUser", args: [{ username: "Ålice", email: "a@b.example", role: "admin" }] },
    { name: "createKey", args: [{ user: "alice", name: "laptop" }] },
    { name: "listUsers", args: [{ limit: 1001 }] },
    { name: "getUser", args: ["alice"] },
    { name: "listKeys", args: [{ limit: 1001, user: "alice" }] },
    { name: "listKeys", args: [{ limit: 1001 }] },
    { name: "revokeKey", args: ["key_2"] },
    { name: "getUser", args: ["nobody"] },
  ]);
});

test("only an admin reads what is wrong with the database", async (t) => {
  const { accounts } = fakes();
  const fail = (): never => {
    throw new StoreError("busy", "The database g.db is locked by another process. Find it.");
  };
  const operations = (["admin", "user"] as const).map((access) => ({
    name: `test.${access}`,
    method: "GET" as const,
    path: `/api/v1/me/${access}`,
    access,
    summary: "Fails.",
    answer: z.unknown(),
    run: fail,
  }));
  const { origin } = await startEdge(t, adminRoutes(operations), { accounts });
  const ask = async (path: string): Promise<unknown> => {
    const answer = await fetch(origin + path, { headers: { "x-api-key": "tok_admin" } });
    return [answer.status, ((await answer.json()) as { message: string }).message.replace(/req_\S+\./, "ID.")];
  };
  assert.deepEqual(await ask("/api/v1/me/admin"), [503, "The database g.db is locked by another process. Find it."]);
  assert.deepEqual(await ask("/api/v1/me/user"), [503, "The gateway's database is not available at the moment. Try again soon."]);
});

test("a body that does not fit is refused, and the field at fault named", async (t) => {
  const { ask, calls } = await start(t);
  const refused: [unknown, string, string | undefined, RegExp][] = [
    [{}, "invalid_request", "username", /"username"/],
    [{ username: 5 }, "invalid_request", "username", /"username".*string/],
    [{ username: "a", role: "root" }, "invalid_request", "role", /"role".*admin/],
    [{ username: "a", emial: "x" }, "invalid_request", "emial", /"emial"/],
    [{ username: "a", id: "usr_9" }, "invalid_request", "id", /"id"/],
    ['{"username":"a","__proto__":{"role":"admin"}}', "invalid_request", "__proto__", /"__proto__"/],
    ['{"username":"a","constructor":1}', "invalid_request", "constructor", /"constructor"/],
    [[], "invalid_request", undefined, /The body.*object/],
    ['"alice"', "invalid_request", undefined, /The body.*object/],
    ["null", "invalid_request", "username", /"username"/],
    ["", "invalid_request", "username", /"username"/],
    ["{", "invalid_json", undefined, /JSON/],
    ['{"username":"a"} x', "invalid_json", undefined, /JSON/],
    ["[".repeat(9000), "invalid_json", undefined, /JSON/],
    [{ username: "a", ["k".repeat(10_000)]: 1 }, "invalid_request", "k".repeat(100), /^.{1,310}$/],
  ];
  for (const [body, code, param, message] of refused) {
    const [status, error] = await ask("POST", "/api/v1/users", body);
    assert.deepEqual([status, error["code"], error["param"]], [400, code, param], JSON.stringify(body).slice(0, 100));
    assert.match(String(error["message"]), message);
  }
  assert.equal((await ask("POST", "/api/v1/keys", { user: "alice", name: "n".repeat(101) }))[1]["param"], "name");
  const [large, tooLarge] = await ask("POST", "/api/v1/users", { username: "a".repeat(1024 * 1024) });
  assert.deepEqual(
    [large, tooLarge["code"], tooLarge["message"]],
    [413, "body_too_large", "The body is larger than the limit of 1048576 bytes."],
  );
  const [complex, tooComplex] = await ask("POST", "/api/v1/users", { username: Array.from({ length: 10_000 }, () => 1) });
  assert.deepEqual([complex, tooComplex["code"]], [400, "body_too_complex"]);
  assert.deepEqual(calls, []);
});

test("a parameter that an operation does not take is refused", async (t) => {
  const { ask, calls } = await start(t);
  for (const path of ["users?username=alice", "keys?users=alice", "me?user=alice", "routes/explain?model=gpt-5&dialekt=x", "status?a=b"]) {
    const [status, { code, message }] = await ask("GET", `/api/v1/${path}`);
    assert.deepEqual([status, code], [400, "invalid_request"], path);
    assert.match(String(message), /is no parameter here/);
  }
  assert.deepEqual(calls, []);
});

test("a user sees and changes only what is its own", async (t) => {
  const { ask, calls } = await start(t);
  const mine = (method: string, path: string, body?: unknown): ReturnType<typeof ask> => ask(method, path, body, "tok_user");
  assert.deepEqual(await mine("GET", "/api/v1/me"), [200, alice]);
  assert.equal((await mine("GET", "/api/v1/me/keys"))[0], 200);
  assert.equal((await mine("POST", "/api/v1/me/keys", { name: "phone" }))[0], 201);
  assert.equal((await mine("DELETE", "/api/v1/me/keys/key_1"))[0], 200);
  assert.equal((await mine("DELETE", "/api/v1/me/keys/key_2"))[0], 404);
  assert.equal((await mine("GET", "/api/v1/me/usage"))[0], 200);
  const [status, { param }] = await mine("GET", "/api/v1/me/usage?user=usr_2");
  assert.deepEqual([status, param], [400, "user"]);
  assert.equal((await mine("GET", "/api/v1/me/usage/entries?limit=5"))[0], 200);
  // Neither a stronger key nor somebody else's.
  assert.equal((await mine("POST", "/api/v1/me/keys", { role: "admin" }))[0], 400);
  assert.equal((await mine("POST", "/api/v1/me/keys", { user: "usr_2" }))[0], 400);
  assert.deepEqual(calls, [
    { name: "getUser", args: ["usr_1"] },
    { name: "listKeys", args: [{ limit: 1001, user: "usr_1" }] },
    { name: "createKey", args: [{ name: "phone", user: "usr_1", parent: "key_1" }] },
    { name: "revokeKey", args: ["key_1", { user: "usr_1" }] },
    { name: "revokeKey", args: ["key_2", { user: "usr_1" }] },
    { name: "usage", args: [{ groupBy: ["user", "key", "model"], zone: utcZone, userId: "usr_1", limit: 1000 }] },
    { name: "entries", args: [{ limit: 5, userId: "usr_1" }] },
  ]);
});

test("where auth is off the caller is shown as it is, without a row in the database", async (t) => {
  const { operations } = await start(t);
  const { origin } = await startEdge(t, adminRoutes(operations), { limits: { authEnabled: false } });
  const get = async (path: string): Promise<unknown> => (await fetch(`${origin}${path}`)).json();
  assert.deepEqual(await get("/api/v1/me"), {
    id: "local",
    username: "local",
    email: null,
    role: "admin",
    created_at: null,
    disabled_at: null,
    tags: [],
  });
  assert.deepEqual(await get("/api/v1/me/keys"), { data: [], next: null });
  assert.deepEqual(await get("/api/v1/users"), { data: [alice], next: null });
});

test("every admin route refuses no key, a bad one and a user's; every own route only the first two", async (t) => {
  const { ask, operations, calls } = await start(t);
  for (const { method, path, access } of operations) {
    const target = path.replace("{id}", "key_1");
    const status = async (key: string): Promise<number> => (await ask(method, target, undefined, key))[0];
    if (access === "control") {
      for (const key of ["", "tok_wrong", "tok_user", "tok_admin"]) assert.equal(await status(key), 404, `${method} ${path}`);
    } else {
      assert.deepEqual([await status(""), await status("tok_wrong")], [401, 401], `${method} ${path}`);
      if (access === "admin") assert.equal(await status("tok_user"), 403, `${method} ${path}`);
    }
    assert.ok(access === "admin" || access === "control" || path.startsWith("/api/v1/me") || path === "/api/v1/session", path);
  }
  assert.deepEqual(calls, []);
});

test("usage is filtered by what the query says, and a filter that makes no sense is refused by name", async (t) => {
  const { ask, calls } = await start(t);
  const query = "user=alice&key_id=key_1&from=2026-01-01T00:00:00Z&to=2026-02-01T01:00:00%2B01:00&group_by=day,%20model";
  assert.equal((await ask("GET", `/api/v1/usage?${query}`))[0], 200);
  assert.deepEqual(calls.splice(0), [
    { name: "getUser", args: ["alice"] },
    {
      name: "usage",
      args: [
        {
          groupBy: ["day", "model"],
          zone: utcZone,
          userId: "usr_1",
          keyId: "key_1",
          fromMs: Date.UTC(2026, 0, 1),
          toMs: Date.UTC(2026, 1, 1),
          limit: 1000,
        },
      ],
    },
  ]);
  for (const time of ["2026-01-01", "2026-01-01T00:00:00+00:00", "2026-01-01T00:00Z", "2026-01-01T01:00:00.000+01:00"]) {
    assert.equal((await ask("GET", `/api/v1/usage?user=local&from=${time}`))[0], 200, time);
    assert.deepEqual(
      calls.splice(0)[0]!.args,
      [{ groupBy: ["user", "key", "model"], zone: utcZone, userId: "local", fromMs: Date.UTC(2026, 0, 1), limit: 1000 }],
      time,
    );
  }
  assert.equal((await ask("GET", "/api/v1/usage?provider=openai&model=gpt-5&dialect=openai-chat&limit=10000&after=abc"))[0], 200);
  assert.equal((await ask("GET", "/api/v1/usage/entries?limit=1000&after=led_1"))[0], 200);
  assert.equal((await ask("GET", "/api/v1/usage?group_by=day,model,day"))[0], 200);
  assert.equal((await ask("GET", "/api/v1/usage/entries?tag=a&status=error&to=2026-01-01"))[0], 200);
  assert.deepEqual(calls.splice(0), [
    {
      name: "usage",
      args: [
        {
          groupBy: ["user", "key", "model"],
          zone: utcZone,
          provider: "openai",
          model: "gpt-5",
          dialect: "openai-chat",
          limit: 10_000,
          after: "abc",
        },
      ],
    },
    { name: "entries", args: [{ limit: 1000, after: "led_1" }] },
    { name: "usage", args: [{ groupBy: ["day", "model"], zone: utcZone, limit: 1000 }] },
    { name: "entries", args: [{ limit: 100, tag: "a", status: "error", toMs: Date.UTC(2026, 0, 1) }] },
  ]);
  const zoned = await ask("GET", "/api/v1/usage/entries?tz=Europe/Berlin&from=2026-03-30");
  assert.deepEqual([zoned[0], zoned[1]["time_zone"]], [200, "Europe/Berlin"]);
  assert.deepEqual(calls.splice(0), [{ name: "entries", args: [{ limit: 100, fromMs: Date.parse("2026-03-29T22:00:00Z") }] }]);
  const refused: [string, string][] = [
    ["usage?tz=Mars/Olympus", "tz"],
    ["usage/entries?tz=", "tz"],
    ["usage?from=yesterday", "from"],
    ["usage?from=1", "from"],
    ["usage?to=2026-01-01T00:00:00", "to"],
    ["usage?to=2026-13-01", "to"],
    ["usage?to=2026-02-30", "to"],
    ["usage?from=2026-02-29T00:00:00Z", "from"],
    ["usage?status=error", "status"],
    ["usage?usr=alice", "usr"],
    ["usage/entries?group_by=day", "group_by"],
    ["usage?group_by=user,password", "group_by"],
    ["usage?limit=10001", "limit"],
    ["usage?format=xml", "format"],
    ["usage?format=csv&after=abc", "after"],
    ["usage?format=csv&limit=0", "limit"],
    ["usage/entries?status=fine", "status"],
    ["usage/entries?limit=0", "limit"],
    ["usage/entries?limit=1001", "limit"],
    ["usage/entries?limit=ten", "limit"],
    ["usage/entries?limit=", "limit"],
  ];
  for (const [path, param] of refused) {
    const [status, error] = await ask("GET", `/api/v1/${path}`);
    assert.deepEqual([status, error["param"]], [400, param], path);
  }
  assert.equal((await ask("GET", "/api/v1/usage?user=nobody"))[0], 404);
  assert.deepEqual(
    calls.map((call) => call.name),
    ["getUser"],
  );
});

test("models, routes, configuration and status are shown, and a reload that fails says why", async (t) => {
  const { ask } = await start(t);
  const [, models] = await ask("GET", "/api/v1/models");
  assert.deepEqual(
    (models["data"] as { id: string }[]).map((model) => model.id),
    ["loopback"],
  );
  assert.deepEqual(await ask("GET", "/api/v1/routes"), [
    200,
    { model_provider_routes: [], model_aliases: {}, models: {}, fallbacks: {}, providers: [] },
  ]);
  assert.deepEqual(await ask("GET", "/api/v1/config"), [200, { providers: { openai: { api_key: "[secret]" } } }]);
  assert.deepEqual(await ask("GET", "/api/v1/status"), [200, { status: "running" }]);
  const [status, error] = await ask("POST", "/api/v1/reload");
  assert.deepEqual([status, error["message"]], [400, "config.yaml:3: gateway.port must be a number."]);
  const [explained, how] = await ask("GET", "/api/v1/routes/explain?model=loopback&dialect=gemini-generate");
  assert.deepEqual([explained, how["model"], how["dialect"]], [200, "loopback", "gemini-generate"]);
  assert.equal((await ask("GET", "/api/v1/routes/explain"))[1]["param"], "model");
  assert.equal((await ask("GET", "/api/v1/routes/explain?model=x&dialect=y"))[1]["param"], "dialect");
});

test("the control socket serves its owner all operations, also those that no port has", async (t) => {
  const { operations } = await start(t);
  const folder = mkdtempSync(join(tmpdir(), "tokligence-control-"));
  const path = process.platform === "win32" ? `\\\\.\\pipe\\tokligence-${process.pid}` : join(folder, "control.sock");
  const edge = createEdge({ ...edgeDeps(adminRoutes(operations)), trusted: localPrincipal });
  await edge.listenPath(path);
  t.after(async () => {
    await edge.close(0);
    rmSync(folder, { recursive: true });
  });
  const ask = (method: string, target: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const call = request({ socketPath: path, method, path: target, agent: false }, (response) => {
        let text = "";
        response.on("data", (piece: Buffer) => (text += piece.toString()));
        response.on("end", () => resolve([response.statusCode, JSON.parse(text)]));
      });
      call.on("error", reject);
      call.end();
    });
  assert.deepEqual(await ask("POST", "/api/v1/stop"), [200, { status: "stopping" }]);
  assert.deepEqual(await ask("GET", "/api/v1/users"), [200, { data: [alice], next: null }]);
  assert.deepEqual(await ask("GET", "/api/v1/status"), [200, { status: "running" }]);
});

test("a command calls the same operations without a server, by their names", async () => {
  const { calls, accounts, reports } = fakes();
  const send = createLocalSender(operationsOver(accounts, reports), localPrincipal);
  const call = createAdminClient(send);
  assert.deepEqual(await call("users.list"), { data: [alice], next: null });
  assert.deepEqual(await call("keys.revoke", { param: "key_1" }), keyOf("key_1", "usr_1"));
  await call("usage.report", { query: { user: "usr_1", group_by: "day", tag: undefined } });
  assert.deepEqual(calls.at(-1), { name: "usage", args: [{ groupBy: ["day"], zone: utcZone, userId: "usr_1", limit: 1000 }] });
  await call("users.get", { param: "a b" }).catch(() => undefined);
  assert.deepEqual(calls.at(-1), { name: "getUser", args: ["a b"] });
  await assert.rejects(send("POST", "/api/v1/users", { username: 1 }), { code: "invalid_request", param: "username" });
  await assert.rejects(send("GET", "/api/v1/me?user=usr_2"), { code: "invalid_request", param: "user" });
  await assert.rejects(call("users.get", { param: "nobody" }), { code: "not_found" });
  await assert.rejects(send("GET", "/api/v1/nothing"), { code: "not_found" });
  await assert.rejects(send("DELETE", "/api/v1/users"), { code: "method_not_allowed" });
});

test("an answer is not stored by anybody, and has an id", async (t) => {
  const { origin } = await start(t);
  const answer = await fetch(`${origin}/api/v1/me`, { headers: { "x-api-key": "tok_user" } });
  assert.deepEqual([answer.headers.get("cache-control"), answer.headers.get("content-type")], ["no-store", "application/json"]);
  assert.match(answer.headers.get("x-request-id")!, /^req_/);
});
