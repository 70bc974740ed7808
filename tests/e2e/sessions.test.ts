import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { systemClock } from "../../src/core/index.ts";
import { assertAnswer } from "./assert-answer.ts";
import { startGateway, type Caller, type TestGateway } from "./harness.ts";
import { sendRaw, type RawReply } from "./raw-http.ts";
import { codeOf, json } from "./error-code.ts";

const hourMs = 3_600_000;
let gateway: TestGateway;
/** Another process on the same database. */
let other: TestGateway;
let alice: Caller;
let skippedMs = 0;
const clock = { now: () => systemClock.now() + skippedMs, monotonic: () => systemClock.monotonic() + skippedMs };
const page = ["x-tokligence-page", "1"] as const;

before(async () => {
  gateway = await startGateway({ config: "", clock });
  other = await startGateway({ config: "", clock, database: gateway.database });
  alice = await gateway.createKey("alice");
});
after(async () => {
  await other.stop();
  await gateway.stop();
});

interface Sent {
  readonly method?: string;
  readonly headers?: readonly string[];
  readonly to?: TestGateway;
}

async function send(path: string, { method = "GET", headers = [], to = gateway }: Sent = {}): Promise<RawReply> {
  return await sendRaw(to.url, { method, path, headers, ...(method === "POST" ? { body: "{}" } : {}) });
}

function setCookie({ headers }: RawReply): string {
  return headers["set-cookie"]?.[0] ?? "";
}

/** @returns the cookie as a browser sends it. */
async function signIn(key: string, headers: readonly string[] = []): Promise<{ readonly cookie: string; readonly id: string }> {
  const reply = await send("/api/v1/session", { method: "POST", headers: ["authorization", `Bearer ${key}`, ...page, ...headers] });
  assert.equal(reply.status, 201, reply.body.toString());
  return { cookie: setCookie(reply).split(";")[0]!, id: String(json(reply)["id"]) };
}

const withCookie = (cookie: string, ...more: readonly string[]): readonly string[] => ["cookie", cookie, ...page, ...more];

async function refusal(path: string, sent: Sent): Promise<readonly [number, string]> {
  const reply = await send(path, sent);
  return [reply.status, codeOf(reply, "openai-chat")];
}

test("a key becomes a cookie that scripts cannot read and that goes to the admin API alone, in every process", async () => {
  const reply = await send("/api/v1/session", {
    method: "POST",
    headers: ["authorization", `Bearer ${alice.key}`, ...page, "user-agent", `Firefox ${alice.key}`],
  });
  assertAnswer("session.create", json(reply));
  const [pair = "", ...attributes] = setCookie(reply).split("; ");
  assert.match(pair, /^tokligence_session=tgs_[\w-]{43}$/);
  assert.deepEqual(attributes, ["Max-Age=604800", "HttpOnly", "SameSite=Strict"], "no Path, and Secure on HTTPS only");
  assert.ok(!reply.body.toString().includes(pair.slice("tokligence_session=".length)) && !reply.body.toString().includes(alice.key));
  const secure = await send("/api/v1/session", {
    method: "POST",
    headers: ["authorization", `Bearer ${alice.key}`, ...page, "x-forwarded-proto", "https"],
  });
  assert.match(setCookie(secure), /^__Secure-tokligence_session=tgs_[\w-]{43}; .*; Secure$/);
  for (const to of [gateway, other]) {
    const who = await send("/api/v1/session", { headers: withCookie(pair), to });
    const { user, role, key_id, session } = json(who) as { user: object; role: string; key_id: string; session: { id: string } };
    assertAnswer("session.get", json(who));
    assert.deepEqual([user, role, key_id, session.id], [alice.user, "user", alice.keyId, json(reply)["id"]]);
    assert.deepEqual(await refusal("/v1/models", { headers: withCookie(pair), to }), [401, "missing_api_key"], "not on model routes");
    assert.deepEqual(await refusal("/api/v1/users", { headers: withCookie(pair), to }), [403, "admin_required"]);
    const asKey = pair.slice("tokligence_session=".length);
    assert.deepEqual(await refusal("/api/v1/me", { headers: ["authorization", `Bearer ${asKey}`], to }), [401, "invalid_api_key"]);
  }
  const rows = await gateway.sql("select hash, client from sessions where id = ?", String(json(reply)["id"]));
  assert.equal(rows[0]!["client"], "Firefox [key]");
  assert.match(String(rows[0]!["hash"]), /^[0-9a-f]{64}$/);
});

