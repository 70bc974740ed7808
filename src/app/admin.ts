import { createAccounts } from "../accounts/index.ts";
import { createIdSource, GatewayError, silentLogger, systemClock } from "../core/index.ts";
import { createReports } from "../ledger/index.ts";
import {
  accountOperations,
  createLocalCaller,
  localPrincipal,
  systemOperations,
  usageOperations,
  type AdminCaller,
} from "../server/index.ts";
import { createSqliteStore } from "../store/index.ts";
import { createControlCaller, isNobodyThere } from "./control-client.ts";
import { maskSettings, type LoadedSettings } from "./config/index.ts";
import { runtimePaths } from "./paths.ts";
import { createSnapshot, describeRoutes } from "./snapshot.ts";

/** The admin API, wherever it is served. */
export interface Admin {
  readonly call: AdminCaller;
  close(): Promise<void>;
}

/** The admin API of the running daemon over its control socket, or, where none runs, of the database itself. */
export async function openAdmin(loaded: LoadedSettings): Promise<Admin> {
  const remote = createControlCaller(runtimePaths(loaded.settings.database.path).socket);
  try {
    await remote("GET", "/api/v1/status");
    return { call: remote, close: () => Promise.resolve() };
  } catch (error) {
    if (!isNobodyThere(error)) throw error;
  }
  const clock = systemClock;
  const store = await createSqliteStore({ path: loaded.settings.database.path, clock });
  const accounts = createAccounts({ store, clock, ids: createIdSource(clock) });
  const snapshot = createSnapshot(loaded.settings, { clock, logger: silentLogger, announced: false });
  const operations = [
    ...accountOperations(accounts),
    ...usageOperations(createReports({ store }), accounts),
    ...systemOperations({
      catalog: () => snapshot.catalog,
      routes: () => describeRoutes(loaded.settings, snapshot),
      config: () => maskSettings(loaded.settings),
      reload: () => Promise.reject(notRunning()),
      status: () => ({ status: "stopped" }),
      stop: () => {
        throw notRunning();
      },
    }),
  ];
  return {
    call: createLocalCaller(operations, localPrincipal),
    async close() {
      accounts.close();
      await snapshot.close();
      await store.close();
    },
  };
}

function notRunning(): GatewayError {
  return new GatewayError("conflict", "No daemon is running. Start one with `tokligence-daemon start --background`.");
}
