import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, beforeEach, test } from "node:test";
import { systemClock } from "../../src/core/index.ts";
import { clientId, clientSecret, createOidcIssuer, type Fault, type OidcIssuer } from "../testbed/oidc-issuer.ts";
import { json } from "./error-code.ts";
import { startGateway, type TestGateway } from "./harness.ts";
import { sendRaw, type RawReply } from "./raw-http.ts";
import { cookieOf, person, refusalOf, type Begun } from "./sso-rig.ts";

const dayMs = 86_400_000;
const publicUrl = "https://gateway.example.com/llm";
let issuer: OidcIssuer;
let gateway: TestGateway;
/** Another process on the same database. */
let other: TestGateway;
let skippedMs = 0;
const clock = { now: () => systemClock.now() + skippedMs, monotonic: () => systemClock.monotonic() + skippedMs };

before(async () => {
  issuer = await createOidcIssuer();
  const roles = '{ admins: admin, staff: user, "realm:x": user }';
  const oidc = `{ issuer: "${issuer.url}", client_id: ${clientId}, client_secret: ${clientSecret}, public_url: "${publicUrl}", roles: ${roles}, allowed_domains: [example.com], authorize_parameters: { prompt: consent, access_type: offline } }`;
  gateway = await startGateway({ config: `auth: { oidc: ${oidc} }`, clock });
  other = await startGateway({ config: `auth: { oidc: ${oidc} }`, clock, database: gateway.database });
});
after(async () => {
  await other.stop();
  await gateway.stop();
  await issuer.close();
});
beforeEach(() => {
  issuer.fault = {};
  issuer.refusesRefresh = false;
  // The sign-ins of one address in a minute are limited.
  skippedMs += 60_000;
});

const get = (path: string, headers: readonly string[] = [], to = gateway): Promise<RawReply> =>
  sendRaw(to.url, { method: "GET", path, headers });

async function begin(query = "", to = gateway): Promise<Begun> {
  const reply = await get(`/api/v1/sso${query}`, [], to);
  assert.equal(reply.status, 302, reply.body.toString());
  return { location: reply.headers.location!, cookie: cookieOf(reply, "__Host-tokligence_sign_in") };
}

/** The path and query that the browser comes back to. */
async function answerOf({ location }: Begun): Promise<string> {
  const url = await issuer.authorize(location);
  return `/api/v1/sso-callback${url.search}`;
}

async function signIn(who: OidcIssuer["person"], to = gateway): Promise<RawReply> {
  issuer.person = who;
  const begun = await begin("", to);
  return await get(await answerOf(begun), ["cookie", begun.cookie], to);
}

async function signedIn(who: OidcIssuer["person"]): Promise<readonly string[]> {
  const reply = await signIn(who);
  assert.equal(reply.status, 302, reply.body.toString());
  return ["cookie", cookieOf(reply, "__Secure-tokligence_session"), "x-tokligence-page", "1"];
}

async function userOf(headers: readonly string[], to = gateway): Promise<Record<string, unknown>> {
  return json(await get("/api/v1/session", headers, to))["user"] as Record<string, unknown>;
}

