import { initConfig, loadSettings, locateDatabase, type LoadInput } from "../config/index.ts";
import { runDaemon, type RunningDaemon } from "../daemon/run.ts";
import { readDaemonStatus, startBackground, stopDaemon } from "../daemon/start-background.ts";
import { createFirstAdmin } from "../first-start.ts";
import { daemonProgram } from "../self.ts";
import { runtimePaths, type RuntimePaths } from "../paths.ts";

export interface DaemonOptions {
  readonly config?: string;
  /** Override the configuration's. */
  readonly port?: number;
  readonly host?: string;
}

export type DaemonState =
  | {
      readonly status: "running";
      readonly pid: number;
      readonly port: number;
      readonly uptime_seconds: number;
      /** Of the very first `start` alone: the key of the user `admin`, which is shown once and stored nowhere. */
      readonly api_key?: string;
    }
  | { readonly status: "stopped" };

/** The gateway's server, from a program: in this process, or in one of its own. */
export class Daemon {
  readonly #options: DaemonOptions;
  #own: RunningDaemon | undefined;

  constructor(options: DaemonOptions = {}) {
    this.#options = options;
  }

  /** Starts it, in this process or in the background, where it outlives this one. Resolves when the port answers. @throws Error that says what to do. */
  async start(options: { readonly background?: boolean } = {}): Promise<DaemonState> {
    const { config, port, host } = this.#options;
    initConfig(config === undefined ? {} : { path: config });
    if (options.background === true) {
      const loaded = loadSettings(this.#input());
      const paths = runtimePaths(loaded.settings.database.path);
      const args = [
        ...(config === undefined ? [] : ["--config", config]),
        "start",
        ...(port === undefined ? [] : ["--port", String(port)]),
        ...(host === undefined ? [] : ["--host", host]),
        "--json",
      ];
      const program = daemonProgram();
      const logFile = loaded.settings.gateway.logging.file ?? paths.log;
      return (await startBackground({ program, args, paths, logFile })).daemon;
    }
    this.#own = await runDaemon({ config, overrides: this.#overrides() });
    const key = await createFirstAdmin(this.#own.gateway.accounts);
    void this.#own.gateway.warmUp();
    const state = await this.status();
    return state.status === "running" && key !== undefined ? { ...state, api_key: key.key } : state;
  }

  async status(): Promise<DaemonState> {
    return (await readDaemonStatus(this.#paths())) ?? { status: "stopped" };
  }

  /** Shuts it down in order, no matter who started it. */
  async stop(): Promise<void> {
    if (this.#own === undefined) {
      await stopDaemon(this.#paths());
      return;
    }
    await this.#own.stop();
    this.#own = undefined;
  }

  async restart(options: { readonly background?: boolean } = {}): Promise<DaemonState> {
    await this.stop();
    return await this.start(options);
  }

  #overrides(): Record<string, unknown> {
    const { port, host } = this.#options;
    return { ...(port === undefined ? {} : { "gateway.port": port }), ...(host === undefined ? {} : { "gateway.host": host }) };
  }

  /** Of a gateway that runs, also if the configuration has been broken since. */
  #paths(): RuntimePaths {
    return runtimePaths(locateDatabase(this.#input()).path);
  }

  #input(): LoadInput {
    const { config } = this.#options;
    return { ...(config === undefined ? {} : { path: config }), overrides: this.#overrides() };
  }
}
