import type { IncomingHttpHeaders } from "node:http";
import type { Principal, Sessions } from "../../accounts/index.ts";
import { GatewayError } from "../../core/index.ts";
import { checkPage, readSessionCookie } from "./session-cookie.ts";

/** Cookies are read on these paths only. */
const adminPrefix = "/api/v1/";

/**
 * Who the cookie of a request belongs to; `undefined`: it has none that counts here.
 * @throws GatewayError `forbidden_page`; the promise rejects with `invalid_session` or `database_unavailable`.
 */
export function authenticateSession(
  sessions: Pick<Sessions, "authenticate"> | undefined,
  path: string,
  headers: IncomingHttpHeaders,
  publicOrigin: string | undefined,
): Promise<Principal> | undefined {
  if (sessions === undefined || !path.startsWith(adminPrefix)) return undefined;
  const token = readSessionCookie(headers);
  if (token === undefined) return undefined;
  checkPage(headers, publicOrigin);
  return principalOf(sessions, token);
}

async function principalOf(sessions: Pick<Sessions, "authenticate">, token: string): Promise<Principal> {
  const found = await sessions.authenticate(token);
  if (found === undefined) throw new GatewayError("invalid_session", "The session has ended, or is not known. Sign in again.");
  return found.principal;
}
