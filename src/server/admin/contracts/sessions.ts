import * as z from "zod";
import type { OperationContract } from "./contract.ts";
import { paging, callingUser } from "./accounts.ts";

const time = z.string().describe("RFC 3339 in UTC");

const session = z
  .object({
    id: z.string().describe("`ses_…`"),
    user_id: z.string(),
    username: z.string(),
    key_id: z.string().describe("the session acts with this key, and ends with it"),
    method: z.enum(["key", "sso"]).describe("how its browser signed in: with a key, or over single sign-on"),
    created_at: time,
    used_at: time.describe("when it was last used, to about a minute"),
    idle_at: time.describe("when it ends if it is not used meanwhile"),
    ends_at: time.describe("when it ends in any case"),
    address: z.string().describe("from where it was made"),
    client: z.string().describe("the browser, by its user agent"),
  })
  .meta({ id: "Session" });

const whoami = z
  .object({
    user: callingUser,
    role: z.enum(["admin", "user"]).describe("what the call may do: that of its key"),
    key_id: z.string().describe("empty if authentication is off, and on the control socket"),
    session: session.nullable().describe("`null`: the call carries a key, not a session's cookie"),
  })
  .meta({ id: "WhoAmI" });

const page = z.object({ data: z.array(session).readonly(), next: z.string().nullable().describe("give it as `after` for the next page") });
const sessionPage = page.meta({ id: "SessionPage" });

export const sessionContracts = {
  "session.create": {
    method: "POST",
    path: "/api/v1/session",
    access: "user",
    status: 201,
    summary: "Signs a browser in: makes a session of the key that the call carries, and sets its cookie. Needs `x-tokligence-page: 1`.",
    body: z.strictObject({}),
    answer: session,
  },
  "session.get": {
    method: "GET",
    path: "/api/v1/session",
    access: "user",
    summary: "Shows who calls: user, role, key, and the session if the call carries its cookie.",
    answer: whoami,
  },
  "session.end": {
    method: "DELETE",
    path: "/api/v1/session",
    access: "user",
    summary: "Signs a browser out: ends the session whose cookie the call carries, and removes the cookie.",
    answer: session
      .extend({ provider_sign_out_url: z.string().nullable().describe("where the browser signs out at the identity provider, too") })
      .meta({ id: "EndedSession" }),
  },
  "sessions.list": {
    method: "GET",
    path: "/api/v1/sessions",
    access: "admin",
    summary: "Lists the sessions that have not ended, of all users or of one, the oldest first.",
    query: z.object({ user: z.string().optional().describe("id or name"), ...paging }),
    answer: sessionPage,
  },
  "sessions.end": {
    method: "DELETE",
    path: "/api/v1/sessions/{id}",
    access: "admin",
    summary: "Ends a session.",
    answer: session,
  },
  "me.sessions.list": {
    method: "GET",
    path: "/api/v1/me/sessions",
    access: "user",
    summary: "Lists the caller's own sessions, the oldest first.",
    query: z.object(paging),
    answer: sessionPage,
  },
  "me.sessions.end": {
    method: "DELETE",
    path: "/api/v1/me/sessions/{id}",
    access: "user",
    summary: "Ends one of the caller's own sessions.",
    answer: session,
  },
} as const satisfies Record<string, OperationContract>;
