import assert from "node:assert/strict";
import { test } from "node:test";
import { MarkdownPrinter, wrap } from "./markdown.ts";

function printed(pieces: readonly string[], style = { colours: false, width: 40 }): string {
  let text = "";
  const printer = new MarkdownPrinter(
    style,
    (line) => line.replaceAll("hunter2", "[secret]"),
    (part) => (text += part),
  );
  for (const piece of pieces) printer.push(piece);
  printer.end();
  return text;
}

test("Markdown that comes in pieces is shown by lines, broken between words, without blank lines at its start", () => {
  assert.equal(
    printed([
      "\n\n# Ti",
      "tle\nA first **line** that is longer than",
      " forty columns.\n- a point of a list that is longer than forty\n```\ncode  code\n```\nend",
    ]),
    "Title\nA first **line** that is longer than\nforty columns.\n- a point of a list that is longer than\n  forty\n```\ncode  code\n```\nend\n",
  );
});

test("colours are the terminal's own, and end with their text", () => {
  assert.equal(
    printed(["# A\nuse `x` **now**"], { colours: true, width: 80 }),
    "\u001b[1mA\u001b[0m\nuse \u001b[36mx\u001b[0m \u001b[1mnow\u001b[0m\n",
  );
});

test("a secret in several pieces is masked, and control characters are removed", () => {
  assert.equal(printed(["it is hun", "ter2\u001b[2J\u0007\n"]), "it is [secret][2J\n");
});

test("a word that is longer than a line stays whole", () => {
  assert.deepEqual(wrap("a bbbbbbbbbb c", 5), ["a", "bbbbbbbbbb", "c"]);
  assert.deepEqual(wrap("run (`a b c`) now", 9), ["run", "(`a b c`)", "now"]);
});