test("a cookie counts only with the page's header and without a foreign origin, and neither does a sign-in", async () => {
  const { cookie } = await signIn(alice.key);
  const host = new URL(gateway.url).host;
  const foreign = ["origin", "http://127.0.0.1:1"];
  assert.deepEqual(await refusal("/api/v1/me", { headers: ["cookie", cookie] }), [403, "forbidden_page"]);
  assert.deepEqual(await refusal("/api/v1/me", { headers: withCookie(cookie, ...foreign) }), [403, "forbidden_page"], "another port");
  assert.deepEqual(await refusal("/api/v1/me", { headers: withCookie(cookie, "origin", "null") }), [403, "forbidden_page"]);
  assert.deepEqual(await refusal("/api/v1/me/keys", { method: "POST", headers: ["cookie", cookie] }), [403, "forbidden_page"], "a form");
  for (const [origin, name] of [
    [`http://${host}`, cookie],
    [`https://${host}`, `__Secure-${cookie}`],
  ] as const)
    assert.equal((await send("/api/v1/me", { headers: withCookie(name, "origin", origin) })).status, 200, origin);
  const key = ["authorization", `Bearer ${alice.key}`];
  assert.deepEqual(await refusal("/api/v1/session", { method: "POST", headers: key }), [403, "forbidden_page"], "login of a stranger");
  assert.deepEqual(await refusal("/api/v1/session", { method: "POST", headers: [...key, ...page, ...foreign] }), [403, "forbidden_page"]);
});

test("signing out ends the session, and a stolen cookie with it; the cookie of another session goes on", async () => {
  const [first, second] = [await signIn(alice.key), await signIn(alice.key)];
  const out = await send("/api/v1/session", { method: "DELETE", headers: withCookie(first.cookie) });
  assertAnswer("session.end", json(out));
  assert.equal(setCookie(out), "tokligence_session=; Max-Age=0; HttpOnly; SameSite=Strict");
  for (const to of [gateway, other])
    assert.deepEqual(await refusal("/api/v1/me", { headers: withCookie(first.cookie), to }), [401, "invalid_session"]);
  assert.equal((await send("/api/v1/me", { headers: withCookie(second.cookie) })).status, 200);
  const withKey = { method: "DELETE", headers: ["authorization", `Bearer ${alice.key}`, ...withCookie(second.cookie)] };
  assert.deepEqual(await refusal("/api/v1/session", withKey), [404, "not_found"], "a call with a key is not of the session");
});

test("a sign-in makes a new session whatever cookie comes with it, and ends the browser's former one", async () => {
  const planted = `tokligence_session=tgs_${"A".repeat(43)}`;
  const fixed = await signIn(alice.key, ["cookie", planted]);
  assert.notEqual(fixed.cookie, planted);
  assert.deepEqual(await refusal("/api/v1/me", { headers: withCookie(planted) }), [401, "invalid_session"]);
  const again = await signIn(alice.key, ["cookie", fixed.cookie]);
  assert.deepEqual(await refusal("/api/v1/me", { headers: withCookie(fixed.cookie) }), [401, "invalid_session"]);
  assert.equal((await send("/api/v1/me", { headers: withCookie(again.cookie) })).status, 200);
  const bob = await gateway.createKey("bob");
  await signIn(bob.key, ["cookie", again.cookie]);
  assert.equal((await send("/api/v1/me", { headers: withCookie(again.cookie) })).status, 200, "another user's is not ended");
});

