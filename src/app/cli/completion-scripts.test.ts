import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { completionScript } from "./completion-scripts.ts";
import { createDaemonProgram } from "./daemon-main.ts";
import { createProgram } from "./program.ts";
import { listCommands } from "./registry.ts";

const commands = listCommands(createProgram(), createDaemonProgram(""));
const hasBash = spawnSync("bash", ["--version"]).status === 0;

test("bash completes commands, options, their values, and names that the gateway knows", { skip: hasBash ? false : "no bash here" }, () => {
  const cases: [line: string, expected: string][] = [
    ["tokligence user cr", "create"],
    ["tokligence user ", "create disable enable erase list update --help"],
    ["tokligence --config /x user create bob --em", "--email"],
    ["tokligence rotate-secrets --only ", "audit sealing"],
    ["tokligence user create bob --role ", "admin user"],
    ["tokligence-daemon sta", "start status"],
    ["tokligence user disable ", "--help --json alice bob"],
    ["tokligence usage --user a", "alice"],
    ["tokligence ask --model g", "gpt-5 gemini"],
    ["tokligence ask -m g", "gpt-5 gemini"],
    ["tokligence completion z", "zsh"],
    ["tgw chat --mo", "--model"],
    ["tokligenced sta", "start status"],
  ];
  const lines = cases.map(([line]) => {
    const words = line.split(" ");
    return `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; COMPREPLY=(); _tokligence; printf '%s\\n' "\${COMPREPLY[*]}"`;
  });
  const gateway = 'tokligence() { [ "$3" = users ] && echo alice bob || echo gpt-5 gemini; }';
  const { stdout, stderr } = spawnSync("bash", {
    input: [completionScript("bash", commands), gateway, ...lines].join("\n"),
    encoding: "utf8",
  });
  const sorted = (text: string): string => text.split(" ").toSorted().join(" ");
  assert.deepEqual([stderr, stdout.trimEnd().split("\n").map(sorted)], ["", cases.map(([, expected]) => sorted(expected))]);
});

test("the scripts of zsh and fish have every command and option", () => {
  const [zsh, fish] = [completionScript("zsh", commands), completionScript("fish", commands)];
  for (const { words, options } of commands.filter((info) => info.words.length > 1)) {
    assert.ok(zsh.includes(`"${words.join(" ")}") words=`), words.join(" "));
    const [program] = words;
    for (const { long } of options) {
      const begin = `complete -c ${program} -n '__tokligence_at ${words.join(" ")}'`;
      const isThere = fish.split("\n").some((line) => line.startsWith(begin) && line.includes(` -l ${long.slice(2)} `));
      assert.ok(isThere, `${words.join(" ")} ${long}`);
    }
  }
});
