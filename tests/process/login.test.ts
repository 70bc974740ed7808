import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { logIn } from "../../src/app/cli/login.ts";
import { readLogin, writeLogin } from "../../src/app/login-file.ts";
import { startGateway, type TestGateway } from "../e2e/harness.ts";
import { sendRaw } from "../e2e/raw-http.ts";
import { clientId, clientSecret, createOidcIssuer, type OidcIssuer } from "../testbed/oidc-issuer.ts";
import { runCommand, type Ended } from "./commands.ts";

let issuer: OidcIssuer;
let gateway: TestGateway;
let folder: string;
before(async () => {
  issuer = await createOidcIssuer();
  const oidc = `{ issuer: "${issuer.url}", client_id: ${clientId}, client_secret: ${clientSecret}, public_url: "http://localhost:1", roles: { staff: user, admins: admin } }`;
  gateway = await startGateway({ config: `auth: { oidc: ${oidc} }` });
  folder = mkdtempSync(join(tmpdir(), "tokligence-login-"));
});
after(async () => {
  await gateway.stop();
  await issuer.close();
  rmSync(folder, { recursive: true, force: true });
});

const command = (...args: readonly string[]): Promise<Ended> =>
  runCommand({ program: "tokligence", args, folder, env: { HOME: folder, XDG_CONFIG_HOME: folder } });

/** What a browser does that opens the address. @returns the link of the page, after the code on it was compared. */
async function inBrowser(address: string, confirmation: string): Promise<string> {
  const start = await sendRaw(gateway.url, { method: "GET", path: address.slice(gateway.url.length) });
  const cookie = start.headers["set-cookie"]![0]!.split(";")[0]!;
  const back = await issuer.authorize(start.headers.location!);
  const page = await sendRaw(gateway.url, { method: "GET", path: back.pathname + back.search, headers: ["cookie", cookie] });
  const html = page.body.toString();
  assert.ok(html.includes(`<pre>${confirmation}</pre>`), html);
  return /href="(http:\/\/127\.0\.0\.1:\d+\/[^"]+)"/.exec(html)![1]!.replaceAll("&amp;", "&");
}

test("a login stores a key for its user alone, commands act with it at another machine's gateway, and logout revokes it", async () => {
  issuer.person = { sub: "kim", claims: { preferred_username: "kim", groups: ["admins"] } };
  const visits: Promise<readonly number[]>[] = [];
  const login = await logIn({
    url: gateway.url,
    waitMs: 10_000,
    onReady: (address, confirmation) => {
      const visit = async (): Promise<readonly number[]> => {
        const link = await inBrowser(address, confirmation);
        const forged = new URL(link);
        forged.searchParams.set("state", "x".repeat(43));
        return [(await fetch(forged)).status, (await fetch(link)).status];
      };
      visits.push(visit());
    },
  });
  assert.deepEqual(await visits[0], [404, 200], "a page of others that calls the port is not taken for the gateway");
  const path = join(folder, "tokligence/login.json");
  writeLogin(login, path);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readLogin(path), login);

  const who = await command("whoami");
  assert.deepEqual([who.code, who.stderr, who.stdout], [0, "", `kim (admin), with the key ${login.key_id} at ${gateway.url}\n`]);
  const users = await command("--url", `${gateway.url}/v1/`, "user", "list", "--json");
  assert.deepEqual(
    (JSON.parse(users.stdout) as { username: string }[]).map(({ username }) => username),
    ["root", "kim"],
  );
  const made = await command("--url", gateway.url, "user", "create", "lee");
  assert.equal(made.code, 0, made.stderr);
  const again = await command("--url", gateway.url, "user", "create", "lee");
  assert.deepEqual([again.code, /There is a user "lee" already/.test(again.stderr)], [1, true], again.stderr);
  const elsewhere = await command("--url", "https://other.example.com", "user", "list");
  assert.match(elsewhere.stderr, /There is no key for https:\/\/other\.example\.com\. Set TOKLIGENCE_KEY, or sign in: /);
  assert.match((await command("--url", "ftp://x", "user", "list")).stderr, /"ftp:\/\/x" is no address of a gateway/);

  const out = await command("logout");
  assert.deepEqual([out.code, out.stdout], [0, `The login at ${gateway.url} is removed, and its key is revoked.\n`]);
  assert.equal(readLogin(path), undefined);
  const refused = await sendRaw(gateway.url, { method: "GET", path: "/v1/models", headers: ["authorization", `Bearer ${login.key}`] });
  assert.equal(refused.status, 401);
  assert.match((await command("logout")).stderr, /Nobody has logged in on this machine\./);
});

test("a login that nobody finishes ends by itself", async () => {
  await assert.rejects(logIn({ url: gateway.url, waitMs: 20, onReady: () => undefined }), /Nobody has signed in within the time/);
});

test("a login at a gateway that is away or has no single sign-on ends at once, before anybody opens an address", async () => {
  const without = await startGateway({ config: "" });
  const opened: string[] = [];
  const logInAt = (url: string): Promise<unknown> => logIn({ url, waitMs: 5000, onReady: (address) => opened.push(address) });
  try {
    await assert.rejects(logInAt(without.url), /Single sign-on is not configured: auth\.oidc\.issuer is not set\./);
  } finally {
    await without.stop();
  }
  await assert.rejects(logInAt(without.url), /^Error: The gateway at http:.* cannot be reached \(unreachable\)\. Check the address/);
  assert.deepEqual(opened, []);
});
