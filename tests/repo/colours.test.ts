import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";

/*
 * NO_COLOR (no-color.org), a pipe and a terminal without colours turn off the colours of all commands: there is one function that decides, `hasColours`, and what
 * writes a colour asks it.
 */

/** The escape sequence of a colour in the source, as in `\u001b[${code}m` and `\u001b[31m`. */
const colour = /\\(?:u001b|x1b|033)\[(?:\$\{[^}]+\}|[\d;]+)m/;
const decision = /\bhasColours\(|\bcolours \? |\bcolours && /;

interface Source {
  readonly file: string;
  readonly text: string;
}

/** Files that write colours whatever the terminal is. */
function findUndecided(sources: readonly Source[]): readonly string[] {
  const calls = (name: string): readonly string[] =>
    sources.flatMap(({ file, text }) =>
      text
        .split("\n")
        .filter((line) => line.includes(`${name}(`) && !line.includes("function "))
        .map((line) => `${file}: ${line.trim()}`),
    );
  return sources
    .filter(({ text }) => colour.test(text))
    .flatMap(({ file, text }) => {
      if (decision.test(text)) return [];
      // Its callers decide: each of them, in the line of the call.
      const names = [...text.matchAll(/^export function (colour\w+)/gm)].map(([, name]) => name!);
      const callers = names.flatMap(calls);
      return callers.length === 0 ? [file] : callers.filter((line) => !decision.test(line));
    });
}

test("every colour depends on the one function that reads NO_COLOR and the terminal", () => {
  const sources = globSync("src/**/*.ts")
    .filter((file) => !file.endsWith(".test.ts"))
    .map((file) => ({ file, text: readFileSync(file, "utf8") }));
  assert.ok(sources.filter(({ text }) => colour.test(text)).length >= 5, "files with colours are found");
  assert.deepEqual(findUndecided(sources), []);
  const readers = sources.filter(({ text }) => /NO_COLOR|FORCE_COLOR|styleText/.test(text.replaceAll(/\/\*[^]*?\*\/|\/\/.*$/gm, "")));
  assert.deepEqual(
    readers.map(({ file }) => file),
    ["src/app/logging/pretty-line.ts"],
  );
});

test("a file that always writes colours is found, as is a call that does not ask", () => {
  const red = { file: "red.ts", text: "export function red() { return `\\u001b[31mno\\u001b[0m`; }" };
  const blue = { file: "blue.ts", text: "export function colourBlue(text: string) { return `\\u001b[${code}m${text}`; }" };
  const caller = { file: "caller.ts", text: "  write(colourBlue(text));\n  write(hasColours(process.stdout) ? colourBlue(text) : text);" };
  assert.deepEqual(findUndecided([red, blue, caller]), ["red.ts", "caller.ts: write(colourBlue(text));"]);
});
