import type { ApiKey, NewApiKey, User } from "../../accounts/index.ts";
import type { UsageReport } from "../../ledger/index.ts";
import { readAllPages } from "../../core/index.ts";
import type { AdminClient } from "../../server/index.ts";
import type { AuditEntry, AuditProof, AuditReport, Limit, LimitChanges } from "./answers.ts";

/** Users, keys, limits, usage and the audit trail. All methods reject with an Error whose message says what to do; those of operations are `GatewayError`s. */
export abstract class AdminApi {
  /** @internal */
  protected abstract run<T>(operation: (call: AdminClient) => Promise<T>): Promise<T>;

  async createUser(
    username: string,
    options: { readonly email?: string; readonly role?: "admin" | "user"; readonly tags?: string[] } = {},
  ): Promise<User> {
    return await this.run((call) => call("users.create", { body: { username, ...options } }));
  }

  /** Changes what is given; `tags` replaces all tags of the user. @param user id or username. */
  async updateUser(
    user: string,
    changes: { readonly email?: string | null; readonly role?: "admin" | "user"; readonly tags?: string[] },
  ): Promise<User> {
    return await this.run((call) => call("users.update", { param: user, body: changes }));
  }

  async listUsers(): Promise<User[]> {
    return await this.run((call) => readAllPages((after) => call("users.list", { query: { after } })));
  }

  /** @param user id or username. The answer's `key` is shown this once. */
  async createApiKey(
    user: string,
    options: { readonly name?: string; readonly role?: "admin" | "user"; readonly tags?: string[]; readonly cache?: "on" | "off" } = {},
  ): Promise<NewApiKey> {
    return await this.run((call) => call("keys.create", { body: { user, ...options } }));
  }

  async listApiKeys(): Promise<ApiKey[]> {
    return await this.run((call) => readAllPages((after) => call("keys.list", { query: { after } })));
  }

  async revokeApiKey(keyId: string): Promise<ApiKey> {
    return await this.run((call) => call("keys.revoke", { param: keyId }));
  }

  /**
   * Sets limits on requests: of a user (id or name), a key (id or prefix), `tag:…`, `model:…` or `provider:…`. A limit that is omitted stays as it was, `null` takes
   * it away.
   */
  async setLimit(subject: string, limits: LimitChanges): Promise<Limit> {
    return await this.run((call) => call("limits.set", { body: { subject, ...limits } }));
  }

  async listLimits(): Promise<readonly Limit[]> {
    return (await this.run((call) => call("limits.list", { query: {} }))).data;
  }

  async removeLimits(subject: string): Promise<Limit> {
    return await this.run((call) => call("limits.remove", { query: { subject } }));
  }

  /** Tokens and cost by user, key and model; of all users, or of one (`userId`: id or username). */
  async getUsage(options: { readonly userId?: string } = {}): Promise<UsageReport> {
    return await this.run((call) => call("usage.report", { query: { user: options.userId } }));
  }

  /** The newest entries of the audit trail. */
  async listAudit(options: { readonly limit?: number } = {}): Promise<readonly AuditEntry[]> {
    const limit = options.limit === undefined ? undefined : String(options.limit);
    return (await this.run((call) => call("audit.list", { query: { limit } }))).data;
  }

  /** Checks the whole audit trail; `ok` is false if something in it was changed. */
  async verifyAudit(): Promise<AuditReport> {
    return await this.run((call) => call("audit.verify"));
  }

  /** Proofs that the usage entries of a request are in the audit trail. */
  async proveRequest(requestId: string): Promise<readonly AuditProof[]> {
    return (await this.run((call) => call("audit.prove", { param: requestId }))).data;
  }
}
