import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { hostname } from "node:os";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { GatewayError } from "../../core/index.ts";
import { confirmationOf } from "../../sso/index.ts";
import type { Login } from "../login-file.ts";
import { callGateway } from "../remote-admin.ts";

export interface LoginOptions {
  readonly url: string;
  /** The person has to open the address, and compare the code. */
  readonly onReady: (address: string, confirmation: string) => void;
  /** How long the person has, in milliseconds. */
  readonly waitMs: number;
}

const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Signed in</title><p>You can close this page and go back to the terminal.</p></html>`;

/**
 * Signs a program in over the person's browser: the gateway sends the browser to a port of this machine with a code, which is worth something only together with the
 * verifier that this process keeps (RFC 8252, section 7.3; RFC 7636).
 */
export async function logIn({ url, onReady, waitMs }: LoginOptions): Promise<Login> {
  await checkSignIn(url);
  const [verifier, state] = [randomText(), randomText()];
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  const waiting = await listen(state);
  try {
    const query = new URLSearchParams({ port: String(waiting.port), challenge, state });
    onReady(`${url}/api/v1/sso?${query.toString()}`, confirmationOf(challenge));
    const code = await withDeadline(waiting.code, waitMs);
    const body = JSON.stringify({ code, verifier, name: programName() });
    const made = (await callGateway({ url: `${url}/api/v1/sso-token`, method: "POST", body })) as Record<"id" | "key" | "username", string>;
    return { url, username: made.username, key_id: made.id, key: made.key };
  } finally {
    waiting.close();
  }
}

export interface DeviceLoginOptions {
  readonly url: string;
  /** The person has to open the address on any machine, and type in the code, unless the address has it. */
  readonly onReady: (address: string, userCode: string) => void;
  /** Milliseconds between two questions. */
  readonly pauseMs?: number;
}

interface StartedDevice {
  readonly device: string;
  readonly user_code: string;
  readonly verification_uri: string;
  readonly verification_uri_complete?: string;
  readonly expires_in: number;
}

/** Signs in a program on a machine without a browser (RFC 8628): the person opens the provider's page elsewhere. The gateway asks the provider, and waits meanwhile. */
export async function logInByDevice({ url, onReady, pauseMs = 1000 }: DeviceLoginOptions): Promise<Login> {
  await checkSignIn(url);
  const verifier = randomText();
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  const started = (await post(`${url}/api/v1/sso-device`, { challenge })) as StartedDevice;
  onReady(started.verification_uri_complete ?? started.verification_uri, started.user_code);
  const endsMs = performance.now() + started.expires_in * 1000;
  while (performance.now() < endsMs) {
    const made = await post(`${url}/api/v1/sso-device-token`, { device: started.device, verifier, name: programName() });
    const { id, key, username } = made as Record<"id" | "key" | "username", string | undefined>;
    if (id !== undefined && key !== undefined && username !== undefined) return { url, username, key_id: id, key };
    await sleep(pauseMs);
  }
  throw new Error("Nobody has signed in within the time. Begin again: tokligence login --device");
}

function post(url: string, body: object): Promise<unknown> {
  return callGateway({ url, method: "POST", body: JSON.stringify(body) });
}

function programName(): string {
  return `login ${hostname()}`.slice(0, 100);
}

/**
 * Asks the gateway to redeem nothing, so that no person opens an address that cannot answer.
 * @throws Error if the gateway cannot be reached, has no single sign-on, or is no gateway.
 */
async function checkSignIn(url: string): Promise<void> {
  try {
    await callGateway({ url: `${url}/api/v1/sso-token`, method: "POST", body: "{}" });
  } catch (error) {
    if (error instanceof GatewayError && error.code === "invalid_request") return;
    throw error;
  }
  throw new Error(`${url} does not answer as a gateway does. Check the address.`);
}

interface Waiting {
  readonly port: number;
  readonly code: Promise<string>;
  close(): void;
}

/** Takes the code of the one answer whose state is ours; pages of others can call the port, too. */
async function listen(state: string): Promise<Waiting> {
  const { promise: code, resolve } = Promise.withResolvers<string>();
  const server: Server = createServer((request, response) => {
    const { searchParams, pathname } = new URL(request.url ?? "/", "http://127.0.0.1");
    const isOurs = pathname === "/" && searchParams.get("state") === state && searchParams.get("code") !== null;
    response.writeHead(isOurs ? 200 : 404, {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": "default-src 'none'",
      "referrer-policy": "no-referrer",
      "cache-control": "no-store",
      connection: "close",
    });
    response.end(isOurs ? page : "");
    if (isOurs) resolve(searchParams.get("code")!);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    code,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function withDeadline(code: Promise<string>, waitMs: number): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("Nobody has signed in within the time. Begin again: tokligence login")), waitMs);
  });
  try {
    return await Promise.race([code, late]);
  } finally {
    clearTimeout(timer);
  }
}

function randomText(): string {
  return randomBytes(32).toString("base64url");
}
