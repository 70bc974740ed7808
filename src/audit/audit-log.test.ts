import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import { sql } from "kysely";
import { migratedPostgres } from "../../tests/testbed/migrated-postgres.ts";
import { withoutPostgres } from "../../tests/testbed/shared-postgres.ts";
import { silentLogger } from "../core/index.ts";
import { createPostgresStore, createSqliteStore, type Store } from "../store/index.ts";
import { gatewayEntry } from "./append.ts";
import { createAuditLog, type AuditLog } from "./audit-log.ts";
import type { Checkpoint } from "./entry.ts";
import { ExportVerifier } from "./export-text.ts";
import { checkProof } from "./prove.ts";
import { auditKeyOf } from "./signing.ts";
import { AuditTrail } from "./trail.ts";

const startMs = Date.parse("2026-03-01T12:00:00Z");

interface Bench {
  readonly store: Store;
  readonly log: AuditLog;
  readonly trail: AuditTrail;
  readonly published: Checkpoint[];
  readonly at: { ms: number };
  /** Lets the log write, take usage entries in, and sign, as its timers do. */
  tick(): Promise<void>;
}

async function withBench(open: () => Promise<Store>, body: (bench: Bench) => Promise<void>): Promise<void> {
  const store = await open();
  const at = { ms: startMs };
  const clock = { now: () => at.ms, monotonic: () => at.ms };
  const key = auditKeyOf(generateKeyPairSync("ed25519").privateKey);
  const published: Checkpoint[] = [];
  const tasks: (() => void)[] = [];
  const log = createAuditLog({
    store,
    clock,
    logger: silentLogger,
    key,
    hasUsage: true,
    publish: (checkpoint) => published.push(checkpoint),
    every: (_, task) => {
      tasks.push(task);
      return () => undefined;
    },
  });
  log.start();
  const trail = new AuditTrail(store, key, clock);
  const tick = async (): Promise<void> => {
    await log.flush();
    at.ms += 60_000;
    await log.seal();
  };
  try {
    await body({ store, log, trail, published, at, tick });
  } finally {
    await log.close();
    await store.close();
  }
}

const columns = [
  "request_id",
  "attempt",
  "time_ms",
  "duration_ms",
  "user_id",
  "key_id",
  "dialect",
  "provider",
  "model_asked",
  "model_served",
  "direction",
  "status",
  "usage_source",
  "cost_nano_usd",
  "http_status",
];

const idOf = (n: number): string =>
  `req_${startMs
    .toString(16)
    .padStart(12, "0")
    .replace(/(.{8})(.{4})/, "$1-$2")}-7000-8000-${String(n).padStart(12, "0")}`;

async function addUsage(store: Store, from: number, count: number, id = idOf): Promise<void> {
  const rows = Array.from({ length: count }, (_, i) => [
    id(from + i),
    1,
    startMs,
    5,
    "usr_1",
    "key_1",
    "openai-chat",
    "openai",
    "gpt-5",
    "gpt-5",
    "consume",
    "ok",
    "reported",
    BigInt(from + i),
    200,
  ]);
  await store.insertRows("usage_entries", columns, rows);
}

const databases: Readonly<Record<string, { readonly open: () => Promise<Store>; readonly skip: boolean | string }>> = {
  SQLite: { open: () => createSqliteStore({ path: ":memory:", clock: { now: () => startMs, monotonic: () => 0 } }), skip: false },
  PostgreSQL: {
    open: async () => createPostgresStore({ place: await migratedPostgres(), clock: { now: () => startMs, monotonic: () => 0 }, pool: 4 }),
    skip: withoutPostgres,
  },
};

/** As somebody does who has the database to himself. */
async function tamper(store: Store, statement: string, table: string): Promise<void> {
  if (store.dialect === "sqlite") {
    for (const what of ["update", "delete"]) await sql.raw(`drop trigger ${table}_refuse_${what}`).execute(store.db);
  } else {
    const triggers = table === "usage_entries" ? ["refuse_update", "refuse_delete"] : ["refuse"];
    for (const name of triggers) await sql.raw(`drop trigger ${table}_${name} on ${table}`).execute(store.db);
  }
  await sql.raw(statement).execute(store.db);
}

