import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { completionScript, type Shell } from "../../src/app/cli/completion-scripts.ts";
import { createDaemonProgram } from "../../src/app/cli/daemon-main.ts";
import { createProgram } from "../../src/app/cli/program.ts";
import { listCommands } from "../../src/app/cli/registry.ts";
import { startInTerminal, withoutTerminal } from "../testbed/terminal-program.ts";

/** Completion in the shells themselves: zsh and fish (Debian's packages of these names). bash is in `npm test`. */

let folder: string;
const scriptOf = (shell: Shell): string => join(folder, `completion.${shell}`);
before(() => {
  folder = mkdtempSync(join(tmpdir(), "tokligence-shells-"));
  // What a gateway that runs would answer.
  const program = join(folder, "tokligence");
  writeFileSync(program, '#!/bin/sh\n[ "$3" = users ] && printf "alice\\nbob\\n" || printf "gpt-5\\nqwen3:8b\\n"\n');
  chmodSync(program, 0o755);
  const commands = listCommands(createProgram(), createDaemonProgram(""));
  for (const shell of ["zsh", "fish"] as const) writeFileSync(scriptOf(shell), completionScript(shell, commands));
});
after(() => rmSync(folder, { recursive: true }));

const without = (shell: Shell): string | false =>
  spawnSync(shell, ["--version"]).status === 0 ? false : `needs ${shell} in PATH (Debian's package ${shell})`;
const env = (): Record<string, string> => ({ PATH: `${folder}:${process.env["PATH"] ?? ""}`, HOME: folder });

const cases: readonly (readonly [line: string, expected: readonly string[]])[] = [
  ["tokligence user cr", ["create"]],
  ["tokligence user ", ["create", "disable", "enable", "erase", "list", "update"]],
  ["tokligence --config /x user create bob --em", ["--email"]],
  ["tokligence user create bob --role ", ["admin", "user"]],
  ["tokligence rotate-secrets --only ", ["audit", "sealing"]],
  ["tokligence-daemon sta", ["start", "status"]],
  ["tokligence usage --user ", ["alice", "bob"]],
  ["tokligence user disable ", ["alice", "bob"]],
  ["tokligence budget set al", ["alice"]],
  ["tokligence ask -m g", ["gpt-5"]],
  ["tokligence ask --model q", ["qwen3:8b"]],
  ["tgw chat --mo", ["--model"]],
  ["tokligence comp", ["completion"]],
  ["tokligence completion ", ["bash", "fish", "zsh"]],
];

test("fish completes commands, options, their values, and names that the gateway knows", { skip: without("fish") }, () => {
  for (const [line, expected] of cases) {
    const { stdout, stderr } = spawnSync("fish", ["--no-config", "-c", `source ${scriptOf("fish")}; complete -C '${line}'`], {
      env: env(),
      encoding: "utf8",
    });
    // The word, a tab, its description.
    const words = stdout.split("\n").flatMap((found) => found.split("\t")[0] || []);
    assert.deepEqual(
      [line, words.filter((word) => line.endsWith("-") || /(?:--\w*)$/.test(line) || !word.startsWith("-")).toSorted(), stderr],
      [line, expected, ""],
    );
  }
});

/** A shell whose configuration has nothing but the line of the documentation. */
async function completeInZsh(t: TestContext, line: string, expected: readonly string[]): Promise<void> {
  writeFileSync(join(folder, ".zshrc"), `PS1='ready> '\nsetopt noautomenu\nsource ${scriptOf("zsh")}\n`);
  const shell = startInTerminal({ command: ["zsh", "-i"], columns: 200, env: { ...env(), ZDOTDIR: folder }, folder });
  t.after(() => shell.kill());
  await shell.shows("ready>");
  shell.type(`${line}\t`);
  // One word is put into the line, several are listed below it.
  if (expected.length === 1) await shell.shows(`${line.slice(0, line.lastIndexOf(" ") + 1)}${expected[0]}`);
  else for (const word of expected) await shell.shows(word);
  assert.doesNotMatch(shell.screen.text, /not found|error|bad /);
  shell.kill();
  await shell.ended;
}

test("zsh does, with nothing else in its configuration", { skip: without("zsh") || withoutTerminal }, async (t) => {
  for (const [line, expected] of cases) await completeInZsh(t, line, expected);
});
