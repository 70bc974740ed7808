import type { Accounts, Principal, SessionCaller, Sessions } from "../../accounts/index.ts";
import { GatewayError } from "../../core/index.ts";
import type { AttemptLimit } from "../http/attempt-limit.ts";
import { checkPage, isSecureRequest, readSessionCookie, sessionCookie } from "../http/session-cookie.ts";
import { isKeyless, readPage, userOfCaller } from "./accounts.ts";
import { AnswerWithHeaders } from "./answer-with-headers.ts";
import type { CallOrigin } from "./call-origin.ts";
import type { HandlersOf } from "./contracts/contract.ts";
import type { sessionContracts } from "./contracts/sessions.ts";

export interface SessionHandlerDeps {
  readonly sessions: Sessions;
  /** Where browsers reach the gateway, if it is configured. */
  readonly publicOrigin: () => string | undefined;
  /** Sign-ins from one address. */
  readonly attempts: AttemptLimit;
  readonly onSignIn: () => void;
  /** Where a browser ends its session at the identity provider, if it has such a page. */
  readonly signOutUrl: () => Promise<string | undefined>;
}

/** Signing browsers in and out, and their sessions. */
export function sessionHandlers(deps: SessionHandlerDeps, accounts: Accounts): HandlersOf<typeof sessionContracts> {
  const { sessions } = deps;
  return {
    "session.create": async ({ principal, origin }) => {
      const { headers, address } = overHttp(origin);
      checkPage(headers, deps.publicOrigin());
      deps.attempts.take(address);
      if (isKeyless(principal))
        throw new GatewayError("conflict", "Authentication is off (gateway.auth.enabled), so there is nobody to sign in.");
      const former = await callerOf(sessions, origin);
      const client = headers["user-agent"] ?? "";
      const { userId, keyId } = principal;
      const method = former?.principal.keyId === keyId ? former.session.method : "key";
      const { token, session } = await sessions.create({ userId, keyId, method, address, client });
      // A session that the browser had before would stay behind without a cookie.
      if (former?.principal.userId === userId) await sessions.end(former.session.id);
      deps.onSignIn();
      const isSecure = isSecureRequest(headers) || deps.publicOrigin()?.startsWith("https:") === true;
      const maxAgeSeconds = Math.floor((Date.parse(session.ends_at) - Date.parse(session.created_at)) / 1000);
      return new AnswerWithHeaders(session, ["set-cookie", sessionCookie(token, { isSecure, maxAgeSeconds })]);
    },
    "session.get": async ({ principal, origin }) => ({
      user: await userOfCaller(accounts, principal),
      role: principal.role,
      key_id: principal.keyId,
      session: (await sessionOfCall(sessions, principal, origin)) ?? null,
    }),
    "session.end": async ({ principal, origin }) => {
      const session = await sessionOfCall(sessions, principal, origin);
      if (session === undefined) throw new GatewayError("not_found", "The call carries no cookie of a session, so none is ended.");
      const ended = await sessions.end(session.id);
      const provider_sign_out_url = ended.method === "sso" ? ((await deps.signOutUrl()) ?? null) : null;
      const isSecure = isSecureRequest(overHttp(origin).headers) || deps.publicOrigin()?.startsWith("https:") === true;
      return new AnswerWithHeaders({ ...ended, provider_sign_out_url }, ["set-cookie", sessionCookie("", { isSecure, maxAgeSeconds: 0 })]);
    },
    "sessions.list": async ({ query: { user: name, ...query } }) => {
      const user = name === undefined ? {} : { user: (await accounts.getUser(name)).id };
      return await readPage(query, (page) => sessions.list({ ...page, ...user }));
    },
    "sessions.end": ({ param }) => sessions.end(param),
    "me.sessions.list": ({ principal, query }) => readPage(query, (page) => sessions.list({ ...page, user: principal.userId })),
    "me.sessions.end": ({ principal, param }) => sessions.end(param, { user: principal.userId }),
  };
}

function overHttp(origin: CallOrigin | undefined): CallOrigin {
  if (origin?.channel === "http") return origin;
  throw new GatewayError("conflict", "Browsers sign in over the gateway's port. On this machine, commands need no session.");
}

async function callerOf(sessions: Sessions, origin: CallOrigin | undefined): Promise<SessionCaller | undefined> {
  const token = origin === undefined ? undefined : readSessionCookie(origin.headers);
  return token === undefined ? undefined : await sessions.authenticate(token);
}

/** The session that the call is authenticated with. A call with a key may carry a cookie, too, which means nothing then. */
async function sessionOfCall(
  sessions: Sessions,
  principal: Principal,
  origin: CallOrigin | undefined,
): Promise<SessionCaller["session"] | undefined> {
  const { authorization, "x-api-key": apiKey, "x-goog-api-key": googleKey, "api-key": azureKey } = origin?.headers ?? {};
  if (authorization !== undefined || apiKey !== undefined || googleKey !== undefined || azureKey !== undefined) return undefined;
  const caller = await callerOf(sessions, origin);
  return caller?.principal.keyId === principal.keyId ? caller.session : undefined;
}