test("a person signs in at the provider, becomes a user with the role of a group, and lands on / with a session that every process knows", async () => {
  issuer.person = person("alice", { groups: ["staff", "admins", "unknown"] });
  const start = await get("/api/v1/sso");
  const { searchParams } = new URL(start.headers.location!);
  assert.deepEqual([searchParams.get("prompt"), searchParams.get("access_type")], ["consent", "offline"]);
  assert.deepEqual([...searchParams.keys()].toSorted(), [
    "access_type",
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "prompt",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
  ]);
  assert.equal(searchParams.get("redirect_uri"), `${publicUrl}/api/v1/sso-callback`);
  assert.match(start.headers["set-cookie"]![0]!, /^__Host-tokligence_sign_in=\S+; Max-Age=600; HttpOnly; SameSite=Lax; Path=\/; Secure$/);
  const flow = { location: start.headers.location!, cookie: cookieOf(start, "__Host-tokligence_sign_in") };
  assert.ok(!decodeURIComponent(flow.cookie).includes(searchParams.get("state")!), "the cookie is sealed");
  // The answer may come to another process than the question.
  const end = await get(await answerOf(flow), ["cookie", flow.cookie, "user-agent", "Firefox"], other);
  assert.deepEqual([end.status, end.headers.location], [302, `${publicUrl}/`]);
  assert.match(
    end.headers["set-cookie"]![0]!,
    /^__Secure-tokligence_session=tgs_[\w-]{43}; Max-Age=604800; HttpOnly; SameSite=Strict; Secure$/,
  );
  assert.match(end.headers["set-cookie"]![1]!, /^__Host-tokligence_sign_in=; Max-Age=0;/);
  const session = ["cookie", cookieOf(end, "__Secure-tokligence_session"), "x-tokligence-page", "1"];
  for (const to of [gateway, other]) {
    const who = json(await get("/api/v1/session", session, to)) as { user: Record<string, unknown>; role: string; session: object };
    assert.deepEqual([who.user["username"], who.user["email"], who.role], ["alice", "alice@example.com", "admin"]);
    assert.equal((await get("/api/v1/users", [...session, "origin", "https://gateway.example.com"], to)).status, 200);
  }
  const ended = await sendRaw(gateway.url, { method: "DELETE", path: "/api/v1/session", headers: session });
  assert.match(String(json(ended)["provider_sign_out_url"]), /\/sign-out\?.*post_logout_redirect_uri=/);
});

test("the same person is the same user after a new name and address, and another person with that name is another user", async () => {
  const first = await userOf(await signedIn(person("bob")));
  const renamed = person("bob", { preferred_username: "robert", email: "robert@example.com" });
  const again = await userOf(await signedIn(renamed));
  assert.deepEqual([again["id"], again["username"], again["email"]], [first["id"], "bob", "robert@example.com"]);
  const { id: made } = await gateway.gateway.accounts.createUser({ username: "carol", role: "admin", email: "carol@example.com" });
  const carol = await userOf(await signedIn(person("carol")));
  assert.deepEqual([carol["id"] === made, carol["username"], carol["role"]], [false, "carol-2", "user"]);
  const namesake = await userOf(await signedIn(person("c-3", { preferred_username: "CAROL" })));
  assert.equal(namesake["username"], "CAROL-3");
});

const refused: Readonly<Record<string, OidcIssuer["person"]>> = {
  "no group with a role": person("r1", { groups: ["others"] }),
  "no groups at all": person("r2", { groups: undefined }),
  "a group named like a part of every object": person("r3", { groups: ["constructor", "__proto__"] }),
  "an address of another domain": person("r4", { email: "r4@example.com.attacker.test" }),
  "an address that is not verified": person("r5", { email_verified: false }),
  "no address": person("r6", { email: undefined }),
};

test("who has no group with a role, or no verified address of a domain, is refused, and no user is made", async () => {
  for (const [name, who] of Object.entries(refused)) assert.deepEqual(refusalOf(await signIn(who)), [403, "sign_in_refused"], name);
  const users = (await gateway.gateway.accounts.listUsers()).filter(({ username }) => /^r\d$/.test(username));
  assert.deepEqual(users, []);
});

test("groups may be a text, a path, or at the userinfo endpoint alone", async () => {
  assert.equal((await userOf(await signedIn(person("g1", { groups: "realm:x" }))))["role"], "user");
  issuer.fault = { hasGroupsInUserinfo: true };
  assert.equal((await userOf(await signedIn(person("g2", { groups: ["admins"] }))))["role"], "admin");
});

const hourAgo = (): number => Math.floor(Date.now() / 1000) - 3600;
const faults: Readonly<Record<string, Fault>> = {
  "another nonce": { claims: (claims) => ({ ...claims, nonce: "x".repeat(43) }) },
  "no nonce": { claims: (claims) => ({ ...claims, nonce: undefined }) },
  "another audience": { claims: (claims) => ({ ...claims, aud: "other" }) },
  "two audiences, for another party": { claims: (claims) => ({ ...claims, aud: [clientId, "other"], azp: "other" }) },
  "another issuer": { claims: (claims) => ({ ...claims, iss: "https://attacker.test" }) },
  "an expired token": { claims: (claims) => ({ ...claims, iat: hourAgo(), exp: hourAgo() + 60 }) },
  "no subject": { claims: (claims) => ({ ...claims, sub: undefined }) },
  "alg none": { alg: "none" },
  "a foreign signature": { hasForeignKey: true },
};

