import type { Accounts, Principal } from "../../accounts/index.ts";
import type { accountContracts } from "./contracts/accounts.ts";
import type { HandlersOf, OperationContext } from "./contracts/contract.ts";

type Handlers = HandlersOf<typeof accountContracts>;

/** Users and keys, for admins; and a user's own. */
export function accountHandlers(accounts: Accounts): Handlers {
  return {
    "users.list": async () => ({ data: await accounts.listUsers() }),
    "users.create": ({ body }) => accounts.createUser(withoutUndefined(body)),
    "users.get": ({ param }) => accounts.getUser(param),
    "keys.list": async ({ query }) => ({ data: await accounts.listKeys(withoutUndefined(query)) }),
    "keys.create": ({ body }) => accounts.createKey(withoutUndefined(body)),
    "keys.revoke": ({ param }) => accounts.revokeKey(param),
    "me.get": ({ principal }) => {
      const { userId, username, role } = principal;
      return isKeyless(principal) ? { id: userId, username, email: null, role, created_at: null } : accounts.getUser(userId);
    },
    "me.keys.list": async ({ principal }) => ({ data: isKeyless(principal) ? [] : await accounts.listKeys({ user: principal.userId }) }),
    "me.keys.create": ({ principal, body }) => createOwnKey(accounts, principal, body),
    "me.keys.revoke": ({ principal, param }) => accounts.revokeKey(param, { user: principal.userId }),
  };
}

type OwnKey = OperationContext<(typeof accountContracts)["me.keys.create"]>["body"];

/** The key that the call carries is the parent of the new one. */
function createOwnKey(accounts: Accounts, principal: Principal, body: OwnKey): ReturnType<Accounts["createKey"]> {
  const parent = isKeyless(principal) ? {} : { parent: principal.keyId };
  return accounts.createKey({ ...withoutUndefined(body), user: principal.userId, ...parent });
}

/** If authentication is off, and on the control socket, the database does not know the caller. */
function isKeyless(principal: Principal): boolean {
  return principal.keyId === "";
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Defined<T>;
}
