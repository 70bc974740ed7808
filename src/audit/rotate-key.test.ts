import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createSqliteStore, type Store } from "../store/index.ts";
import { silentLogger, systemClock } from "../core/index.ts";
import { gatewayEntry } from "./append.ts";
import { createAuditLog } from "./audit-log.ts";
import { AuditKeyFile } from "./key-file.ts";
import { rotateAuditKey } from "./rotate-key.ts";
import { AuditTrail } from "./trail.ts";

interface Bench {
  readonly store: Store;
  readonly path: string;
  readonly file: AuditKeyFile;
  rotate(file?: AuditKeyFile): ReturnType<typeof rotateAuditKey>;
  /** Adds an entry and signs it as another process would, which has opened the file before. */
  sign(): Promise<void>;
  /** The keys that have signed, in order. */
  keys(): Promise<readonly string[]>;
}

async function createBench(t: TestContext): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-rotate-"));
  const store = await createSqliteStore({ path: ":memory:", clock: systemClock });
  t.after(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });
  const path = join(folder, "key.pem");
  const [file, other] = [new AuditKeyFile(path), new AuditKeyFile(path)];
  const at = { ms: 0 };
  const clock = { now: () => at.ms, monotonic: () => at.ms };
  const log = createAuditLog({ store, clock, logger: silentLogger, key: other, hasUsage: true, publish: () => undefined });
  return {
    store,
    path,
    file,
    rotate: (own = file) => rotateAuditKey({ store, clock, file: own, publish: () => undefined }),
    async sign() {
      log.add(gatewayEntry("test", {}));
      await log.flush();
      at.ms += 60_000;
      await log.seal();
    },
    async keys() {
      const { faults } = await new AuditTrail(store, file, clock).verify();
      assert.deepEqual(faults, []);
      const rows = await store.db.selectFrom("audit_checkpoints").select("public_key").orderBy("number").execute();
      return rows.map((row) => row.public_key);
    },
  };
}

test("the old key signs the entry that names the new one; then every process signs with the new one", async (t) => {
  const { path, file, rotate, sign, keys, store } = await createBench(t);
  const first = file.publicKey;
  await sign();
  const { publicKey, previous } = await rotate();
  await sign();
  assert.deepEqual([previous, await keys()], [first, [first, first, publicKey]]);
  const entry = await store.db.selectFrom("audit_entries").select("details").where("action", "=", "audit.key_rotated").executeTakeFirst();
  assert.deepEqual(JSON.parse(entry!.details), { from: first, to: publicKey });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(join(path, "..")), ["key.pem"]);
});

test("a crash before the change is announced leaves the old key, and the next rotation makes a key of its own", async (t) => {
  const { path, file, rotate, sign, keys } = await createBench(t);
  const first = file.publicKey;
  const lost = file.prepare().publicKey;
  await sign();
  const { publicKey } = await rotate();
  assert.notEqual(publicKey, lost);
  writeFileSync(`${path}.next`, "-----BEGIN PRI");
  const again = await rotate();
  await sign();
  assert.deepEqual([again.previous, await keys()], [publicKey, [first, first, publicKey, again.publicKey]]);
});

test("a crash after the change was announced leaves the old key in use, and the next rotation completes it", async (t) => {
  const { path, file, rotate, sign, keys, store } = await createBench(t);
  const first = file.publicKey;
  const crashing = new AuditKeyFile(path);
  crashing.replace = () => {
    throw new Error("the power failed");
  };
  await assert.rejects(rotate(crashing), /the power failed/);
  await sign();
  assert.deepEqual(await keys(), [first, first]);
  const { publicKey } = await rotate();
  await sign();
  assert.deepEqual(await keys(), [first, first, publicKey]);
  const { length } = await store.db.selectFrom("audit_entries").select("seq").where("action", "=", "audit.key_rotated").execute();
  assert.equal(length, 1);
});
