import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChainedEntry } from "./entry.ts";
import { syslogMessage } from "./syslog.ts";

const entry: ChainedEntry = {
  seq: 7,
  timeMs: Date.UTC(2026, 10, 29, 6, 30),
  kind: "admin",
  action: "users.create",
  subject: "zoë",
  actor: "usr_1 root",
  keyId: "key_1",
  address: "10.0.0.1",
  channel: "http",
  outcome: "ok",
  before: "",
  after: "ab",
  details: "{}",
  hash: "cd",
};

test("an entry is a syslog message of RFC 5424 with its event behind a BOM", () => {
  const message = syslogMessage(entry, { host: "gate way.example", pid: 12, version: "1.2.3" });
  const [, head, text] = /^(.*?) \uFEFF(.*)$/.exec(message)!;
  assert.equal(head, "<109>1 2026-11-29T06:30:00.000Z gateway.example tokligence 12 users.create -");
  assert.deepEqual((JSON.parse(text!) as Record<string, unknown>)["resources"], [{ uid: "zoë" }]);
  assert.match(syslogMessage({ ...entry, outcome: "conflict" }, { host: "ü", pid: 12, version: "1" }), /^<108>1 \S+ - tokligence /);
});
