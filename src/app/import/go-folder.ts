import { existsSync } from "node:fs";
import { join } from "node:path";
import { readForeignSqlite } from "../../store/index.ts";
import { requestIdOf } from "./apply-accounts.ts";
import {
  takeName,
  usernameOf,
  type AccountsPlan,
  type ImportedKey,
  type ImportedUsage,
  type ImportedUser,
  type Note,
} from "./import-plan.ts";
import { readDatabaseTime, usageRowOf } from "./usage-row.ts";

type Row = Readonly<Record<string, unknown>>;

/**
 * Users, keys and usage of the earlier gateway in Go: `identity.db` and `ledger.db` in one folder, both SQLite. Its keys have our form and our hash. Its
 * usage has no model and no price. Columns may be missing in older files. @throws Error if the folder has neither file.
 */
export function readGoFolder(folder: string): AccountsPlan {
  const [identity, ledger] = [join(folder, "identity.db"), join(folder, "ledger.db")];
  if (!existsSync(identity) && !existsSync(ledger)) {
    throw new Error(`${folder} has neither identity.db nor ledger.db. Give the folder of the earlier gateway, as in ~/.tokligence.`);
  }
  const { users: userRows = [], api_keys: keyRows = [] } = readForeignSqlite(identity, ["users", "api_keys"]);
  const { usage_entries: usageRows = [] } = readForeignSqlite(ledger, ["usage_entries"]);
  const notes: Note[] = [
    { path: "authentication", reason: "the earlier gateway began with authentication off; this one asks for a key (gateway.auth.enabled)" },
    { path: "identity.db users.display_name", reason: "there is one name for a user: the part of the e-mail before the @" },
  ];
  const { users, nameOf } = readUsers(userRows);
  const keys = keyRows.flatMap((row) => readKey(row, nameOf(row["user_id"]), notes) ?? []);
  const hashes = new Map(keyRows.map((row) => [row["id"], textOf(row["key_hash"]) ?? null]));
  const usage = usageRows.flatMap((row) => readEntry(row, nameOf(row["user_id"]), hashes.get(row["api_key_id"]) ?? null) ?? []);
  if (usage.length > 0)
    notes.push({ path: "ledger.db usage_entries", reason: "the old entries have neither model nor price: both are unknown in reports" });
  if (usage.length < usageRows.length) {
    notes.push({ path: `ledger.db usage_entries (${usageRows.length - usage.length})`, reason: "their users are not in identity.db" });
  }
  return { users, keys, budgets: [], limits: [], usage, notes };
}

function readUsers(rows: readonly Row[]): {
  readonly users: readonly ImportedUser[];
  readonly nameOf: (id: unknown) => ImportedUser | undefined;
} {
  const taken = new Set<string>();
  const found = new Map<unknown, ImportedUser>();
  for (const row of rows) {
    if (textOf(row["deleted_at"]) !== undefined) continue;
    const email = textOf(row["email"]) ?? null;
    const username = takeName(usernameOf(email?.split("@")[0] ?? String(row["id"])), taken);
    const role = row["role"] === "root_admin" || row["role"] === "gateway_admin" ? "admin" : "user";
    found.set(row["id"], { username, email, role, isDisabled: row["status"] === "inactive" });
  }
  return { users: [...found.values()], nameOf: (id) => found.get(id) };
}

function readKey(row: Row, owner: ImportedUser | undefined, notes: Note[]): ImportedKey | undefined {
  const path = `identity.db api_keys ${String(row["id"])}`;
  const hash = textOf(row["key_hash"]);
  if (owner === undefined || hash === undefined || !/^[0-9a-f]{64}$/.test(hash)) {
    notes.push({ path, reason: "its user was deleted, or its hash is not a SHA-256" });
    return undefined;
  }
  if ((textOf(row["scopes"]) ?? "[]") !== "[]") notes.push({ path: `${path}.scopes`, reason: "keys have no scopes" });
  return {
    username: owner.username,
    name: null,
    hash,
    prefix: (textOf(row["key_prefix"]) ?? "tok_").slice(0, 8),
    role: owner.role,
    createdMs: readDatabaseTime(row["created_at"]) ?? null,
    expiresMs: readDatabaseTime(row["expires_at"]) ?? null,
    isRevoked: textOf(row["deleted_at"]) !== undefined,
    models: null,
    tags: [],
  };
}

function readEntry(row: Row, owner: ImportedUser | undefined, keyHash: string | null): ImportedUsage | undefined {
  const timeMs = readDatabaseTime(row["created_at"]);
  if (owner === undefined || timeMs === undefined) return undefined;
  const id = textOf(row["uuid"]) ?? `tokligence-go ${String(row["id"])} ${String(row["user_id"])} ${timeMs}`;
  const entry = usageRowOf({
    requestId: requestIdOf(id),
    timeMs,
    provider: "unknown",
    model: "unknown",
    inputTokens: Number(row["prompt_tokens"] ?? 0),
    outputTokens: Number(row["completion_tokens"] ?? 0),
    costNanoUsd: null,
    direction: row["direction"] === "supply" ? "supply" : "consume",
  });
  return { row: entry, username: owner.username, keyHash };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
