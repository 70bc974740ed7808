import { z } from "zod";
import type { OperationContract } from "./contract.ts";

const role = z.enum(["admin", "user"]);
const time = z.string().describe("RFC 3339 in UTC");

const user = z.object({
  id: z.string().describe("`usr_…`; `local` if authentication is off"),
  username: z.string(),
  email: z.string().nullable(),
  role,
  created_at: time.nullable().describe("`null` for the user `local`"),
});

const storedUser = user.extend({ created_at: time });

const apiKey = z.object({
  id: z.string(),
  user_id: z.string(),
  name: z.string().nullable(),
  role,
  prefix: z.string().describe("the first characters, to recognise the key by: `tok_ab12`"),
  created_at: time,
  revoked_at: time.nullable(),
  expires_at: time.nullable().describe("from then on the key is refused"),
  models: z.array(z.string()).readonly().nullable().describe("globs over the models it may call, `!` before those it may not; `null`: all"),
  parent_id: z.string().nullable().describe("the key that it was made with; `null`: an admin made it"),
});

const newApiKey = apiKey.extend({ key: z.string().describe("the key itself: shown once and stored nowhere") });

const limits = {
  name: z.string().max(100).optional(),
  expires: z.string().optional().describe("a time in RFC 3339, or how long from now: `12h`, `30d`"),
  models: z.array(z.string()).optional().describe("globs, at most 100; `!` before models that it may not call"),
};

export const accountContracts = {
  "users.list": {
    method: "GET",
    path: "/api/v1/users",
    access: "admin",
    summary: "Lists the users.",
    answer: z.object({ data: z.array(storedUser).readonly() }),
  },
  "users.create": {
    method: "POST",
    path: "/api/v1/users",
    access: "admin",
    status: 201,
    summary: "Creates a user.",
    body: z.strictObject({ username: z.string(), email: z.string().optional(), role: role.optional() }),
    answer: storedUser,
  },
  "users.get": {
    method: "GET",
    path: "/api/v1/users/{id}",
    access: "admin",
    summary: "Shows a user, by id or name.",
    answer: storedUser,
  },
  "keys.list": {
    method: "GET",
    path: "/api/v1/keys",
    access: "admin",
    summary: "Lists the keys, of all users or of one.",
    query: z.object({ user: z.string().optional().describe("id or name") }),
    answer: z.object({ data: z.array(apiKey).readonly() }),
  },
  "keys.create": {
    method: "POST",
    path: "/api/v1/keys",
    access: "admin",
    status: 201,
    summary: "Creates a key for a user.",
    body: z.strictObject({ user: z.string().describe("id or name"), role: role.optional(), ...limits }),
    answer: newApiKey,
  },
  "keys.revoke": {
    method: "DELETE",
    path: "/api/v1/keys/{id}",
    access: "admin",
    summary: "Revokes a key, and all keys that were made with it.",
    answer: apiKey,
  },
  "me.get": { method: "GET", path: "/api/v1/me", access: "user", summary: "Shows the caller's user.", answer: user },
  "me.keys.list": {
    method: "GET",
    path: "/api/v1/me/keys",
    access: "user",
    summary: "Lists the caller's keys.",
    answer: z.object({ data: z.array(apiKey).readonly() }),
  },
  "me.keys.create": {
    method: "POST",
    path: "/api/v1/me/keys",
    access: "user",
    status: 201,
    summary: "Creates a key for the caller's user; it is bounded by the key that the call carries.",
    body: z.strictObject(limits),
    answer: newApiKey,
  },
  "me.keys.revoke": {
    method: "DELETE",
    path: "/api/v1/me/keys/{id}",
    access: "user",
    summary: "Revokes one of the caller's keys, and all keys that were made with it.",
    answer: apiKey,
  },
} as const satisfies Record<string, OperationContract>;
