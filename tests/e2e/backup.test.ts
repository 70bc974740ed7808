import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { restoreBackup } from "../../src/app/backup/restore.ts";
import { writeBackup } from "../../src/app/backup/write-backup.ts";
import { loadSettings } from "../../src/app/config/index.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { startGateway, type TestGateway } from "./harness.ts";

async function ask({ url }: TestGateway, key: string): Promise<string> {
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "loopback", messages: [{ role: "user", content: "hi" }] }),
  });
  assert.equal(answer.status, 200);
  await answer.arrayBuffer();
  return answer.headers.get("x-request-id")!;
}

async function read(gateway: TestGateway, path: string): Promise<unknown> {
  const answer = await fetch(gateway.url + path, { headers: { authorization: `Bearer ${gateway.adminKey}` } });
  assert.equal(answer.status, 200, path);
  return await answer.json();
}

const config = "providers: {}\ndatabase: { path: ./gateway.db }\n";

test("a backup under load has every request that was answered before it, and its gateway knows the same users, keys and sums", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-backup-load-"));
  const gateways: TestGateway[] = [];
  t.after(async () => {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    rmSync(folder, { recursive: true, force: true });
  });
  const [source, target, file] = [join(folder, "source", "config.yaml"), join(folder, "target", "config.yaml"), join(folder, "b.backup")];
  mkdirSync(join(folder, "source"));
  writeFileSync(source, config, { mode: 0o600 });
  const first = await startGateway({ config, database: join(folder, "source", "gateway.db"), processes: 1 });
  gateways.push(first);
  const { key } = await first.createKey("alice");
  const answered: string[] = [];
  const over = new AbortController();
  const clients = Array.from({ length: 4 }, async () => {
    while (!over.signal.aborted) answered.push(await ask(first, key));
  });
  await waitUntil("there is load", () => answered.length >= 40);
  const before = [...answered];
  const report = await writeBackup(loadSettings({ path: source }), file, { includeSecrets: true, force: false, nowMs: 0 });
  const after = answered.length;
  await waitUntil("load goes on", () => answered.length > after);
  over.abort();
  await Promise.all(clients);

  await restoreBackup(file, { config: target, force: false, dryRun: false, withoutJournal: false, nowMs: 0 });
  const second = await startGateway({ config, database: join(folder, "target", "gateway.db"), processes: 1 });
  gateways.push(second);
  const rows = await second.rows();
  const ids = new Set(rows.map((row) => row.request_id));
  assert.deepEqual(
    before.filter((id) => !ids.has(id)),
    [],
  );
  assert.equal(rows.length, report.rows["usage_entries"]);
  const sums = (await read(second, "/api/v1/usage")) as { rows: { requests: number }[] };
  assert.deepEqual(
    sums.rows.map(({ requests }) => requests),
    [rows.length],
  );
  await ask(second, key);
  const users = async (gateway: TestGateway): Promise<unknown> => await read(gateway, "/api/v1/users");
  assert.deepEqual(await users(second), await users(first));
  const verified = (await read(second, "/api/v1/audit/verify")) as { faults: unknown[]; entries: number };
  assert.deepEqual(verified.faults, []);
  assert.ok(verified.entries > 0);
});
