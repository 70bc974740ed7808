import assert from "node:assert/strict";
import { test } from "node:test";
import { playStory } from "../assistant/terminal-story.ts";
import { withoutTerminal } from "../testbed/terminal-program.ts";

test(
  "a conversation in a terminal of 80 columns: answers that stream, history, lines that go on, Ctrl-C, all commands, a change",
  { skip: withoutTerminal },
  async () => {
    const { screen } = await playStory(80);
    assert.deepEqual(
      screen.text.split("\n").filter((line) => line.length > 80),
      [],
    );
  },
);
