import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { RequestListener } from "node:http";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { logInByDevice } from "../../src/app/cli/login.ts";
import { systemClock } from "../../src/core/index.ts";
import { startGateway, type TestGateway } from "../e2e/harness.ts";
import { sendRaw, type RawReply } from "../e2e/raw-http.ts";
import { sharedPostgres, withoutPostgres } from "../testbed/shared-postgres.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { writeFigures } from "./figures.ts";

/** Single sign-on with a real OpenID provider, on both databases. Needs a registry. */
const version = "9.13.3";
const publicUrl = "http://localhost:9";
const callback = `${publicUrl}/api/v1/sso-callback`;
const logoutUri = `${publicUrl}/api/v1/sso-logout`;
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";
const secret = "a-secret-of-the-client-of-this-run";

interface OidcProviderModule {
  readonly default: new (issuer: string, configuration: object) => { callback(): RequestListener };
}

let folder: string;
let server: Server;
let issuer: string;
/** The gateway that the provider's messages go to: it has no address that the provider could know. */
let reached: TestGateway | undefined;
/** Groups by account; an account that is not there is not known. */
const accounts = new Map<string, readonly string[]>();
const figures = { sign_ins: 0, refused: 0, checks: 0, signed_out: 0, devices: 0, longest_sign_in_ms: 0 };

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "tokligence-sso-"));
  const args = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder, `oidc-provider@${version}`];
  execFileSync("npm", args, { stdio: "ignore", timeout: 300_000 });
  const { default: Provider } = (await import(
    pathToFileURL(join(folder, "node_modules/oidc-provider/lib/index.js")).href
  )) as OidcProviderModule;
  server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  server.on("request", new Provider(issuer, configurationOf()).callback());
});
after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
  writeFigures("sso", figures);
});

/** The provider's way to the network, without its guard, which refuses addresses of this machine. */
async function deliver(url: string | URL, { method, headers, body }: RequestInit): Promise<Response> {
  const { pathname } = new URL(url);
  return await fetch(`${reached!.url}${pathname}`, { method: method!, headers: headers!, body: body! });
}

function configurationOf(): object {
  const claimsOf = (id: string): object => ({
    sub: id,
    preferred_username: id,
    email: `${id}@example.com`,
    email_verified: true,
    groups: accounts.get(id),
  });
  return {
    clients: [
      {
        client_id: "gateway",
        client_secret: secret,
        redirect_uris: [callback],
        grant_types: ["authorization_code", "refresh_token", deviceGrant],
        backchannel_logout_uri: logoutUri,
      },
    ],
    claims: { email: ["email", "email_verified"], profile: ["preferred_username", "groups"] },
    findAccount: (_: unknown, id: string) =>
      accounts.has(id) ? { accountId: id, claims: () => Promise.resolve(claimsOf(id)) } : undefined,
    issueRefreshToken: () => Promise.resolve(true),
    pkce: { required: () => true },
    features: { deviceFlow: { enabled: true }, backchannelLogout: { enabled: true } },
    fetch: deliver,
    cookies: { keys: ["a key of this run"] },
  };
}

/** A browser, as far as it is needed: cookies by origin, redirects, and forms that it fills in. */
class Browser {
  readonly #cookies = new Map<string, string>();

  /** Signs in at the provider's pages. @returns the URL that the provider sends the browser back to. */
  async signIn(location: string, login: string): Promise<URL> {
    const end = await this.#walk(location, { login, password: "any" });
    assert.ok(end instanceof URL, "the provider's pages lead nowhere");
    return end;
  }

  /** Fills in the provider's pages until one has no form. */
  async visit(location: string, fields: Readonly<Record<string, string>>): Promise<void> {
    assert.equal(await this.#walk(location, fields), undefined);
  }

  /** @returns the URL of the gateway that it ends at; `undefined`: a page without a form. */
  async #walk(location: string, fields: Readonly<Record<string, string>>): Promise<URL | undefined> {
    let url = new URL(location);
    let form: URLSearchParams | undefined;
    for (let step = 0; step < 20; step++) {
      if (url.href.startsWith(callback)) return url;
      const reply = await this.#send(url, form);
      form = undefined;
      const next = reply.headers.get("location");
      if (next !== null) {
        url = new URL(next, url);
        continue;
      }
      const html = await reply.text();
      const action = /<form[^>]*action="([^"]+)"/.exec(html)?.[1];
      assert.ok(reply.status < 400, html.slice(0, 2000));
      if (action === undefined) return undefined;
      form = new URLSearchParams(fields);
      for (const [input] of html.matchAll(/<input[^>]*>/g)) {
        const [name, value] = ["name", "value"].map((key) => new RegExp(` ${key}="([^"]*)"`).exec(input)?.[1]);
        if (name !== undefined && value !== undefined && !form.has(name)) form.set(name, value);
      }
      url = new URL(action, url);
    }
    throw new Error("the provider's pages lead nowhere");
  }

  async #send(url: URL, form: URLSearchParams | undefined): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const reply = await fetch(url, {
      method: form === undefined ? "GET" : "POST",
      redirect: "manual",
      headers: { cookie, accept: "text/html" },
      ...(form === undefined ? {} : { body: form }),
    });
    for (const line of reply.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      const equals = pair.indexOf("=");
      this.#cookies.set(pair.slice(0, equals), pair.slice(equals + 1));
    }
    return reply;
  }
}