for (const [name, { open, skip }] of Object.entries(databases)) {
  describe(`the audit trail in ${name}`, { skip }, () => {
    it("takes entries and usage, is signed, verified, exported and proved", () =>
      withBench(open, async ({ store, log, trail, published, tick }) => {
        log.add({ ...gatewayEntry("config.loaded", { version: "1" }), actor: "usr_1 Jörg\0" });
        await addUsage(store, 0, 700);
        await tick();
        await addUsage(store, 700, 3);
        await tick();
        const report = await trail.verify({ head: published.at(-1) });
        assert.deepEqual(report.faults, []);
        assert.deepEqual([report.entries, report.checkpoints, report.unsigned, report.usageEntries, published.length], [5, 2, 0, 703, 2]);
        const [proof] = await trail.prove(idOf(650));
        assert.ok(proof !== undefined);
        assert.equal(checkProof(proof), undefined);
        assert.equal(
          checkProof({ ...proof, entry: proof.entry.replace("650", "651") }),
          "the usage entry does not lead to the root of its batch",
        );
        assert.match(checkProof(proof, "another")!, /another key/);
        const verifier = new ExportVerifier({ head: published.at(-1) });
        for await (const line of trail.exportLines()) verifier.push(line.slice(0, -1));
        assert.deepEqual(verifier.finish(), { entries: 5, checkpoints: 2, faults: [] });
        await assert.rejects(trail.prove("req_none"), /No batch/);
      }));

    it("refuses changes, and shows those that were forced", () =>
      withBench(open, async ({ store, log, trail, tick }) => {
        log.add(gatewayEntry("config.loaded", {}));
        await addUsage(store, 0, 2);
        await tick();
        await assert.rejects(sql`update audit_entries set actor = 'x'`.execute(store.db), /append-only/);
        await assert.rejects(sql`delete from audit_checkpoints`.execute(store.db), /append-only/);
        await tamper(store, `update usage_entries set cost_nano_usd = 1 where request_id = '${idOf(0)}'`, "usage_entries");
        assert.match((await trail.verify()).faults[0]!.what, /usage entries are not those/);
        await sql`delete from usage_entries where request_id = ${idOf(0)}`.execute(store.db);
        assert.match((await trail.verify()).faults[0]!.what, /1 of its 2 usage entries are missing/);
        await tamper(store, "update audit_entries set actor = 'mallory' where seq = 1", "audit_entries");
        assert.match((await trail.verify()).faults[0]!.what, /one of them was changed/);
      }));

    it("keeps its proof when the retention of usage entries ends, also of imported ones, whose ids have no time", () =>
      withBench(open, async ({ store, at, trail, tick }) => {
        await addUsage(store, 0, 5);
        await addUsage(store, 5, 2, (n) => `req_ffffffff-ffff-4fff-8fff-00000000000${n}`);
        await tick();
        const markMs = startMs + 86_400_000;
        at.ms = markMs;
        await store.db.updateTable("retention").set({ deletable_before_ms: markMs }).where("name", "=", "usage_entries").execute();
        await sql`delete from usage_entries where time_ms < ${markMs}`.execute(store.db);
        await tick();
        const report = await trail.verify();
        assert.deepEqual([report.faults, report.expiredBatches, report.usageEntries], [[], 1, 0]);
      }));

    it("numbers the entries of several gateways in one chain", () =>
      withBench(open, async ({ store, log, trail, tick }) => {
        const options = { store, clock: { now: () => startMs, monotonic: () => 0 }, logger: silentLogger, hasUsage: false };
        const other = createAuditLog({ ...options, key: auditKeyOf(generateKeyPairSync("ed25519").privateKey), publish: () => undefined });
        for (let round = 0; round < 3; round++) {
          for (const each of [log, other]) each.add(gatewayEntry("config.loaded", { round }));
          await Promise.all([log.flush(), other.flush()]);
        }
        await tick();
        await other.close();
        const report = await trail.verify();
        assert.deepEqual([report.faults, report.entries], [[], 6]);
      }));
  });
}

describe("the audit log", () => {
  it("keeps entries while the database is away, and says how many it could not keep", async () => {
    const real = await createSqliteStore({ path: ":memory:", clock: { now: () => startMs, monotonic: () => 0 } });
    const away = { isAway: true };
    const db = new Proxy(real.db, {
      get: (target, property) => {
        if (away.isAway && property === "transaction") throw new Error("away");
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    const store = { ...real, db, insertRows: real.insertRows.bind(real), dialect: real.dialect } as Store;
    const key = auditKeyOf(generateKeyPairSync("ed25519").privateKey);
    const clock = { now: () => startMs, monotonic: () => 0 };
    const log = createAuditLog({
      store,
      clock,
      logger: silentLogger,
      key,
      hasUsage: false,
      publish: () => undefined,
      every: () => () => undefined,
    });
    for (let n = 0; n < 10_003; n++) log.add(gatewayEntry("config.loaded", { n }));
    await assert.rejects(log.flush(), /away/);
    away.isAway = false;
    await log.flush();
    const trail = new AuditTrail(real, key, clock);
    const report = await trail.verify();
    assert.deepEqual([report.faults, report.entries], [[], 10_001]);
    assert.equal((await trail.list({ limit: 1 }))[0]!.details, '{"count":3}');
    await log.close();
    await real.close();
  });
});
