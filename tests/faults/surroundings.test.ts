import assert from "node:assert/strict";
import { existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { startGateway, type TestGateway } from "../e2e/harness.ts";
import { sendRaw } from "../e2e/raw-http.ts";
import { dialects } from "./dialects.ts";

interface Health {
  readonly status: string;
  readonly dependencies: readonly { readonly name: string; readonly state: string; readonly message: string | null }[];
}

let gateway: TestGateway;
before(async () => {
  gateway = await startGateway({ config: "gateway: { work_mode: auto }\n" });
});
after(() => gateway.stop());

async function health(path = "/health"): Promise<{ readonly http: number; readonly body: Health }> {
  const { status, body } = await sendRaw(gateway.url, { method: "GET", path, headers: [] });
  return { http: status, body: JSON.parse(body.toString()) as Health };
}

/** In every dialect: the status, and what kind of error it is there. */
async function ask(): Promise<readonly (readonly [status: number, kind: string | undefined])[]> {
  const answers = dialects.map(async ({ path, body }) => {
    const headers = ["authorization", `Bearer ${gateway.adminKey}`, "content-type", "application/json"];
    const reply = await sendRaw(gateway.url, { path: path(false, "loopback"), headers, body: body(false, "hi", "loopback") });
    return [reply.status, /database_unavailable|overloaded_error|UNAVAILABLE/.exec(reply.body.toString())?.[0]] as const;
  });
  return Promise.all(answers);
}

test("a journal folder that is removed is made again; requests go on, and every one has its row", async () => {
  const folder = `${gateway.database}.journal`;
  assert.deepEqual(new Set((await ask()).map(([status]) => status)), new Set([200]));
  rmSync(folder, { recursive: true });
  assert.deepEqual(new Set((await ask()).map(([status]) => status)), new Set([200]));
  gateway.gateway.surroundings.look();
  for (let tries = 0; tries < 400 && !existsSync(folder); tries++) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(readdirSync(folder).filter((name) => name.endsWith(".wal")).length, 1);
  const { http, body } = await health();
  const journal = body.dependencies.find(({ name }) => name === "journal");
  assert.deepEqual([http, body.status, journal?.state], [200, "degraded", "degraded"]);
  assert.match(journal?.message ?? "", /removed or changed/);
  assert.match(await gateway.logText(), /a file of the journal was removed, replaced or cut short/);
  assert.deepEqual(
    (await gateway.rows()).map(({ status }) => status),
    Array.from({ length: dialects.length * 2 }, () => "ok"),
  );
});

test("while the database file is elsewhere metered requests are 503 in their dialect, and health and log say why", async () => {
  const before = (await gateway.rows()).length;
  renameSync(gateway.database, `${gateway.database}.elsewhere`);
  try {
    gateway.gateway.surroundings.look();
    assert.deepEqual(await ask(), [
      [503, "database_unavailable"],
      [503, "database_unavailable"],
      [503, "overloaded_error"],
      [503, "UNAVAILABLE"],
    ]);
    const ready = await health("/health/ready");
    const database = ready.body.dependencies.find(({ name }) => name === "database");
    assert.deepEqual([ready.http, database?.state], [503, "down"]);
    assert.match(database?.message ?? "", /gateway\.db was removed or moved away while the gateway had it open/);
    assert.match(await gateway.logText(), /the files of the database are not those that were opened/);
  } finally {
    renameSync(`${gateway.database}.elsewhere`, gateway.database);
  }
  gateway.gateway.surroundings.look();
  assert.deepEqual(new Set((await ask()).map(([status]) => status)), new Set([200]));
  const rows = (await gateway.rows()).slice(before);
  assert.deepEqual(
    [rows.filter(({ status }) => status === "refused").length, rows.filter(({ status }) => status === "ok").length],
    [dialects.length, dialects.length],
  );
});

test("a log file that is removed or moved is noticed; the log goes on in a new one, and health says it", async () => {
  for (const harm of [(file: string) => rmSync(file), (file: string) => renameSync(file, `${file}.moved`)]) {
    const file = join(dirname(gateway.database), "gateway.log");
    await gateway.logText();
    harm(file);
    gateway.gateway.surroundings.look();
    assert.deepEqual(new Set((await ask()).map(([status]) => status)), new Set([200]));
    const text = await gateway.logText();
    assert.match(text, /the log file .* was removed or moved by somebody else; the log goes on in a new one/);
    assert.equal(statSync(file).mode & 0o777, 0o600);
  }
  const { http, body } = await health();
  const files = body.dependencies.find(({ name }) => name === "files");
  assert.deepEqual([http, body.status, files?.state], [200, "degraded", "degraded"]);
  assert.match(files?.message ?? "", /^the log file/);
});
