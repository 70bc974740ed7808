import type { Accounts, ApiKey } from "../../accounts/index.ts";
import { GatewayError, GlobList } from "../../core/index.ts";
import { protocolIds, type ProtocolId } from "../../ir/index.ts";
import { listModels, type Catalog } from "../../upstream/index.ts";
import type { AnswerOfContract, BodyOfContract, HandlersOf } from "./contracts/contract.ts";
import type { systemContracts } from "./contracts/system.ts";
import { defaultDialect } from "../../protocols/index.ts";

type Answer<N extends keyof typeof systemContracts> = AnswerOfContract<(typeof systemContracts)[N]>;

export interface SystemDeps {
  readonly catalog: () => Catalog;
  /** `modelLists`: those of a key and its ancestors, which must all allow a target. */
  readonly explain: (asked: {
    readonly model: string;
    readonly dialect: ProtocolId;
    readonly modelLists?: readonly GlobList[] | undefined;
  }) => Answer<"routes.explain">;
  /** Models, routes in written order and providers as they are now. */
  readonly routes: () => Answer<"routes.list">;
  /** The configuration, secrets masked. */
  readonly config: () => Answer<"config.get">;
  /** Re-reads the configuration. @throws GatewayError if it is not valid; the old one stays. */
  readonly reload: () => Promise<Answer<"config.reload">>;
  /** The health of all parts. @throws GatewayError if no daemon runs. */
  readonly health: () => Promise<Answer<"health.get">>;
  /** State, pid, port, uptime. */
  readonly status: () => Answer<"status.get">;
  /** The level of the ledger, what waits for the database, its journals. */
  readonly ledger: () => Promise<Answer<"ledger.status">>;
  /** Starts the gateway that takes the place of this one. Missing where no daemon runs. */
  readonly restart?:
    | ((request: BodyOfContract<(typeof systemContracts)["daemon.restart"]>) => Promise<Answer<"daemon.restart">>)
    | undefined;
  /** Begins the shutdown and returns. */
  readonly stop: () => void;
}

/** Models, routes, configuration and the daemon itself. */
export function systemHandlers(deps: SystemDeps, accounts: Pick<Accounts, "getKey">): HandlersOf<typeof systemContracts> {
  return {
    "models.list": () => ({ data: listModels(deps.catalog()) }),
    "routes.list": () => deps.routes(),
    "routes.explain": async ({ query: { model = "", dialect: asked = defaultDialect, key_id: key } }) => {
      if (model === "") throw new GatewayError("invalid_request", 'Say which model: "?model=gpt-5".', { param: "model" });
      const dialect = protocolIds.find((id) => id === asked);
      if (dialect === undefined)
        throw new GatewayError("invalid_request", `"dialect" takes ${protocolIds.join(", ")}.`, { param: "dialect" });
      return deps.explain({ model, dialect, modelLists: key === undefined ? undefined : await modelListsOf(accounts, key) });
    },
    "config.get": () => deps.config(),
    "ledger.status": () => deps.ledger(),
    "status.get": () => deps.status(),
    "health.get": () => deps.health(),
    "config.reload": () => deps.reload(),
    "daemon.restart": async ({ body }) => {
      if (deps.restart === undefined) throw new GatewayError("conflict", "No daemon is running. Start one with `tokligence-daemon start`.");
      return await deps.restart(body);
    },
    "daemon.stop": () => {
      deps.stop();
      return { status: "stopping" };
    },
  };
}

/** The model lists of a key and of the keys that it was made with, as far as they have any. */
async function modelListsOf(accounts: Pick<Accounts, "getKey">, keyRef: string): Promise<readonly GlobList[]> {
  const lists: GlobList[] = [];
  for (let key: ApiKey | undefined = await accounts.getKey(keyRef); key !== undefined;) {
    if (key.models !== null) lists.push(new GlobList(key.models));
    key = key.parent_id === null ? undefined : await accounts.getKey(key.parent_id);
  }
  return lists;
}
