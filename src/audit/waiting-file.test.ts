import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silentLogger } from "../core/index.ts";
import { createSqliteStore } from "../store/index.ts";
import { gatewayEntry } from "./append.ts";
import { createAuditLog, type AuditLog } from "./audit-log.ts";
import { AuditTrail } from "./trail.ts";
import { createWaitingFiles, type WaitingEntries, type WaitingOwner } from "./waiting-file.ts";

const clock = { now: () => 1000, monotonic: () => 0 };
const owner = (pid: number, changes: Partial<WaitingOwner> = {}): WaitingOwner => ({
  host: "one",
  pid,
  isAlive: () => false,
  now: () => Date.now(),
  ...changes,
});
const key = { publicKey: "", sign: () => "" };

test("entries that wait for a database that is away survive the end of their process, and are written once by the next one", async () => {
  const folder = mkdtempSync(join(tmpdir(), "audit-waiting-"));
  const stem = join(folder, "gateway.audit-waiting");
  const store = await createSqliteStore({ path: ":memory:", clock });
  const away = await createSqliteStore({ path: ":memory:", clock });
  await away.close();
  const open = (database: typeof store, waiting: WaitingEntries): AuditLog =>
    createAuditLog({
      store: database,
      clock,
      logger: silentLogger,
      key,
      hasUsage: false,
      publish: () => undefined,
      waiting,
      every: () => () => undefined,
    });
  try {
    const cutOff = open(away, createWaitingFiles(stem, owner(101)));
    cutOff.add(gatewayEntry("first", {}));
    // Killed: it was never closed.
    await assert.rejects(cutOff.flush());
    const ended = open(away, createWaitingFiles(stem, owner(102, { isAlive: () => true })));
    ended.add(gatewayEntry("second", {}));
    await ended.close();
    assert.deepEqual(readdirSync(folder), ["gateway.audit-waiting-one-101.jsonl", "gateway.audit-waiting-one-102.jsonl"]);
    const isAlive = (pid: number): boolean => pid === 102;
    const next = open(store, createWaitingFiles(stem, owner(103, { isAlive })));
    next.add(gatewayEntry("third", {}));
    await next.flush();
    assert.deepEqual(readdirSync(folder), ["gateway.audit-waiting-one-102.jsonl"]);
    // Its number is that of the process that has ended.
    const last = open(store, createWaitingFiles(stem, owner(102, { isAlive })));
    await last.flush();
    assert.deepEqual(readdirSync(folder), []);
    const entries = await new AuditTrail(store, key, clock).list({ limit: 10 });
    assert.deepEqual(entries.map(({ action }) => action).toReversed(), ["first", "third", "second"]);
    await next.close();
    await last.close();
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
});

test("lines that are no entries do not keep the other ones from being taken", () => {
  const folder = mkdtempSync(join(tmpdir(), "audit-waiting-"));
  const stem = join(folder, "w");
  try {
    const entry = { ...gatewayEntry("first", {}), timeMs: 1 };
    writeFileSync(`${stem}-7.jsonl`, `{"cut\n5\nnull\n${JSON.stringify(entry)}\n`);
    assert.deepEqual(createWaitingFiles(stem, owner(7)).take(), [JSON.parse(JSON.stringify(entry))]);
    assert.deepEqual(readdirSync(folder).toSorted(), ["w-one-7.0.jsonl.unreadable", "w-one-7.jsonl"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("replicas that share a folder and have equal process ids leave each other's files alone, until one is stale", () => {
  const folder = mkdtempSync(join(tmpdir(), "audit-waiting-"));
  const stem = join(folder, "w");
  const entry = { ...gatewayEntry("first", {}), timeMs: 1 };
  const after = (ms: number): WaitingOwner => owner(1, { host: "replica-b", now: () => Date.now() + ms });
  try {
    createWaitingFiles(stem, owner(1, { host: "replica-a" })).save([entry]);
    assert.deepEqual(createWaitingFiles(stem, after(60_000)).take(), []);
    assert.deepEqual(readdirSync(folder), ["w-replica-a-1.jsonl"]);
    assert.equal(createWaitingFiles(stem, after(11 * 60_000)).take().length, 1);
    assert.deepEqual(readdirSync(folder), ["w-replica-b-1.jsonl"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
