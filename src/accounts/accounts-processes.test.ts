import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, it } from "node:test";
import { createIdSource, systemClock } from "../core/index.ts";
import { createSqliteStore } from "../store/index.ts";
import { makeAccounts } from "./testing.ts";
import { createAccounts } from "./create-accounts.ts";

async function withFile(body: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "tokligence-accounts-"));
  try {
    await body(join(folder, "ledger.db"), folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe("accounts: two on one database", () => {
  it("a new key works in the other at once, a revocation from its next check on", () =>
    withFile(async (path) => {
      const [one, other] = [await makeAccounts(path), await makeAccounts(path)];
      const user = await one.accounts.createUser({ username: "alice" });
      const made = await one.accounts.createKey({ user: user.id });
      const principal = { userId: user.id, username: "alice", keyId: made.id, role: "user" };
      await other.tick();
      assert.deepStrictEqual(await other.accounts.authenticate(made.key), principal);
      await other.tick();
      await one.accounts.revokeKey(made.id);
      assert.deepStrictEqual(other.accounts.authenticate(made.key), principal);
      await other.tick();
      assert.equal(await other.accounts.authenticate(made.key), undefined);
      await one.cleanUp();
      await other.cleanUp();
    }));

  it("a process finds out by its own timer that another one revoked a key", () =>
    withFile(async (path) => {
      const store = await createSqliteStore({ path, clock: systemClock });
      const changed = Promise.withResolvers<void>();
      let revision = -1;
      const accounts = createAccounts({
        // Reports to the test when the check has read a new revision; otherwise it is the store itself.
        store: {
          ...store,
          async readRevision() {
            const read = await store.readRevision();
            if (revision >= 0 && read > revision) setImmediate(changed.resolve);
            return read;
          },
        },
        clock: systemClock,
        ids: createIdSource(systemClock),
        pollMs: 5,
      });
      await accounts.createUser({ username: "alice" });
      const made = await accounts.createKey({ user: "alice" });
      assert.notEqual(await accounts.authenticate(made.key), undefined);
      revision = await store.readRevision();
      const program = `
        import { createSqliteStore } from ${JSON.stringify(new URL("../store/index.ts", import.meta.url).href)};
        import { createAccounts } from ${JSON.stringify(new URL("./index.ts", import.meta.url).href)};
        const clock = { now: () => 1, monotonic: () => 0 };
        const store = await createSqliteStore({ path: ${JSON.stringify(path)}, clock });
        await createAccounts({ store, clock, ids: { next: () => "" } }).revokeKey(${JSON.stringify(made.id)});
        await store.close();
      `;
      // It ends by itself: the timer of its accounts, which are never closed, must not keep it alive.
      const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "ignore", "pipe"] });
      const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
      assert.deepStrictEqual({ code: code as unknown, stderr }, { code: 0, stderr: "" });
      await changed.promise;
      assert.equal(await accounts.authenticate(made.key), undefined);
      accounts.close();
      await store.close();
    }));

  it("the database's files, the log included, contain only the shown prefix of a key", () =>
    withFile(async (path, folder) => {
      const store = await createSqliteStore({ path, clock: systemClock });
      const accounts = createAccounts({ store, clock: systemClock, ids: createIdSource(systemClock) });
      await accounts.createUser({ username: "alice" });
      const keys = [];
      for (let i = 0; i < 20; i++) keys.push(await accounts.createKey({ user: "alice", name: `key ${i}` }));
      for (const { key } of keys) await accounts.authenticate(key);
      await accounts.revokeKey(keys[0]!.id);
      const read = async (): Promise<Buffer> =>
        Buffer.concat(await Promise.all((await readdir(folder)).toSorted().map((file) => readFile(join(folder, file)))));
      const open = await read();
      accounts.close();
      await store.close();
      const closed = await read();
      for (const bytes of [open, closed]) {
        for (const { key, prefix } of keys) {
          const raw = Buffer.from(key.slice(4), "base64url");
          assert.deepStrictEqual(
            {
              prefix: bytes.includes(prefix),
              more: bytes.includes(key.slice(0, prefix.length + 1)),
              rest: bytes.includes(key.slice(prefix.length, prefix.length + 8)) || bytes.includes(key.slice(-8)),
              raw: bytes.includes(raw.subarray(0, 8)) || bytes.includes(raw.toString("hex").slice(0, 16)),
            },
            { prefix: true, more: false, rest: false, raw: false },
          );
        }
      }
    }));
});