function cookieOf(reply: RawReply, name: string): string {
  return (reply.headers["set-cookie"] ?? []).map((cookie) => cookie.split(";")[0]!).find((cookie) => cookie.startsWith(`${name}=`)) ?? "";
}

async function signIn(
  gateway: TestGateway,
  login: string,
  browser = new Browser(),
): Promise<{ readonly reply: RawReply; readonly again: () => Promise<RawReply> }> {
  const startedMs = performance.now();
  const get = (path: string, headers: readonly string[]): Promise<RawReply> => sendRaw(gateway.url, { method: "GET", path, headers });
  const start = await get("/api/v1/sso", []);
  assert.equal(start.status, 302, start.body.toString());
  const back = await browser.signIn(start.headers.location!, login);
  const again = (): Promise<RawReply> => get(`${back.pathname}${back.search}`, ["cookie", cookieOf(start, "tokligence_sign_in")]);
  const reply = await again();
  figures.longest_sign_in_ms = Math.max(figures.longest_sign_in_ms, Math.round(performance.now() - startedMs));
  if (reply.status === 302) figures.sign_ins += 1;
  else figures.refused += 1;
  return { reply, again };
}

/** Signs out at the provider, whose message ends the session; and signs a machine without a browser in. */
async function signOutAndDevice(gateway: TestGateway): Promise<void> {
  reached = gateway;
  accounts.set("otto", ["staff"]);
  const browser = new Browser();
  const { reply } = await signIn(gateway, "otto", browser);
  const session = ["cookie", cookieOf(reply, "tokligence_session"), "x-tokligence-page", "1"];
  const status = async (): Promise<number> =>
    (await sendRaw(gateway.url, { method: "GET", path: "/api/v1/session", headers: session })).status;
  assert.equal(await status(), 200);
  await browser.visit(`${issuer}/session/end`, { logout: "yes" });
  await waitUntil("the end of the session", async () => (await status()) === 401);
  figures.signed_out += 1;
  let visited: Promise<void> | undefined;
  const onReady = (address: string): void => void (visited = new Browser().visit(address, { login: "otto", password: "any" }));
  const login = await logInByDevice({ url: gateway.url, onReady });
  await visited;
  assert.equal(login.username, "otto");
  const models = await sendRaw(gateway.url, { method: "GET", path: "/v1/models", headers: ["authorization", `Bearer ${login.key}`] });
  assert.equal(models.status, 200);
  figures.devices += 1;
}

async function story(database: string): Promise<void> {
  let skippedMs = 0;
  const clock = { now: () => systemClock.now() + skippedMs, monotonic: () => systemClock.monotonic() + skippedMs };
  const oidc = (more: string): string =>
    `auth: { oidc: { issuer: "${issuer}", client_id: gateway, public_url: "${publicUrl}", roles: { admins: admin, staff: user }, allowed_domains: [example.com], ${more} } }\n`;
  const gateway = await startGateway({ config: `${oidc(`client_secret: ${secret}`)}${database}`, clock });
  const wrong = await startGateway({ config: oidc("client_secret: another-secret-that-is-wrong-here"), clock });
  try {
    for (let i = 0; i < 20; i++) {
      skippedMs += 60_000;
      accounts.set(`person${i}`, [i % 2 === 0 ? "admins" : "staff"]);
      const { reply, again } = await signIn(gateway, `person${i}`);
      assert.equal(reply.status, 302, reply.body.toString());
      const session = ["cookie", cookieOf(reply, "tokligence_session"), "x-tokligence-page", "1"];
      const who = await sendRaw(gateway.url, { method: "GET", path: "/api/v1/session", headers: session });
      const { user, role } = JSON.parse(who.body.toString()) as { user: { username: string }; role: string };
      assert.deepEqual([user.username, role], [`person${i}`, i % 2 === 0 ? "admin" : "user"]);
      assert.equal((await again()).status, 400, "replayed");
      const made = await sendRaw(gateway.url, { path: "/api/v1/me/keys", headers: session, body: "{}" });
      const { key } = JSON.parse(made.body.toString()) as { key: string };
      const status = async (): Promise<number> =>
        (await sendRaw(gateway.url, { method: "GET", path: "/v1/models", headers: ["authorization", `Bearer ${key}`] })).status;
      assert.equal(await status(), 200);
      skippedMs += 16 * 60_000;
      await gateway.gateway.recheck();
      figures.checks += 1;
      assert.equal(await status(), 200, "still known");
      if (i % 3 === 0) accounts.delete(`person${i}`);
      else accounts.set(`person${i}`, ["visitors"]);
      skippedMs += 16 * 60_000;
      await gateway.gateway.recheck();
      figures.checks += 1;
      assert.equal(await status(), 401, i % 3 === 0 ? "not known at the provider any more" : "in no group any more");
    }
    skippedMs += 60_000;
    await signOutAndDevice(gateway);
    skippedMs += 60_000;
    accounts.set("stranger", []);
    assert.equal((await signIn(gateway, "stranger")).reply.status, 403);
    accounts.set("someone", ["staff"]);
    const refused = (await signIn(wrong, "someone")).reply;
    assert.match(refused.body.toString(), /invalid_client/);
  } finally {
    await gateway.stop();
    await wrong.stop();
  }
}

test("people sign in at a real provider, are checked there, and lose keys and sessions with their groups or account", async () => {
  await story("");
});

test("the same on PostgreSQL", { skip: withoutPostgres }, async () => {
  const postgres = await sharedPostgres();
  await story(`database: { type: postgresql, url: "${postgres.url(await postgres.createDatabase())}" }\n`);
});
