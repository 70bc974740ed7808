import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { sql } from "kysely";
import { sharedPostgres, withoutPostgres } from "../../../tests/testbed/shared-postgres.ts";
import { createAccounts } from "../../accounts/index.ts";
import { AuditTrail, createAuditLog, gatewayEntry, openAuditKey } from "../../audit/index.ts";
import { createIdSource, silentLogger, systemClock } from "../../core/index.ts";
import { createSqliteStore, newestSchema, type Store } from "../../store/index.ts";
import { usageRow } from "../../store/store-testing.ts";
import { openStore } from "../compose/open-store.ts";
import { loadSettings } from "../config/index.ts";
import { restoreBackup, type RestoreOptions } from "./restore.ts";
import { writeBackup } from "./write-backup.ts";

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "tokligence-backup-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const nowMs = Date.UTC(2026, 0, 31);
const usageColumns =
  "request_id attempt time_ms duration_ms ttft_ms user_id key_id dialect provider model_asked model_served input_tokens direction status usage_source cost_nano_usd http_status".split(
    " ",
  );

/** A machine with a configuration and, if it is filled, a user, a key, usage that is in the audit trail, and usage that is not. */
async function makeMachine(name: string, config: string, isFilled: boolean): Promise<string> {
  const path = join(folder, name, "config.yaml");
  mkdirSync(join(folder, name));
  writeFileSync(path, config, { mode: 0o600 });
  if (!isFilled) return path;
  await withStore(path, async (store, place) => {
    const accounts = createAccounts({ store, clock: systemClock, ids: createIdSource(systemClock) });
    const alice = await accounts.createUser({ username: "alice", email: "alice@example.com" });
    await accounts.createKey({ user: alice.id, name: "laptop" });
    accounts.close();
    await store.insertRows("installation_keys", ["id", "secret", "created_ms"], [[1, "c2VhbGluZw==", 5]]);
    const options = { store, clock: systemClock, logger: silentLogger, hasUsage: true, publish: () => undefined };
    const log = createAuditLog({ ...options, key: openAuditKey(join(place, "gateway.audit-key.pem")) });
    const entries = Array.from({ length: 600 }, (_, i) => usageRow(`req_${i}`, 1, nowMs + i, i % 7 === 0 ? null : BigInt(i) ** 5n));
    await store.insertRows("usage_entries", usageColumns, entries);
    log.add(gatewayEntry("user.created", { name: "alice" }));
    await log.flush();
    await log.seal();
    await log.close();
    await store.insertRows("usage_entries", usageColumns, [
      usageRow("req_0", 2),
      usageRow("req_new", 1, nowMs, 9_223_372_036_854_775_807n),
    ]);
  });
  return path;
}

async function withStore<T>(config: string, run: (store: Store, place: string) => Promise<T>): Promise<T> {
  const { database } = loadSettings({ path: config }).settings;
  const store = await openStore(database, systemClock);
  try {
    return await run(store, join(database.path, ".."));
  } finally {
    await store.close();
  }
}

const options = (config: string, more: Partial<RestoreOptions> = {}): RestoreOptions => {
  return { config, force: false, dryRun: false, withoutJournal: false, nowMs, ...more };
};

interface Contents {
  readonly users: readonly object[];
  readonly keys: readonly object[];
  readonly usage: readonly string[];
  readonly secrets: number;
  readonly faults: readonly object[];
  readonly sealedOnce: number;
}

/** What a restored gateway must have, after it has taken all usage into the trail. */
async function contentsOf(config: string): Promise<Contents> {
  return await withStore(config, async (store, place) => {
    const key = openAuditKey(join(place, "gateway.audit-key.pem"));
    const log = createAuditLog({ store, clock: systemClock, logger: silentLogger, hasUsage: true, publish: () => undefined, key });
    await log.seal();
    await log.close();
    const usage = await store.db.selectFrom("usage_entries").selectAll().execute();
    const { faults, usageEntries } = await new AuditTrail(store, key, systemClock).verify();
    return {
      users: await store.db.selectFrom("users").selectAll().execute(),
      keys: await store.db.selectFrom("api_keys").selectAll().execute(),
      usage: usage.map((row) => JSON.stringify(row, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value))).toSorted(),
      secrets: (await store.db.selectFrom("installation_keys").select("secret").execute()).length,
      faults,
      sealedOnce: usageEntries,
    };
  });
}

