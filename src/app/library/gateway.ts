import type { AdminClient } from "../../server/index.ts";
import { openAdmin } from "../admin.ts";
import { initConfig, loadSettings, type LoadedSettings } from "../config/index.ts";
import { AdminApi } from "./admin-api.ts";

export interface GatewayOptions {
  /** The configuration file; by default the one that the command line uses. */
  readonly config?: string;
}

/** What the command line does, for programs: with the running daemon if there is one, else with the database itself. */
export class Gateway extends AdminApi {
  readonly #config: string | undefined;

  constructor(options: GatewayOptions = {}) {
    super();
    this.#config = options.config;
  }

  /** Writes a configuration file if there is none, and makes sure that the database can be used. */
  async init(): Promise<{ readonly created: boolean; readonly path: string }> {
    const result = initConfig(this.#config === undefined ? {} : { path: this.#config });
    const admin = await openAdmin(this.#settings(), { create: true });
    await admin.close();
    return result;
  }

  /** @internal */
  protected override async run<T>(operation: (call: AdminClient) => Promise<T>): Promise<T> {
    const admin = await openAdmin(this.#settings());
    try {
      return await operation(admin.call);
    } finally {
      await admin.close();
    }
  }

  #settings(): LoadedSettings {
    return loadSettings(this.#config === undefined ? {} : { path: this.#config });
  }
}
