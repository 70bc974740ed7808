import type { ApiKey, NewApiKey, User } from "../../accounts/index.ts";
import type { UsageReport } from "../../ledger/index.ts";
import { readAllPages, type AdminClient, type OperationAnswer, type OperationInput } from "../../server/index.ts";
import { openAdmin } from "../admin.ts";
import { initConfig, loadSettings, type LoadedSettings } from "../config/index.ts";

export interface GatewayOptions {
  /** The configuration file; by default the one that the command line uses. */
  readonly config?: string;
}

/**
 * Users, keys and usage from a program, as the command line has them: of the running daemon where there is one, else of the database itself.
 * All methods reject with an Error whose message says what to do.
 */
export class Gateway {
  readonly #config: string | undefined;

  constructor(options: GatewayOptions = {}) {
    this.#config = options.config;
  }

  /** Writes a configuration file if there is none, and makes sure that the database can be used. */
  async init(): Promise<{ readonly created: boolean; readonly path: string }> {
    const result = initConfig(this.#config === undefined ? {} : { path: this.#config });
    const admin = await openAdmin(this.#settings(), { create: true });
    await admin.close();
    return result;
  }

  async createUser(
    username: string,
    options: { readonly email?: string; readonly role?: "admin" | "user"; readonly tags?: string[] } = {},
  ): Promise<User> {
    return await this.#admin((call) => call("users.create", { body: { username, ...options } }));
  }

  /** Changes what is given; `tags` replaces all tags of the user. @param user id or username. */
  async updateUser(
    user: string,
    changes: { readonly email?: string | null; readonly role?: "admin" | "user"; readonly tags?: string[] },
  ): Promise<User> {
    return await this.#admin((call) => call("users.update", { param: user, body: changes }));
  }

  async listUsers(): Promise<User[]> {
    return await this.#admin((call) => readAllPages((after) => call("users.list", { query: { after } })));
  }

  /** @param user id or username. The answer's `key` is shown this once. */
  async createApiKey(
    user: string,
    options: { readonly name?: string; readonly role?: "admin" | "user"; readonly tags?: string[]; readonly cache?: "on" | "off" } = {},
  ): Promise<NewApiKey> {
    return await this.#admin((call) => call("keys.create", { body: { user, ...options } }));
  }

  async listApiKeys(): Promise<ApiKey[]> {
    return await this.#admin((call) => readAllPages((after) => call("keys.list", { query: { after } })));
  }

  async revokeApiKey(keyId: string): Promise<ApiKey> {
    return await this.#admin((call) => call("keys.revoke", { param: keyId }));
  }

  /**
   * Sets limits on requests: of a user (id or name), a key (id or prefix), `tag:…`, `model:…` or `provider:…`. A limit that is omitted stays as it was, `null` takes
   * it away.
   */
  async setLimit(subject: string, limits: Omit<OperationInput<"limits.set">["body"], "subject">): Promise<OperationAnswer<"limits.set">> {
    return await this.#admin((call) => call("limits.set", { body: { subject, ...limits } }));
  }

  async listLimits(): Promise<OperationAnswer<"limits.list">["data"]> {
    return (await this.#admin((call) => call("limits.list", { query: {} }))).data;
  }

  async removeLimits(subject: string): Promise<OperationAnswer<"limits.remove">> {
    return await this.#admin((call) => call("limits.remove", { query: { subject } }));
  }

  /** Tokens and cost by user, key and model; of all users, or of one (`userId`: id or username). */
  async getUsage(options: { readonly userId?: string } = {}): Promise<UsageReport> {
    return await this.#admin((call) => call("usage.report", { query: { user: options.userId } }));
  }

  /** The newest entries of the audit trail. */
  async listAudit(options: { readonly limit?: number } = {}): Promise<OperationAnswer<"audit.list">["data"]> {
    const limit = options.limit === undefined ? undefined : String(options.limit);
    return (await this.#admin((call) => call("audit.list", { query: { limit } }))).data;
  }

  /** Checks the whole audit trail; `ok` is false if something in it was changed. */
  async verifyAudit(): Promise<OperationAnswer<"audit.verify">> {
    return await this.#admin((call) => call("audit.verify"));
  }

  /** Proofs that the usage entries of a request are in the audit trail. */
  async proveRequest(requestId: string): Promise<OperationAnswer<"audit.prove">["data"]> {
    return (await this.#admin((call) => call("audit.prove", { param: requestId }))).data;
  }

  #settings(): LoadedSettings {
    return loadSettings(this.#config === undefined ? {} : { path: this.#config });
  }

  async #admin<T>(run: (call: AdminClient) => Promise<T>): Promise<T> {
    const admin = await openAdmin(this.#settings());
    try {
      return await run(admin.call);
    } finally {
      await admin.close();
    }
  }
}