const sqliteConfig = "database: { path: ./gateway.db }\nproviders:\n  openai: { api_key: sk-written-in-the-file } # ours\n";

test("a backup on SQLite has database, configuration and, if it is asked for, secrets; it comes back whole, and nothing is in the trail twice", async () => {
  const source = await makeMachine("source", sqliteConfig, true);
  const loaded = loadSettings({ path: source });
  const [plain, secret] = [join(folder, "plain.backup"), join(folder, "secret.backup")];
  const report = await writeBackup(loaded, plain, { includeSecrets: false, force: false, nowMs });
  assert.deepEqual(
    [report.schema_version, report.secrets, report.rows["usage_entries"], report.variables, statSync(plain).mode & 0o777],
    [newestSchema, false, 602, ["TOKLIGENCE_PROVIDERS_OPENAI_API_KEY"], 0o600],
  );
  const text = gunzipSync(readFileSync(plain)).toString();
  for (const word of ["sk-written-in-the-file", "c2VhbGluZw==", "PRIVATE KEY"]) assert.ok(!text.includes(word), word);
  await assert.rejects(
    writeBackup(loaded, plain, { includeSecrets: true, force: false, nowMs }),
    /is there already\. Give another name, or --force/,
  );
  await writeBackup(loaded, secret, { includeSecrets: true, force: false, nowMs });

  const target = join(folder, "target", "config.yaml");
  const restored = await restoreBackup(secret, options(target));
  assert.deepEqual([restored.config, restored.set_aside, restored.journal], [{ path: target, state: "written" }, [], null]);
  assert.equal(readFileSync(target, "utf8"), sqliteConfig);
  const keyFile = "gateway.audit-key.pem";
  assert.equal(readFileSync(join(target, "..", keyFile), "utf8"), readFileSync(join(source, "..", keyFile), "utf8"));
  const expected = await contentsOf(source);
  assert.deepEqual([expected.faults, expected.sealedOnce, expected.secrets], [[], 602, 1]);
  assert.deepEqual(await contentsOf(target), expected);
  assert.deepEqual(
    readdirSync(join(target, "..")).filter((name) => name.includes("restor")),
    [],
  );

  // A database that has data is replaced only if that is asked for, and kept.
  await assert.rejects(
    restoreBackup(plain, options(target)),
    /gateway\.db has data\. Name an empty one in the configuration, or replace it: --force/,
  );
  const checked = await restoreBackup(plain, options(target, { force: true, dryRun: true }));
  assert.deepEqual([checked.restored, checked.config.state, checked.set_aside], [false, "kept", []]);
  const forced = await restoreBackup(plain, options(target, { force: true }));
  assert.deepEqual(forced.set_aside, [join(target, "..", "gateway.db.before-restore-20260131T000000Z")]);
  assert.deepEqual(await contentsOf(target), { ...expected, secrets: 0 });
});

