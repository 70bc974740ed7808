import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createServiceFile, installService, uninstallService, type RunCommand } from "./install.ts";
import { serviceFacts } from "./testing.ts";
import type { ServiceFile } from "./service.ts";

/** A service manager that notes its commands, and answers with `answers` by the second word of the command. */
function setup(t: TestContext, answers: Readonly<Record<string, Awaited<ReturnType<RunCommand>>>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-service-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file: ServiceFile = {
    path: join(folder, "units", "tokligence.service"),
    content: "[Unit]\n",
    start: [
      ["manager", "reload"],
      ["manager", "begin now", "x"],
    ],
    stop: [["manager", "end"]],
    forget: [["manager", "reload"]],
    check: ["checker", "check"],
  };
  const ran: string[] = [];
  const run: RunCommand = async (command) => {
    ran.push(command.join(" "));
    const [, word = ""] = command;
    return Object.hasOwn(answers, word) ? answers[word] : { code: 0, output: "" };
  };
  return { file, ran, run };
}

test("an install writes the file, has it checked, and starts the service; an uninstall undoes it", async (t) => {
  const { file, ran, run } = setup(t);
  assert.deepEqual(await installService(file, run, true), { file: file.path, checked: true, started: true, commands: [] });
  assert.equal(readFileSync(file.path, "utf8"), "[Unit]\n");
  assert.equal(await uninstallService(file, run), true);
  assert.equal(existsSync(file.path), false);
  assert.equal(await uninstallService(file, run), false);
  assert.deepEqual(ran, ["checker check", "manager reload", "manager begin now x", "manager end", "manager reload"]);
});

test("an install without a start names the commands that are left", async (t) => {
  const { file, ran, run } = setup(t, { check: undefined });
  const result = await installService(file, run, false);
  assert.deepEqual(result, { file: file.path, checked: false, started: false, commands: ["manager reload", 'manager "begin now" x'] });
  assert.deepEqual(ran, ["checker check"]);
});

test("a check that prints something fails, though it ends with 0, and starts nothing", async (t) => {
  const { file, ran, run } = setup(t, { check: { code: 0, output: "unknown key" } });
  await assert.rejects(installService(file, run, true), { message: `${file.path} was written, but \`checker check\` says: unknown key` });
  assert.deepEqual(ran, ["checker check"]);
});

test("a command that fails, or that does not exist, says what is left to do", async (t) => {
  const failing = setup(t, { reload: { code: 1, output: "not booted" } });
  const left = 'What is left to do: manager reload && manager "begin now" x';
  await assert.rejects(installService(failing.file, failing.run, true), { message: `\`manager reload\` failed: not booted\n${left}` });
  const missing = setup(t, { reload: undefined });
  await assert.rejects(installService(missing.file, missing.run, true), {
    message: `\`manager reload\` failed: there is no such program\n${left}`,
  });
});

test("each system has its own file, and another one is refused with the command to run", () => {
  assert.match(createServiceFile(serviceFacts, "linux").path, /tokligence\.service$/);
  assert.match(createServiceFile(serviceFacts, "darwin").path, /ai\.tokligence\.gateway\.plist$/);
  assert.match(createServiceFile(serviceFacts, "win32").path, /tokligence-task\.xml$/);
  assert.throws(() => createServiceFile(serviceFacts, "freebsd"), {
    message: /^There is no known service manager for freebsd\. Start `\/usr\/bin\/node /,
  });
});
