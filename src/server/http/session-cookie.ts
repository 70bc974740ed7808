import type { IncomingHttpHeaders } from "node:http";
import { GatewayError } from "../../core/index.ts";
import { calledOrigin } from "./base-url.ts";

/**
 * The cookie of a browser's session. It has no Path: browsers send it to `…/api/v1/` alone, whatever prefix a proxy adds (RFC 6265, section 5.1.4), and
 * never to the routes of models. So it cannot have the prefix `__Host-`, which requires `Path=/`; over HTTPS it has `__Secure-`, so that no page over HTTP, as of another
 * port of the host, can set it.
 */
const sessionCookieName = "tokligence_session";
const secureSessionCookieName = `__Secure-${sessionCookieName}`;

/**
 * The text of the session of a request; `undefined`: there is none. The name without prefix counts only if the request did not come over HTTPS, as far as that is known: a
 * page over HTTP may have set it. Of two cookies with one name, one was set by somebody else, and neither counts.
 */
export function readSessionCookie(headers: IncomingHttpHeaders): string | undefined {
  const secure = readOnlyCookie(headers.cookie, secureSessionCookieName);
  if (secure !== undefined || isSecureRequest(headers)) return secure;
  return readOnlyCookie(headers.cookie, sessionCookieName);
}

/** The value of the cookie with this name; `undefined`: there is none, or more than one. */
function readOnlyCookie(header: string | undefined, name: string): string | undefined {
  const values = readCookies(header, name);
  return values.length === 1 ? values[0] : undefined;
}

/** The cookie of a sign-in, which counts for minutes and is sealed: browsers send it to all paths of the host, and over HTTPS take it from this host alone. */
const flowCookieName = "tokligence_sign_in";
const secureFlowCookieName = `__Host-${flowCookieName}`;

export function readSignInCookie(header: string | undefined, isSecure: boolean): string | undefined {
  return readOnlyCookie(header, isSecure ? secureFlowCookieName : flowCookieName);
}

function readCookies(header: string | undefined, name: string): readonly string[] {
  if (header === undefined) return [];
  return header.split(";").flatMap((part) => {
    const equals = part.indexOf("=");
    return equals > 0 && part.slice(0, equals).trim() === name ? [part.slice(equals + 1).trim()] : [];
  });
}

interface CookieOptions {
  readonly isSecure: boolean;
  readonly maxAgeSeconds: number;
}

export function sessionCookie(token: string, { isSecure, maxAgeSeconds }: CookieOptions): string {
  const name = isSecure ? secureSessionCookieName : sessionCookieName;
  return `${name}=${token}; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict${isSecure ? "; Secure" : ""}`;
}

/** A cookie that comes back with the answer of another site, which a page of that site makes the browser fetch: `SameSite=Strict` would hold it back. */
export function signInCookie(value: string, { isSecure, maxAgeSeconds }: CookieOptions): string {
  const name = isSecure ? secureFlowCookieName : flowCookieName;
  return `${name}=${value}; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${isSecure ? "; Path=/; Secure" : ""}`;
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
