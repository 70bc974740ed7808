import type { IncomingMessage } from "node:http";
import { GatewayError } from "../../core/index.ts";
import type { HttpExchange } from "./exchange.ts";

interface OriginSettings {
  readonly authEnabled: boolean;
  readonly trustLoopback: boolean;
  readonly cors: readonly string[];
}

/**
 * Admits the web pages that the configuration names. If authentication is off, it refuses all other pages and other machines: a page in a browser could
 * otherwise reach the gateway, without a key, through a name that resolves to this machine.
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
  if (isProxied(request)) {
    throw new GatewayError(
      "forbidden_origin",
      "Authentication is off, and this request came through a proxy, which may serve other machines. Turn on gateway.auth.enabled.",
    );
  }
  if (!allowed && isForeignPage(request)) {
    throw new GatewayError(
      "forbidden_origin",
      "Authentication is off, so web pages of other origins are not served, of this machine either. Add their origin to gateway.cors.",
    );
  }
}

/** Whether a program on this machine calls for itself: not a page from elsewhere in its browser, and not a proxy for other machines. */
export function isLocalCaller(request: IncomingMessage, { trustLoopback }: OriginSettings): boolean {
  const { headers, socket } = request;
  return (
    trustLoopback &&
    isLoopbackAddress(socket.remoteAddress ?? "") &&
    isLoopbackHost(headers.host ?? "localhost") &&
    !isForeignPage(request) &&
    !isProxied(request)
  );
}

/**
 * Whether a request shows signs of a proxy: the headers that proxies add, or HTTP/1.0, which nginx before 1.29.7 speaks to its upstreams unless
 * `proxy_http_version` says otherwise. A proxy without such signs looks like a local program: set `gateway.trust_loopback: false` then.
 */
function isProxied({ headers, httpVersionMinor, httpVersionMajor }: IncomingMessage): boolean {
  if (httpVersionMajor === 1 && httpVersionMinor === 0) return true;
  for (const name in headers) {
    if (name.startsWith("x-forwarded-") || proxyHeaders.has(name)) return true;
  }
  return false;
}

const proxyHeaders = new Set([
  "via",
  "forwarded",
  "x-real-ip",
  "x-client-ip",
  "true-client-ip",
  "cf-connecting-ip",
  "x-original-forwarded-for",
  "x-envoy-external-address",
]);

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
      "GET, POST, PATCH, DELETE",
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

/**
 * Whether a page of another origin calls. Browsers send a page's origin with every request that can change something; if they omit it, they still
 * send how the page is related. Another port of this machine is another origin: any program may serve pages there.
 */
function isForeignPage({ headers }: IncomingMessage): boolean {
  // The gateway itself speaks plain HTTP; a port that is the scheme's own is in neither header.
  if (headers.origin !== undefined) return headers.origin.toLowerCase() !== `http://${(headers.host ?? "").toLowerCase()}`;
  const site = headers["sec-fetch-site"];
  return site !== undefined && site !== "same-origin" && site !== "none";
}

/** @param host as in a Host header: a name or address, IPv6 in brackets, maybe with a port. */
export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  return name === "localhost" || name === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(name);
}

function isLoopbackAddress(address: string): boolean {
  return address === "::1" || address.startsWith("127.") || address.startsWith("::ffff:127.");
}

/** @throws Error if authentication is off and other machines could reach the host. */
export function checkHost(host: string, authEnabled: boolean): void {
  if (authEnabled || host === "localhost" || isLoopbackHost(host.includes(":") ? `[${host}]` : host)) return;
  throw new Error(
    `Authentication is off, so only localhost can be served, not "${host}". Turn on gateway.auth.enabled, or set gateway.host to localhost.`,
  );
}
