import assert from "node:assert/strict";
import { test } from "node:test";
import { codes, MarkdownPrinter, wrap } from "./markdown.ts";

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

test("colours end with their text", () => {
  assert.equal(
    printed(["# A\nuse `x` **now**"], { colours: true, width: 80 }),
    "\u001b[1mA\u001b[0m\nuse \u001b[38;5;30mx\u001b[0m \u001b[1mnow\u001b[0m\n",
  );
});

test("a secret in several pieces is masked, and control characters are removed", () => {
  assert.equal(printed(["it is hun", "ter2\u001b[2J\u0007\n"]), "it is [secret][2J\n");
});

test("a word that is longer than a line stays whole", () => {
  assert.deepEqual(wrap("a bbbbbbbbbb c", 5), ["a", "bbbbbbbbbb", "c"]);
  assert.deepEqual(wrap("run (`a b c`) now", 9), ["run", "(`a b c`)", "now"]);
});

/** Relative luminance (WCAG 2.2) of a colour of xterm's cube or its greys. */
function luminanceOf(index: number): number {
  const levels = [0, 95, 135, 175, 215, 255];
  const cube = index - 16;
  const parts =
    index >= 232
      ? Array.from({ length: 3 }, () => 8 + (index - 232) * 10)
      : [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map((level) => levels[level]!);
  const [red = 0, green = 0, blue = 0] = parts.map((part) => (part <= 10 ? part / 3294 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

test("each colour can be read on a dark and on a light background", () => {
  const colours = Object.entries(codes).filter(([name]) => name !== "bold");
  const poor = colours.filter(([, code]) => {
    const luminance = luminanceOf(Number(/^38;5;(\d+)$/.exec(code)![1]));
    return (luminance + 0.05) / 0.05 < 3.9 || 1.05 / (luminance + 0.05) < 3.9;
  });
  assert.deepEqual(poor, []);
  assert.equal(colours.length, 5);
});
