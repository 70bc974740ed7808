import type { IncomingMessage } from "node:http";
import { GatewayError } from "../../core/index.ts";
import type { HttpExchange } from "./exchange.ts";

interface OriginSettings {
  readonly authEnabled: boolean;
  readonly cors: readonly string[];
}

/**
 * Lets the web pages in that configuration names, and, where auth is off, keeps all others out, and other machines: without a key, a page in a
 * browser could otherwise reach the gateway through a name that resolves to this machine.
 * @throws GatewayError `forbidden_origin`.
 */
export function guardOrigin(exchange: HttpExchange, request: IncomingMessage, settings: OriginSettings): void {
  const { origin } = request.headers;
  const allowed = origin !== undefined && settings.cors.includes(origin);
  if (allowed) exchange.addHeaders(["access-control-allow-origin", origin, "access-control-expose-headers", "*", "vary", "origin"]);
  if (settings.authEnabled) return;
  // A reload can turn auth off while the socket is open to others.
  if (!isLoopbackAddress(exchange.remoteAddress) || !isLoopbackHost(request.headers.host ?? "localhost")) {
    throw new GatewayError(
      "forbidden_origin",
      "Authentication is off, so only requests to localhost are served. Turn on gateway.auth.enabled.",
    );
  }
  if (!allowed && isForeignPage(request)) {
    throw new GatewayError("forbidden_origin", "Authentication is off, so web pages are not served. Add their origin to gateway.cors.");
  }
}

/** Whether this machine itself asks, for itself: not a page from elsewhere in its browser, and not a proxy on behalf of others. */
export function isLocalCaller(request: IncomingMessage): boolean {
  const { headers, socket } = request;
  if (!isLoopbackAddress(socket.remoteAddress ?? "") || !isLoopbackHost(headers.host ?? "localhost") || isForeignPage(request))
    return false;
  return headers["x-forwarded-for"] === undefined && headers.forwarded === undefined && headers["x-real-ip"] === undefined;
}

/** Answers a preflight of an allowed origin. `false`: not one of those. */
export function preflight(exchange: HttpExchange, request: IncomingMessage, cors: readonly string[]): boolean {
  const { origin } = request.headers;
  if (origin === undefined || !cors.includes(origin)) return false;
  exchange.json(
    204,
    [
      "access-control-allow-origin",
      origin,
      "access-control-allow-methods",
      "GET, POST, DELETE",
      "access-control-allow-headers",
      request.headers["access-control-request-headers"] ?? "*",
      "access-control-max-age",
      "600",
      "vary",
      "origin, access-control-request-headers",
    ],
    "",
  );
  return true;
}

/** Browsers name a page's origin with every request that can change something; where they leave it out, they still say that the page is foreign. */
function isForeignPage({ headers }: IncomingMessage): boolean {
  if (headers.origin !== undefined) return !isLoopbackOrigin(headers.origin);
  return headers["sec-fetch-site"] === "cross-site";
}

function isLoopbackOrigin(origin: string): boolean {
  const match = /^https?:\/\/(.+)$/.exec(origin);
  return match !== null && isLoopbackHost(match[1]!);
}

/** @param host as in a Host header: a name or address, IPv6 in brackets, maybe with a port. */
export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  return name === "localhost" || name === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(name);
}

function isLoopbackAddress(address: string): boolean {
  return address === "::1" || address.startsWith("127.") || address.startsWith("::ffff:127.");
}
