import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, beforeEach, test } from "node:test";
import { logInByDevice } from "../../src/app/cli/login.ts";
import { systemClock } from "../../src/core/index.ts";
import { clientId, clientSecret, createOidcIssuer, type OidcIssuer } from "../testbed/oidc-issuer.ts";
import { json } from "./error-code.ts";
import { startGateway, type TestGateway } from "./harness.ts";
import { sendRaw, type RawReply } from "./raw-http.ts";
import { answerAt, beginAt, person, refusalOf, signedInAt } from "./sso-rig.ts";

let issuer: OidcIssuer;
let gateway: TestGateway;
let skippedMs = 0;
const clock = { now: () => systemClock.now() + skippedMs, monotonic: () => systemClock.monotonic() + skippedMs };

before(async () => {
  issuer = await createOidcIssuer();
  const oidc = `{ issuer: "${issuer.url}", client_id: ${clientId}, client_secret: ${clientSecret}, public_url: "https://gateway.example.com", roles: { staff: user } }`;
  gateway = await startGateway({ config: `auth: { oidc: ${oidc} }`, clock });
});
after(async () => {
  await gateway.stop();
  await issuer.close();
});
beforeEach(() => {
  issuer.fault = {};
  issuer.refusesRefresh = false;
  // The sign-ins of one address in a minute are limited.
  skippedMs += 60_000;
});

const get = (path: string, headers: readonly string[] = []): Promise<RawReply> => sendRaw(gateway.url, { method: "GET", path, headers });

const statusWith = async (key: string): Promise<number> => (await get("/v1/models", ["authorization", `Bearer ${key}`])).status;

async function keyOf(session: readonly string[]): Promise<string> {
  const made = await sendRaw(gateway.url, { path: "/api/v1/me/keys", headers: session, body: "{}" });
  return String(json(made)["key"]);
}

function newProgram(): { readonly verifier: string; readonly challenge: string } {
  const verifier = randomBytes(32).toString("base64url");
  return { verifier, challenge: createHash("sha256").update(verifier).digest("base64url") };
}

test("a cookie that a page over HTTP has set, and one of two with the same name, signs nobody in over HTTPS", async () => {
  const [, cookie = ""] = await signedInAt(gateway, issuer, person("jo"));
  const token = cookie.slice(cookie.indexOf("=") + 1);
  const page = ["x-tokligence-page", "1"];
  const statusOf = async (text: string, more: readonly string[] = []): Promise<number> =>
    (await get("/api/v1/session", ["cookie", text, ...page, ...more])).status;
  const overHttps = ["x-forwarded-proto", "https"];
  assert.equal(await statusOf(cookie, overHttps), 200);
  assert.equal(await statusOf(`tokligence_session=${token}`, overHttps), 401);
  assert.equal(await statusOf(`tokligence_session=${token}`), 200, "over HTTP, browsers know no other name");
  assert.equal(await statusOf(`${cookie}; __Secure-tokligence_session=tgs_${"x".repeat(43)}`, overHttps), 401);
  const begun = await beginAt(gateway);
  const answer = await answerAt(issuer, begun);
  const planted = begun.cookie.replace("__Host-", "");
  assert.deepEqual(refusalOf(await get(answer, ["cookie", planted])), [400, "sign_in_failed"]);
});