test("a token that is not the provider's own, for this sign-in and now, signs nobody in", async () => {
  for (const [name, fault] of Object.entries(faults)) {
    issuer.fault = fault;
    const reply = await signIn(person("mallory"));
    assert.deepEqual(refusalOf(reply), [400, "sign_in_failed"], `${name}: ${reply.body.toString()}`);
    assert.equal(reply.headers["set-cookie"], undefined, name);
  }
  assert.ok(!(await gateway.gateway.accounts.listUsers()).some(({ username }) => username === "mallory"));
});

test("an answer counts only in the browser that began, once, in ten minutes, and with its own state and code", async () => {
  issuer.person = person("dora");
  const [mine, theirs] = [await begin(), await begin()];
  const [answer, foreign] = [await answerOf(mine), await answerOf(theirs)];
  const failed = [400, "sign_in_failed"];
  assert.deepEqual(refusalOf(await get(answer)), failed, "without a cookie");
  assert.deepEqual(refusalOf(await get(answer, ["cookie", "tokligence_sign_in=tokligence01AAAA"])), failed, "with a made-up cookie");
  assert.deepEqual(refusalOf(await get(foreign, ["cookie", mine.cookie])), failed, "with the state of another browser");
  const state = /state=[^&]+/.exec(answer)![0];
  const injected = foreign.replace(/state=[^&]+/, state);
  assert.deepEqual(refusalOf(await get(injected, ["cookie", mine.cookie])), failed, "the code of another sign-in: PKCE");
  assert.deepEqual(refusalOf(await get(answer, ["cookie", mine.cookie])), failed, "a flow counts once, also if it failed");
  const good = await begin();
  const once = await answerOf(good);
  assert.equal((await get(once, ["cookie", good.cookie])).status, 302);
  for (const to of [gateway, other]) assert.deepEqual(refusalOf(await get(once, ["cookie", good.cookie], to)), failed, "replayed");
  const wrongIssuer = await begin();
  const mixedUp = (await answerOf(wrongIssuer)).replace(/iss=[^&]+/, "iss=https%3A%2F%2Fattacker.test");
  assert.deepEqual(refusalOf(await get(mixedUp, ["cookie", wrongIssuer.cookie])), failed, "from another provider");
  const denied = await begin();
  const path = `/api/v1/sso-callback?error=access_denied&error_description=%3Cscript%3E&${/state=[^&]+/.exec(await answerOf(denied))![0]}&iss=${encodeURIComponent(issuer.url)}`;
  const page = await get(path, ["cookie", denied.cookie, "accept", "text/html"]);
  assert.equal(page.status, 400);
  assert.match(page.body.toString(), /access_denied/);
  assert.doesNotMatch(page.body.toString(), /<script/);
  const late = await begin();
  const tooLate = await answerOf(late);
  skippedMs += 11 * 60_000;
  assert.deepEqual(refusalOf(await get(tooLate, ["cookie", late.cookie])), failed, "after ten minutes");
});

test("no address of the caller's choice is a place to go to", async () => {
  for (const query of [
    "?return_to=https://attacker.test",
    "?port=80&challenge=x&state=y",
    "?port=8080%40attacker.test&challenge=x&state=y",
  ])
    assert.deepEqual(refusalOf(await get(`/api/v1/sso${query}`)), [400, "invalid_request"], query);
  const forged = await get("/api/v1/sso", ["x-forwarded-host", "attacker.test", "x-forwarded-proto", "http"]);
  assert.equal(new URL(forged.headers.location!).searchParams.get("redirect_uri"), `${publicUrl}/api/v1/sso-callback`);
});

async function ownKey(
  session: readonly string[],
  name = "laptop",
): Promise<{ readonly id: string; readonly key: string; readonly expires_at: string }> {
  const reply = await sendRaw(gateway.url, { path: "/api/v1/me/keys", headers: session, body: JSON.stringify({ name }) });
  assert.equal(reply.status, 201, reply.body.toString());
  return json(reply) as { id: string; key: string; expires_at: string };
}

const statusWith = async (key: string, path = "/v1/models"): Promise<number> =>
  (await get(path, ["authorization", `Bearer ${key}`])).status;

