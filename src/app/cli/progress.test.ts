import assert from "node:assert/strict";
import { test } from "node:test";
import { createProgress, showElapsed } from "./progress.ts";

function terminal(isTTY: boolean): { readonly isTTY: boolean; readonly written: string[]; write(text: string): void } {
  const written: string[] = [];
  return { isTTY, written, write: (text) => void written.push(text) };
}

test("progress is one line of a terminal, written ten times a second at most, and gone at the end", () => {
  const screen = terminal(true);
  let nowMs = 0;
  const progress = createProgress("rows", 400, screen, () => nowMs);
  progress.add(100);
  nowMs = 50;
  progress.add(100);
  nowMs = 100;
  progress.add(100);
  progress.end();
  assert.deepEqual(screen.written, ["\r\u001b[K100 of 400 (25 %) rows", "\r\u001b[K300 of 400 (75 %) rows", "\r\u001b[K"]);
});

test("without a terminal nothing is shown, and a total that is not known is left out", () => {
  const file = terminal(false);
  const silent = createProgress("rows", 4, file);
  silent.add(4);
  silent.end();
  const screen = terminal(true);
  createProgress("rows", undefined, screen, () => 0).add(7);
  const unused = createProgress("rows", undefined, screen, () => 0);
  unused.end();
  assert.deepEqual([file.written, screen.written], [[], ["\r\u001b[K7 rows"]]);
});

test("work whose steps are not known shows its seconds, on a terminal alone, and the line is gone at its end", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const [screen, file, broken] = [terminal(true), terminal(false), terminal(true)];
  const during = (): Promise<string> => {
    t.mock.timers.tick(2000);
    return Promise.resolve("done");
  };
  assert.deepEqual([await showElapsed("repricing", during, screen), await showElapsed("repricing", during, file)], ["done", "done"]);
  await assert.rejects(
    showElapsed("verifying", () => Promise.reject(new Error("no")), broken),
    /no/,
  );
  assert.deepEqual(
    [screen.written, file.written, broken.written],
    [["\r\u001b[Krepricing: 1 s", "\r\u001b[Krepricing: 2 s", "\r\u001b[K"], [], []],
  );
});