test("a message of the provider ends the sessions of a person, and has the person checked; no other message does", async () => {
  const session = await signedInAt(gateway, issuer, person("kim"));
  const [key, bystander] = [await keyOf(session), await signedInAt(gateway, issuer, person("lee"))];
  const send = (token: string): Promise<RawReply> =>
    sendRaw(gateway.url, {
      path: "/api/v1/sso-logout",
      headers: ["content-type", "application/x-www-form-urlencoded"],
      body: new URLSearchParams({ logout_token: token }).toString(),
    });
  const isIn = async (headers: readonly string[]): Promise<boolean> => (await get("/api/v1/session", headers)).status === 200;
  const wrong: readonly (readonly [string, () => string])[] = [
    ["for another client", () => issuer.logoutToken("kim", { aud: "another" })],
    ["of another issuer", () => issuer.logoutToken("kim", { iss: "https://attacker.test" })],
    ["an ID token", () => issuer.logoutToken("kim", { events: undefined })],
    ["with a nonce", () => issuer.logoutToken("kim", { nonce: "n" })],
    ["old", () => issuer.logoutToken("kim", { iat: Math.floor(Date.now() / 1000) - 1200, exp: undefined })],
    ["expired", () => issuer.logoutToken("kim", { exp: Math.floor(Date.now() / 1000) - 120 })],
    ["without an id", () => issuer.logoutToken("kim", { jti: undefined })],
    ["of a session alone", () => issuer.logoutToken("kim", { sub: undefined, sid: "s" })],
    ["no token", () => "x"],
  ];
  for (const [what, token] of wrong) assert.deepEqual(refusalOf(await send(token())), [400, "sign_in_failed"], what);
  issuer.fault = { hasForeignKey: true };
  assert.deepEqual(refusalOf(await send(issuer.logoutToken("kim"))), [400, "sign_in_failed"], "a foreign key");
  issuer.fault = { alg: "none" };
  assert.deepEqual(refusalOf(await send(issuer.logoutToken("kim"))), [400, "sign_in_failed"], "no signature");
  issuer.fault = {};
  assert.ok(await isIn(session));
  const token = issuer.logoutToken("kim");
  const reply = await send(token);
  assert.deepEqual([reply.status, reply.headers["cache-control"]], [200, "no-store"]);
  assert.deepEqual([await isIn(session), await isIn(bystander), await statusWith(key)], [false, true, 200]);
  const again = await signedInAt(gateway, issuer, person("kim"));
  assert.equal((await send(token)).status, 200);
  assert.ok(await isIn(again), "the same message once more ends nothing");
  // The person is disabled at the provider: the next check, which is due at once, ends the keys.
  await send(issuer.logoutToken("kim"));
  issuer.refusesRefresh = true;
  await gateway.gateway.recheck();
  assert.equal(await statusWith(key), 401);
  assert.equal((await send(issuer.logoutToken("nobody"))).status, 200);
});

test("a program on a machine without a browser gets a key once the person has entered its code elsewhere", async () => {
  issuer.person = person("mia");
  const shown: string[] = [];
  const onReady = (address: string, userCode: string): void => {
    shown.push(address);
    assert.ok(issuer.enterCode(userCode));
  };
  const login = await logInByDevice({ url: gateway.url, onReady, pauseMs: 5 });
  assert.match(shown[0]!, /\/enter\?c=[\w-]{8}$/);
  assert.deepEqual([login.username, await statusWith(login.key)], ["mia", 200]);
  const post = (path: string, body: object): Promise<RawReply> => sendRaw(gateway.url, { path, body: JSON.stringify(body) });
  const { challenge, verifier } = newProgram();
  const { device } = json(await post("/api/v1/sso-device", { challenge })) as { device: string };
  assert.doesNotMatch(Buffer.from(device, "base64url").toString("latin1"), /device_?code/i, "it is sealed");
  const other = newProgram().verifier;
  assert.deepEqual(
    refusalOf(await post("/api/v1/sso-device-token", { device, verifier: other })),
    [400, "sign_in_failed"],
    "another program",
  );
  assert.deepEqual(refusalOf(await post("/api/v1/sso-device-token", { device: "x", verifier })), [400, "sign_in_failed"]);
  issuer.person = person("mia", { groups: [] });
  const refusedStart = json(await post("/api/v1/sso-device", { challenge })) as { device: string; user_code: string };
  issuer.enterCode(refusedStart.user_code);
  assert.deepEqual(refusalOf(await post("/api/v1/sso-device-token", { device: refusedStart.device, verifier })), [403, "sign_in_refused"]);
  assert.equal(await statusWith(login.key), 401, "and all keys of the identity end");
});