test("roles follow the groups at each sign-in, and who loses the groups loses sessions and keys, but not those that an admin made", async () => {
  const session = await signedIn(person("erin", { groups: ["admins"] }));
  const { key } = await ownKey(session);
  assert.equal(await statusWith(key, "/api/v1/users"), 200);
  const lower = await signedIn(person("erin"));
  assert.deepEqual([await statusWith(key, "/api/v1/users"), await statusWith(key)], [403, 200], "no admin any more");
  const made = await gateway.gateway.accounts.createKey({ user: "erin" });
  assert.deepEqual(refusalOf(await signIn(person("erin", { groups: [] }))), [403, "sign_in_refused"]);
  assert.deepEqual([await statusWith(key), await statusWith(made.key)], [401, 200]);
  for (const headers of [session, lower]) assert.deepEqual(refusalOf(await get("/api/v1/me", headers)), [401, "invalid_session"]);
  const back = await signedIn(person("erin"));
  assert.equal((await userOf(back))["username"], "erin");
  assert.equal(await statusWith(key), 401, "what has ended does not come back");
});

test("a disabled user cannot sign in, and loses what there is; keys end with the last sign-in's time, which a sign-in renews", async () => {
  const session = await signedIn(person("fay"));
  const key = await ownKey(session);
  await gateway.gateway.accounts.disableUser("fay");
  assert.deepEqual([await statusWith(key.key), refusalOf(await signIn(person("fay")))], [401, [403, "sign_in_refused"]]);
  await gateway.gateway.accounts.enableUser("fay");
  assert.equal(await statusWith(key.key), 200);
  skippedMs += 20 * dayMs;
  await signedIn(person("fay"));
  skippedMs += 20 * dayMs;
  assert.equal(await statusWith(key.key), 200, "renewed");
  skippedMs += 11 * dayMs;
  assert.equal(await statusWith(key.key), 401);
});

test("a provider that is away is a clear error, and neither sessions nor keys are affected", async () => {
  const session = await signedIn(person("gil"));
  const { key } = await ownKey(session);
  const begun = await begin();
  const answer = await answerOf(begun);
  issuer.fault = { status: 503 };
  assert.deepEqual(refusalOf(await get(answer, ["cookie", begun.cookie])), [503, "sign_in_unavailable"]);
  assert.deepEqual([(await get("/api/v1/me", session)).status, await statusWith(key)], [200, 200]);
  skippedMs += 2 * 3_600_000;
  const page = await get("/api/v1/sso", ["accept", "text/html"]);
  assert.equal(page.status, 503);
  assert.match(page.body.toString(), /The identity provider \(auth\.oidc\.issuer\) cannot be used: the provider answered 503/);
  issuer.fault = {};
  assert.equal((await signIn(person("gil"))).status, 302, "it comes back by itself");
});

test("between sign-ins the provider is asked: roles are renewed, and who is not known there any more loses everything", async () => {
  const { recheck } = gateway.gateway;
  const session = await signedIn(person("hal", { groups: ["admins"] }));
  const { key } = await ownKey(session);
  issuer.person = person("hal");
  skippedMs += 16 * 60_000;
  const checked = async (): Promise<Record<string, unknown>> =>
    Object.fromEntries((await gateway.sql("select subject, checked_ms from identities")).map((row) => [row["subject"], row["checked_ms"]]));
  const [calls, times] = [issuer.calls.get("/token") ?? 0, await checked()];
  await Promise.all([recheck(), other.gateway.recheck()]);
  assert.deepEqual([await statusWith(key, "/api/v1/users"), await statusWith(key)], [403, 200]);
  const due = Object.entries(await checked()).filter(([subject, ms]) => times[subject] !== ms);
  assert.equal(issuer.calls.get("/token")! - calls, due.length, "each is asked for once, by one gateway of the two");
  issuer.fault = { status: 500 };
  skippedMs += 16 * 60_000;
  await assert.rejects(recheck(), /does not answer/);
  assert.equal(await statusWith(key), 200, "a provider that fails ends nothing");
  issuer.fault = {};
  issuer.refusesRefresh = true;
  skippedMs += 16 * 60_000;
  await recheck();
  assert.equal(await statusWith(key), 401);
  assert.deepEqual(refusalOf(await get("/api/v1/me", session)), [401, "invalid_session"]);
  const rows = await gateway.sql("select refresh_token from identities where subject = 'hal'");
  assert.deepEqual(
    rows.map((row) => row["refresh_token"]),
    [null],
  );
});

