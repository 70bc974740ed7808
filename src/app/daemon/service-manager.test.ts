import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findServiceManager, notifySystemd, type ProcessFacts } from "./service-manager.ts";

test("what watches a process is found by its parent and its environment", () => {
  const ofShell: ProcessFacts = { pid: 70, ppid: 60, env: {}, platform: "linux" };
  const notify = { NOTIFY_SOCKET: "/run/systemd/notify" };
  const cases: readonly [Partial<ProcessFacts>, string][] = [
    [{}, "none"],
    // A command in a terminal of a service.
    [{ env: { ...notify, SYSTEMD_EXEC_PID: "60" } }, "none"],
    // A unit of the system, of a user, and one of an older systemd.
    [{ env: { ...notify, SYSTEMD_EXEC_PID: "70" }, ppid: 1 }, "systemd"],
    [{ env: { ...notify, SYSTEMD_EXEC_PID: "70" } }, "systemd"],
    [{ env: notify, ppid: 1 }, "systemd"],
    // Without Type=notify the main process cannot be another one.
    [{ env: { SYSTEMD_EXEC_PID: "70" } }, "other"],
    // launchd, or the init of a container; a container without one.
    [{ ppid: 1 }, "other"],
    [{ pid: 1, ppid: 0 }, "other"],
    [{ ppid: 1, platform: "win32" }, "none"],
  ];
  assert.deepEqual(
    cases.map(([facts]) => findServiceManager({ ...ofShell, ...facts })),
    cases.map(([, manager]) => manager),
  );
});

test("systemd is notified that this process is the main one, and serves", { skip: process.platform === "win32" }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-notify-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const program = join(folder, "systemd-notify");
  writeFileSync(program, `#!/bin/sh\necho "$NOTIFY_SOCKET $*" > "${folder}/notified"\n`);
  chmodSync(program, 0o700);
  await notifySystemd({ PATH: `${folder}:${process.env["PATH"]}`, NOTIFY_SOCKET: "/run/notify" });
  assert.equal(readFileSync(join(folder, "notified"), "utf8"), `/run/notify --ready MAINPID=${process.pid}\n`);
  await assert.rejects(notifySystemd({ PATH: "/nowhere" }), { message: "systemd-notify: spawn systemd-notify ENOENT" });
});
