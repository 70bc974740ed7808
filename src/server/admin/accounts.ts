import type { Accounts, PageQuery, Principal } from "../../accounts/index.ts";
import { GatewayError } from "../../core/index.ts";
import type { accountContracts } from "./contracts/accounts.ts";
import type { AnswerOfContract, HandlersOf, OperationContext } from "./contracts/contract.ts";

type Handlers = HandlersOf<typeof accountContracts>;

/** Users and keys: all of them for admins, and a user's own. */
export function accountHandlers(accounts: Accounts): Handlers {
  return {
    "users.list": ({ query }) => readPage(query, (page) => accounts.listUsers(page)),
    "users.create": ({ body }) => accounts.createUser(withoutUndefined(body)),
    "users.get": ({ param }) => accounts.getUser(param),
    "users.update": ({ param, body }) => accounts.updateUser(param, withoutUndefined(body)),
    "users.disable": ({ param }) => accounts.disableUser(param),
    "users.enable": ({ param }) => accounts.enableUser(param),
    "users.erase": ({ param }) => accounts.eraseUser(param),
    "keys.list": ({ query }) => {
      const { user } = query;
      return readPage(query, (page) => accounts.listKeys({ ...page, ...(user === undefined ? {} : { user }) }));
    },
    "keys.create": ({ body }) => accounts.createKey(withoutUndefined(body)),
    "keys.update": ({ param, body }) => accounts.updateKey(param, withoutUndefined(body)),
    "keys.disable": ({ param }) => accounts.disableKey(param),
    "keys.enable": ({ param }) => accounts.enableKey(param),
    "keys.rotate": ({ param, body }) => accounts.rotateKey(param, withoutUndefined(body)),
    "keys.revoke": ({ param }) => accounts.revokeKey(param),
    "me.get": ({ principal }) => userOfCaller(accounts, principal),
    "me.keys.list": ({ principal, query }) => {
      if (isKeyless(principal)) return { data: [], next: null };
      return readPage(query, (page) => accounts.listKeys({ ...page, user: principal.userId }));
    },
    "me.keys.create": ({ principal, body }) => createOwnKey(accounts, principal, body),
    "me.keys.revoke": ({ principal, param }) => accounts.revokeKey(param, { user: principal.userId }),
  };
}

/** The user of a call: `local` where the database does not know it. */
export function userOfCaller(
  accounts: Pick<Accounts, "getUser">,
  principal: Principal,
): AnswerOfContract<(typeof accountContracts)["me.get"]> | ReturnType<Accounts["getUser"]> {
  const { userId, username, role } = principal;
  return isKeyless(principal)
    ? { id: userId, username, email: null, role, created_at: null, disabled_at: null, tags: [] }
    : accounts.getUser(userId);
}

/** Rows of a page: an answer of bounded size, however many rows there are. */
const maxRows = 1000;

/** @param list gives at most `limit` rows, those after the one with the id `after`. */
export async function readPage<Row extends { readonly id: string }>(
  { limit: text, after }: { readonly limit?: string | undefined; readonly after?: string | undefined },
  list: (page: PageQuery) => Promise<readonly Row[]>,
): Promise<{ readonly data: readonly Row[]; readonly next: string | null }> {
  const limit = text === undefined ? maxRows : Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > maxRows) {
    throw new GatewayError("invalid_request", `"limit" must be a whole number from 1 to ${maxRows}.`, { param: "limit" });
  }
  // One more than the page shows whether there is a next one.
  const rows = await list({ limit: limit + 1, ...(after === undefined ? {} : { after }) });
  const data = rows.slice(0, limit);
  return { data, next: rows.length > limit ? data.at(-1)!.id : null };
}

type OwnKey = OperationContext<(typeof accountContracts)["me.keys.create"]>["body"];

/** The key that the call carries is the parent of the new one. */
function createOwnKey(accounts: Accounts, principal: Principal, body: OwnKey): ReturnType<Accounts["createKey"]> {
  const parent = isKeyless(principal) ? {} : { parent: principal.keyId };
  return accounts.createKey({ ...withoutUndefined(body), user: principal.userId, ...parent });
}

/** If authentication is off, and on the control socket, the database does not know the caller. */
export function isKeyless(principal: Principal): boolean {
  return principal.keyId === "";
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Defined<T>;
}
