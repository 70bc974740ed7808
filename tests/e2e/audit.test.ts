import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ExportVerifier } from "../../src/audit/index.ts";
import type { JsonObject } from "../testbed/json.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { startGateway, type TestGateway } from "./harness.ts";

const script = fileURLToPath(new URL("../../examples/audit/verify_audit.py", import.meta.url));

let gateway: TestGateway;
let syslogText = "";
const syslog = createServer((socket) => {
  socket.on("data", (part: Buffer) => (syslogText += part.toString()));
  socket.on("error", () => undefined);
});
before(async () => {
  syslog.listen(0, "127.0.0.1");
  await once(syslog, "listening");
  const { port } = syslog.address() as AddressInfo;
  gateway = await startGateway({ config: `providers: {}\naudit: { syslog: "tcp://127.0.0.1:${port}" }\n` });
});
after(async () => {
  await gateway.stop();
  syslog.close();
});

async function call(
  method: string,
  path: string,
  body?: JsonObject,
  key = gateway.adminKey,
): Promise<{ status: number; text: string; json: JsonObject }> {
  const response = await fetch(gateway.url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
  return { status: response.status, text, json: isJson ? (JSON.parse(text) as JsonObject) : {} };
}

async function entries(): Promise<readonly JsonObject[]> {
  return (await call("GET", "/api/v1/audit?limit=1000")).json["data"] as JsonObject[];
}

test("what an admin changes is in the trail: who, from where, through what, and digests before and after; reading is not", async () => {
  const made = await call("POST", "/api/v1/users", { username: "carol", email: "carol@example.com" });
  assert.equal(made.status, 201);
  await call("PATCH", "/api/v1/users/carol", { role: "admin" });
  await call("POST", "/api/v1/users", { username: "carol" });
  await call("GET", "/api/v1/users");
  const [refused, updated, created, loaded] = await entries();
  const { hash, time, seq, before: none, after: digest, ...rest } = created!;
  assert.deepEqual(rest, {
    kind: "admin",
    action: "users.create",
    subject: "carol",
    actor: `${gateway.admin.user.id} root`,
    key_id: gateway.admin.keyId,
    address: "127.0.0.1",
    channel: "http",
    outcome: "ok",
    details: rest["details"],
  });
  assert.deepEqual([none, (JSON.parse(rest["details"] as string) as JsonObject)["fields"]], ["", ["username", "email"]]);
  assert.deepEqual([updated!["action"], updated!["subject"], updated!["before"]], ["users.update", "carol", digest]);
  assert.notEqual(updated!["after"], digest);
  assert.deepEqual([refused!["outcome"], refused!["after"]], ["conflict", ""]);
  assert.deepEqual([loaded!["action"], loaded!["channel"]], ["config.loaded", "gateway"]);
  assert.ok(!JSON.stringify(await entries()).includes("carol@example.com"));
  assert.match(`${hash as string} ${time as string} ${seq as number}`, /^[0-9a-f]{64} 20\S+Z \d+$/);
});

test("budgets and limits are in the trail with their subject", async () => {
  await call("POST", "/api/v1/budgets", { subject: "tag:team:search", period: "day", stop_usd: "5" });
  await call("POST", "/api/v1/limits", { subject: "model:gpt-*", requests_per_minute: 5 });
  await call("DELETE", "/api/v1/limits?subject=model:gpt-*");
  const found = (await entries()).filter(({ action }) => /^(?:budgets|limits)\./.test(action as string));
  assert.deepEqual(
    found.map(({ action, subject, outcome }) => [action, subject, outcome]),
    [
      ["limits.remove", "model:gpt-*", "ok"],
      ["limits.set", "model:gpt-*", "ok"],
      ["budgets.set", "tag:team:search", "ok"],
    ],
  );
});

test("each entry goes to the syslog server", async () => {
  await call("POST", "/api/v1/users", { username: "dora" });
  await entries();
  await waitUntil("the message", () => syslogText.includes('"resources":[{"uid":"dora"}]'));
  assert.match(syslogText, /^\d+ <109>1 \S+ \S+ tokligence \d+ config\.loaded - /);
});

test("a key's text is neither in the trail nor hashed", async () => {
  const { json } = await call("POST", "/api/v1/keys", { user: "root", name: "ci" });
  assert.match(json["key"] as string, /^tok_/);
  const [entry] = await entries();
  assert.equal(entry!["action"], "keys.create");
  assert.ok(!JSON.stringify(entry).includes(json["key"] as string));
});

test("a user may not read it", async () => {
  const { key } = await gateway.createKey("mallory");
  assert.equal((await call("GET", "/api/v1/audit", undefined, key)).status, 403);
  assert.equal((await call("GET", "/api/v1/audit/export", undefined, key)).status, 403);
});

test("an export is verified without the gateway, also by the program in Python, and shows what was changed", async (t) => {
  const { text } = await call("GET", "/api/v1/audit/export");
  const verify = (lines: string): number => {
    const verifier = new ExportVerifier();
    for (const line of lines.split("\n").slice(0, -1)) verifier.push(line);
    return verifier.finish().faults.length;
  };
  assert.equal(verify(text), 0);
  const forged = text.replace("root", "toor");
  assert.ok(verify(forged) > 0);
  const folder = mkdtempSync(join(tmpdir(), "tokligence-audit-"));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  const run = (lines: string): string => {
    writeFileSync(join(folder, "audit.jsonl"), lines);
    try {
      return execFileSync("python3", [script, join(folder, "audit.jsonl")], { encoding: "utf8" });
    } catch (error) {
      return `failed ${String((error as { stdout?: unknown }).stdout)}`;
    }
  };
  // Not every machine that runs the tests has Python.
  if (spawnSync("python3", ["--version"]).status !== 0) return;
  assert.match(run(text), /nothing was changed/);
  assert.match(run(forged), /^failed/);
});

test("a change in the database is found by verify", async () => {
  assert.deepEqual((await call("GET", "/api/v1/audit/verify")).json["faults"], []);
  await gateway.sql("drop trigger audit_entries_refuse_update");
  await gateway.sql("update audit_entries set actor = 'nobody' where seq = 2");
  const { json } = await call("GET", "/api/v1/audit/verify");
  assert.equal(json["ok"], false);
  assert.match(JSON.stringify(json["faults"]), /entry 2/);
});
