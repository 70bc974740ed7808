import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createSystemdUnit, renderUnit } from "./systemd-unit.ts";
import { serviceFacts } from "./testing.ts";

const linesOf = (text: string): string[] => text.split("\n");
const valueOf = (text: string, key: string): string | undefined =>
  linesOf(text)
    .find((line) => line.startsWith(`${key}=`))
    ?.slice(key.length + 1);

test("a unit of the machine runs the command, may write its folders alone, and reports its main process", () => {
  const text = renderUnit(serviceFacts);
  assert.equal(
    valueOf(text, "ExecStart"),
    '/usr/bin/node /opt/tokligence/bin/tokligence-daemon.js --config "/etc/tok & \\"co\\" 100%%/config.yaml" start',
  );
  const keys = ["Type", "NotifyAccess", "User", "ProtectSystem", "ReadWritePaths", "ProtectHome", "CapabilityBoundingSet", "PrivateUsers"];
  assert.deepEqual(
    keys.map((key) => valueOf(text, key)),
    ["notify", "all", "tokligence", "strict", '/var/lib/tokligence "/var/log/tok ligence"', "yes", "", "yes"],
  );
  assert.equal(valueOf(text, "WantedBy"), "multi-user.target");
});

test("a port below 1024 needs one capability, and a clone in a home folder must be readable", () => {
  const text = renderUnit({ ...serviceFacts, isPortPrivileged: true, readable: ["/home/alice/tokligence"] });
  assert.deepEqual(
    ["AmbientCapabilities", "CapabilityBoundingSet", "PrivateUsers", "ProtectHome"].map((key) => valueOf(text, key)),
    ["CAP_NET_BIND_SERVICE", "CAP_NET_BIND_SERVICE", "no", "read-only"],
  );
});

test("a unit of a user is in the user's folder, and has what a user's manager can do", () => {
  const unit = createSystemdUnit({ ...serviceFacts, scope: "user", user: undefined }, "/home/alice");
  assert.equal(unit.path, "/home/alice/.config/systemd/user/tokligence.service");
  assert.deepEqual(unit.start, [
    ["systemctl", "--user", "daemon-reload"],
    ["systemctl", "--user", "enable", "--now", "tokligence.service"],
  ]);
  const text = String(unit.content);
  assert.deepEqual(
    [valueOf(text, "WantedBy"), valueOf(text, "ProtectSystem"), valueOf(text, "User")],
    ["default.target", undefined, undefined],
  );
  assert.equal(valueOf(text, "NoNewPrivileges"), "yes");
});

/** Written for this machine's own programs, as the check looks for them. */
function writeUnit(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-unit-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "tokligence.service");
  writeFileSync(path, renderUnit({ ...serviceFacts, command: [process.execPath, "start"], user: "daemon", writable: [folder] }));
  return path;
}

const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;
const skip = hasSystemd ? false : "no systemd-analyze here";

test("systemd accepts the unit without a word, and finds it little exposed", { skip }, (t) => {
  const path = writeUnit(t);
  const verified = spawnSync("systemd-analyze", ["verify", path], { encoding: "utf8" });
  assert.deepEqual([verified.status, verified.stdout, verified.stderr], [0, "", ""]);
  // In tenths: from 0 for a service that can do nothing, to 100. Measured with systemd 252: 16.
  const security = spawnSync("systemd-analyze", ["security", "--offline=true", "--threshold=20", "--no-pager", path], { encoding: "utf8" });
  assert.equal(security.status, 0, security.stdout + security.stderr);
});
