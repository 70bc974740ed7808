import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { hostname } from "node:os";
import type { AddressInfo } from "node:net";
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
    const body = JSON.stringify({ code, verifier, name: `login ${hostname()}`.slice(0, 100) });
    const made = (await callGateway({ url: `${url}/api/v1/sso-token`, method: "POST", body })) as Record<"id" | "key" | "username", string>;
    return { url, username: made.username, key_id: made.id, key: made.key };
  } finally {
    waiting.close();
  }
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