test("a session ends with its key, with its user, after 12 idle hours and after seven days", async () => {
  const carol = await gateway.createKey("carol");
  const { accounts } = gateway.gateway;
  const state = async (cookie: string): Promise<number> => (await send("/api/v1/me", { headers: withCookie(cookie) })).status;
  const byKey = await signIn(carol.key);
  await accounts.revokeKey(carol.keyId);
  assert.equal(await state(byKey.cookie), 401);
  const second = await gateway.createKey("carol");
  const byUser = await signIn(second.key);
  await accounts.disableUser("carol");
  assert.equal(await state(byUser.cookie), 401);
  await accounts.enableUser("carol");
  const [idle, used] = [await signIn(second.key), await signIn(second.key)];
  for (let hours = 0; hours < 7 * 24; hours += 11) {
    assert.equal(await state(used.cookie), 200, `${hours} h`);
    if (hours === 11) assert.equal(await state(idle.cookie), 200);
    skippedMs += 11 * hourMs;
  }
  assert.equal(await state(idle.cookie), 401);
  assert.equal(await state(used.cookie), 401, "after seven days");
  const role = await signIn(gateway.adminKey);
  assert.equal((await send("/api/v1/users", { headers: withCookie(role.cookie) })).status, 200, "an admin's session is an admin's");
});

test("users list and end their own sessions, admins all; the audit trail has it", async () => {
  const dave = await gateway.createKey("dave");
  const [mine, spare] = [await signIn(dave.key), await signIn(dave.key)];
  const list = async (path: string, headers: readonly string[]): Promise<string[]> => {
    const reply = json(await send(path, { headers })) as { data: { id: string }[] };
    assertAnswer(path.includes("/me/") ? "me.sessions.list" : "sessions.list", reply);
    return reply.data.map(({ id }) => id);
  };
  const admin = ["authorization", `Bearer ${gateway.adminKey}`];
  assert.deepEqual(await list("/api/v1/me/sessions", withCookie(mine.cookie)), [mine.id, spare.id]);
  assert.deepEqual(await list("/api/v1/sessions?user=dave", admin), [mine.id, spare.id]);
  const others = { method: "DELETE", headers: ["authorization", `Bearer ${alice.key}`] };
  assert.deepEqual(await refusal(`/api/v1/me/sessions/${mine.id}`, others), [404, "not_found"]);
  assert.equal((await send(`/api/v1/me/sessions/${spare.id}`, { method: "DELETE", headers: withCookie(mine.cookie) })).status, 200);
  assert.equal((await send(`/api/v1/sessions/${mine.id}`, { method: "DELETE", headers: admin })).status, 200);
  assert.deepEqual(await list("/api/v1/sessions?user=dave", admin), []);
  const trail = json(await send("/api/v1/audit?limit=4", { headers: admin })) as { data: { action: string; actor: string }[] };
  assert.deepEqual(
    trail.data.map(({ action, actor }) => `${action} ${actor.split(" ")[1]!}`),
    ["sessions.end root", "me.sessions.end dave", "me.sessions.end alice", "session.create dave"],
  );
});

test("sign-ins from one address are limited, and a user has at most a hundred sessions", async () => {
  const erin = await gateway.createKey("erin");
  const headers = ["authorization", `Bearer ${erin.key}`, ...page];
  skippedMs += hourMs;
  const statuses: number[] = [];
  for (let i = 0; i < 62; i++) statuses.push((await send("/api/v1/session", { method: "POST", headers })).status);
  assert.deepEqual([statuses.indexOf(429) >= 60, statuses.at(-1)], [true, 429]);
  const key = await gateway.gateway.accounts.getKey(erin.keyId);
  skippedMs += hourMs;
  for (let i = 0; i < 60; i++) await send("/api/v1/session", { method: "POST", headers });
  const rows = await gateway.sql("select id from sessions where user_id = ?", key.user_id);
  assert.equal(rows.length, 100);
});