test("a file that is damaged, cut off, no backup, or of a newer program is refused before anything is changed", async () => {
  const source = await makeMachine("whole", sqliteConfig, true);
  const file = join(folder, "whole.backup");
  await writeBackup(loadSettings({ path: source }), file, { includeSecrets: true, force: false, nowMs });
  const whole = readFileSync(file);
  const text = gunzipSync(whole).toString();
  const bad = join(folder, "bad.backup");
  const cases: [content: Uint8Array, expected: RegExp][] = [
    [whole.subarray(0, whole.length >> 1), /bad\.backup is damaged or was not written to its end/],
    [whole.subarray(0, whole.length - 1), /is damaged or was not written to its end/],
    [whole.with(whole.length >> 1, whole[whole.length >> 1]! ^ 1), /is damaged/],
    [gzipSync(text.replace('"alice"', '"mallory"')), /\(the digest of users is another one\)/],
    [gzipSync(text.replace("sk-written", "sk-changed")), /\(the digest of config\.yaml is another one\)/],
    [gzipSync(text.replace(/\n\["usr_.*/, "")), /\(the digest of users is another one\)/],
    [gzipSync(text.slice(0, text.lastIndexOf("\n", text.length - 2) + 1)), /\(its end is missing\)/],
    [gzipSync(text + text), /\(something follows its end\)/],
    [Buffer.from("hello"), /is no backup of this program\. Give a file that `tokligence backup` has made/],
    [gzipSync("{}\n"), /is no backup of this program/],
    [new Uint8Array(), /is damaged/],
    [
      gzipSync(text.replace("tokligence-backup-1", "tokligence-backup-2")),
      /in a form that this version does not know\. Install that version/,
    ],
  ];
  const target = join(folder, "never", "config.yaml");
  for (const [content, expected] of cases) {
    writeFileSync(bad, content);
    await assert.rejects(restoreBackup(bad, options(target)), expected);
  }
  await assert.rejects(restoreBackup(join(folder, "none"), options(target)), /There is no file .*none\. Check the path\./);
  await assert.rejects(restoreBackup(folder, options(target)), /is a folder\. Give the file of a backup\./);
  assert.deepEqual(readdirSync(folder).includes("never"), false);
});

test("a backup of a newer schema is refused, and one of an older schema is brought up to date", async () => {
  const old = await makeMachine("old", sqliteConfig, false);
  const store = await createSqliteStore({ path: join(folder, "old", "gateway.db"), clock: systemClock, schemaVersion: newestSchema - 2 });
  await store.insertRows("users", ["id", "username", "email", "role", "created_ms"], [["usr_1", "ann", null, "admin", 1]]);
  await store.close();
  const earlier = join(folder, "earlier.backup");
  const { schema_version: version } = await writeBackup(loadSettings({ path: old }), earlier, {
    includeSecrets: false,
    force: false,
    nowMs,
  });
  const upgraded = join(folder, "upgraded", "config.yaml");
  await restoreBackup(earlier, options(upgraded));
  const { users } = await contentsOf(upgraded);
  assert.deepEqual([version, (users as { username: string }[]).map(({ username }) => username)], [newestSchema - 2, ["ann"]]);

  const source = await makeMachine("older", sqliteConfig, true);
  const newer = join(folder, "newer.backup");
  await withStore(source, async ({ db }) => {
    await sql`update schema_migrations set version = ${newestSchema + 1} where version = ${newestSchema}`.execute(db);
  });
  const write = writeBackup(loadSettings({ path: source }), newer, { includeSecrets: false, force: false, nowMs });
  await assert.rejects(write, new RegExp(`has schema version ${newestSchema + 1}, and this program knows versions up to ${newestSchema}`));
});

test("a backup comes back on PostgreSQL, from there on SQLite, and replaces what is there", { skip: withoutPostgres }, async () => {
  const source = await makeMachine("to-postgres", sqliteConfig, true);
  const file = join(folder, "to-postgres.backup");
  await writeBackup(loadSettings({ path: source }), file, { includeSecrets: true, force: false, nowMs });
  const expected = await contentsOf(source);
  const postgres = await sharedPostgres();
  const url = postgres.url(await postgres.createDatabase());
  const target = await makeMachine("postgres", `database: { type: postgresql, url: "${url}", path: ./gateway.db }\n`, false);
  const restored = await restoreBackup(file, options(target));
  assert.deepEqual([restored.config.state, restored.manifest.database], ["kept", "sqlite"]);
  assert.deepEqual(await contentsOf(target), expected);

  const again = join(folder, "from-postgres.backup");
  const report = await writeBackup(loadSettings({ path: target }), again, { includeSecrets: true, force: false, nowMs });
  assert.equal(report.database, "postgresql");
  await assert.rejects(restoreBackup(again, options(target)), /has data/);
  await restoreBackup(again, options(target, { force: true }));
  assert.deepEqual(await contentsOf(target), expected);
  const back = await makeMachine("back", "database: { path: ./gateway.db }\n", false);
  await restoreBackup(again, options(back));
  assert.deepEqual(await contentsOf(back), expected);
});
