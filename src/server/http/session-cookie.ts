import type { IncomingHttpHeaders } from "node:http";
import { GatewayError } from "../../core/index.ts";
import { calledOrigin } from "./base-url.ts";

/**
 * The cookie of a browser's session. It has no Path: browsers send it to `…/api/v1/` alone, whatever prefix a proxy adds (RFC 6265, section 5.1.4), and
 * never to the routes of models. So it cannot have the prefix `__Host-`, which requires `Path=/`.
 */
const sessionCookieName = "tokligence_session";

/** The text of the session in a Cookie header; `undefined`: there is none. */
export function readSessionCookie(header: string | undefined): string | undefined {
  return readCookie(header, sessionCookieName);
}

/** The value of the first cookie with this name. Another page of the host may have set a second one, which is ignored. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined;
  for (const part of header.split(";")) {
    const equals = part.indexOf("=");
    if (part.slice(0, equals).trim() === name) return part.slice(equals + 1).trim();
  }
  return undefined;
}

interface CookieOptions {
  readonly isSecure: boolean;
  readonly maxAgeSeconds: number;
}

export function sessionCookie(token: string, { isSecure, maxAgeSeconds }: CookieOptions): string {
  return `${sessionCookieName}=${token}; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict${isSecure ? "; Secure" : ""}`;
}

/** A cookie that comes back with the answer of another site, which a page of that site makes the browser fetch: `SameSite=Strict` would hold it back. */
export function signInCookie(name: string, value: string, { isSecure, maxAgeSeconds }: CookieOptions): string {
  return `${name}=${value}; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${isSecure ? "; Secure" : ""}`;
}

/**
 * Refuses what a page of another origin sends with a cookie. Cookies are sent from other ports of the host, too, and browsers send `Sec-Fetch-Site` over
 * HTTPS only; so a request with a session needs a header that no form can send, and no `Origin` but the gateway's own.
 * @throws GatewayError `forbidden_page`.
 */
export function checkPage(headers: IncomingHttpHeaders, publicOrigin: string | undefined): void {
  if (headers["x-tokligence-page"] !== "1")
    throw new GatewayError("forbidden_page", "A request with a session's cookie, or a sign-in, needs the header x-tokligence-page: 1.");
  const { origin } = headers;
  if (origin !== undefined && !ownOrigins(headers, publicOrigin).includes(origin.toLowerCase()))
    throw new GatewayError("forbidden_page", "The request comes from a page of another origin than the gateway's own.");
}

/** A proxy that ends TLS may not say so: the same host over HTTPS is the gateway, too. */
function ownOrigins(headers: IncomingHttpHeaders, publicOrigin: string | undefined): readonly string[] {
  const called = calledOrigin(headers).toLowerCase();
  return [called, called.replace(/^http:/, "https:"), ...(publicOrigin === undefined ? [] : [publicOrigin])];
}

/** Whether the browser reaches the gateway over HTTPS, as far as the request shows it. */
export function isSecureRequest(headers: IncomingHttpHeaders): boolean {
  return headers["x-forwarded-proto"] === "https" || headers.origin?.startsWith("https://") === true;
}
