import assert from "node:assert/strict";
import { test } from "node:test";
import { openChat, playStory } from "../assistant/terminal-story.ts";
import { keys, withoutTerminal } from "../testbed/terminal-program.ts";
import { writeFigures } from "./figures.ts";

/** `tgw chat` in a terminal: its screens at two widths, with and without colours, and a long conversation. */

for (const columns of [80, 200]) {
  for (const [name, env] of [
    ["with colours", {}],
    ["without colours", { NO_COLOR: "1" }],
  ] as const) {
    test(`a whole conversation at ${columns} columns ${name}`, { skip: withoutTerminal }, async () => {
      const chat = await playStory(columns, env);
      const long = chat.screen.text.split("\n").filter((line) => line.length > Math.min(columns, 120));
      assert.deepEqual(long, []);
      assert.equal(chat.written().includes("\u001b[1m"), name === "with colours");
    });
  }
}

test("the hundredth question is answered as soon as the first ones", { skip: withoutTerminal }, async () => {
  const { chat, ask, close } = await openChat(80);
  const tookMs: number[] = [];
  try {
    for (let turn = 1; turn <= 100; turn++) {
      const from = performance.now();
      await ask(`question ${turn} ${"with some words ".repeat(20)}`, `Answer ${turn}.`);
      tookMs.push(performance.now() - from);
    }
    // Keys are echoed at once, too.
    const from = performance.now();
    chat.type("xyzzy");
    await chat.shows("> xyzzy");
    const echoMs = performance.now() - from;
    chat.type(keys.ctrlC);
    assert.equal(await chat.ended, 0);
    const middle = (values: readonly number[]): number => Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!);
    const [first, last] = [middle(tookMs.slice(5, 25)), middle(tookMs.slice(-20))];
    writeFigures("chat", { turns: 100, first_turns_ms: first, last_turns_ms: last, echo_ms: Math.round(echoMs) });
    assert.ok(last < 500 + 2 * first && echoMs < 500, `${first} ms at first, ${last} ms at last, ${echoMs} ms for an echo`);
  } finally {
    await close();
  }
});
