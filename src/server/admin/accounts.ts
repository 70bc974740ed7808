import { z } from "zod";
import type { Accounts, Principal } from "../../accounts/index.ts";
import { readBody, type AdminOperation } from "./api.ts";

const role = z.enum(["admin", "user"]);
const newUser = z.strictObject({ username: z.string(), email: z.string().optional(), role: role.optional() });
const limits = { expires: z.string().optional(), models: z.array(z.string()).optional() };
const newKey = z.strictObject({ user: z.string(), name: z.string().max(100).optional(), role: role.optional(), ...limits });
const ownKey = z.strictObject({ name: z.string().max(100).optional(), ...limits });

/** Users and keys, for admins; and a user's own under `/api/v1/me`. */
export function accountOperations(accounts: Accounts): AdminOperation[] {
  return [
    { method: "GET", path: "/api/v1/users", access: "admin", run: async () => ({ data: await accounts.listUsers() }) },
    {
      method: "POST",
      path: "/api/v1/users",
      access: "admin",
      status: 201,
      run: ({ body }) => accounts.createUser(withoutUndefined(readBody(newUser, body))),
    },
    { method: "GET", path: "/api/v1/users/{id}", access: "admin", run: ({ param }) => accounts.getUser(param) },
    {
      method: "GET",
      path: "/api/v1/keys",
      access: "admin",
      params: ["user"],
      run: async ({ query }) => {
        const user = query.get("user");
        return { data: await accounts.listKeys(user === null ? {} : { user }) };
      },
    },
    {
      method: "POST",
      path: "/api/v1/keys",
      access: "admin",
      status: 201,
      run: ({ body }) => accounts.createKey(withoutUndefined(readBody(newKey, body))),
    },
    { method: "DELETE", path: "/api/v1/keys/{id}", access: "admin", run: ({ param }) => accounts.revokeKey(param) },

    { method: "GET", path: "/api/v1/me", access: "user", run: ({ principal }) => meOf(accounts, principal) },
    {
      method: "GET",
      path: "/api/v1/me/keys",
      access: "user",
      run: async ({ principal }) => ({ data: isKeyless(principal) ? [] : await accounts.listKeys({ user: principal.userId }) }),
    },
    {
      method: "POST",
      path: "/api/v1/me/keys",
      access: "user",
      status: 201,
      run: ({ principal, body }) => {
        const input = withoutUndefined(readBody(ownKey, body));
        return accounts.createKey({ ...input, user: principal.userId, ...(isKeyless(principal) ? {} : { parent: principal.keyId }) });
      },
    },
    {
      method: "DELETE",
      path: "/api/v1/me/keys/{id}",
      access: "user",
      run: ({ principal, param }) => accounts.revokeKey(param, { user: principal.userId }),
    },
  ];
}

/** Where auth is off, who calls is `local`, who has no row. */
function meOf(accounts: Accounts, principal: Principal): unknown {
  const { userId, username, role } = principal;
  return isKeyless(principal) ? { id: userId, username, email: null, role, created_at: null } : accounts.getUser(userId);
}

/** Where auth is off, and on the control socket, the caller is nobody of whom the database knows. */
function isKeyless(principal: Principal): boolean {
  return principal.keyId === "";
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Defined<T>;
}