function program(): { readonly query: string; readonly verifier: string; readonly challenge: string } {
  const verifier = randomBytes(32).toString("base64url");
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  return { query: `?port=45678&challenge=${challenge}&state=${"s".repeat(32)}`, verifier, challenge };
}

async function codeFor(query: string): Promise<string> {
  const begun = await begin(query);
  const page = await get(await answerOf(begun), ["cookie", begun.cookie]);
  assert.equal(page.status, 200);
  assert.equal(cookieOf(page, "__Secure-tokligence_session"), "");
  const link = /href="(http:\/\/127\.0\.0\.1:45678\/\?[^"]+)"/.exec(page.body.toString())![1]!.replaceAll("&amp;", "&");
  const { searchParams } = new URL(link);
  assert.equal(searchParams.get("state"), "s".repeat(32));
  return searchParams.get("code")!;
}

const redeem = (code: string, verifier: string): Promise<RawReply> =>
  sendRaw(gateway.url, { path: "/api/v1/sso-token", body: JSON.stringify({ code, verifier, name: "laptop" }) });

test("a program gets a key after the person has compared a code; the key is worth something once, to that program, and ends with the identity", async () => {
  issuer.person = person("ida");
  const { query, verifier } = program();
  const code = await codeFor(query);
  assert.deepEqual(refusalOf(await redeem(code, "x".repeat(43))), [400, "sign_in_failed"], "another program");
  const made = json(await redeem(code, verifier)) as { key: string; role: string; name: string };
  assert.deepEqual([made.role, made.name, await statusWith(made.key)], ["user", "laptop", 200]);
  assert.deepEqual(refusalOf(await redeem(code, verifier)), [400, "sign_in_failed"], "used before");
  const late = program();
  const lateCode = await codeFor(late.query);
  skippedMs += 3 * 60_000;
  assert.deepEqual(refusalOf(await redeem(lateCode, late.verifier)), [400, "sign_in_failed"], "after two minutes");
  await signIn(person("ida", { groups: [] }));
  assert.equal(await statusWith(made.key), 401);
});

test("the audit trail has each sign-in, refusal and check, and neither trail, log nor metrics have a secret", async () => {
  const trail = json(await get("/api/v1/audit?limit=1000", ["authorization", `Bearer ${gateway.adminKey}`])) as {
    data: { kind: string; action: string; outcome: string; subject: string; details: string }[];
  };
  const entries = trail.data.filter(({ kind }) => kind === "sign_in");
  const has = (action: string, outcome: string, subject: string): boolean =>
    entries.some((entry) => entry.action === action && entry.outcome === outcome && entry.subject === subject);
  assert.ok(has("sso.sign_in", "ok", "bob") && has("sso.sign_in", "sign_in_refused", "") && has("sso.sign_in", "sign_in_failed", ""));
  assert.ok(has("sso.check", "sign_in_refused", "hal") && has("sso.key", "ok", "ida") && has("sso.sign_in", "sign_in_unavailable", ""));
  const metrics = (await get("/metrics")).body.toString();
  for (const outcome of ["ok", "refused", "failed", "unavailable"])
    assert.match(metrics, new RegExp(`tokligence_sign_ins_total\\{method="sso",outcome="${outcome}"\\} [1-9]`));
  const config = (await get("/api/v1/config", ["authorization", `Bearer ${gateway.adminKey}`])).body.toString();
  for (const text of [JSON.stringify(trail), await gateway.logText(), metrics, config]) {
    assert.ok(!text.includes(clientSecret));
    assert.doesNotMatch(text, /tgs_[\w-]{20}|[?&]code=|tokligence01[A-Za-z0-9+/]{20}/);
  }
});

test("without auth.oidc there is no single sign-on", async () => {
  const plain = await startGateway({ config: "" });
  assert.deepEqual(refusalOf(await get("/api/v1/sso", [], plain)), [404, "not_found"]);
  assert.deepEqual(refusalOf(await get("/api/v1/sso-callback?code=x&state=y", [], plain)), [404, "not_found"]);
  assert.deepEqual(refusalOf(await sendRaw(plain.url, { path: "/api/v1/sso-token", body: "{}" })), [404, "not_found"]);
  await plain.stop();
});
