import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { test, type TestContext } from "node:test";
import { LineReader } from "./line-reader.ts";

function openReader(t: TestContext): {
  readonly type: (keys: string) => Promise<void>;
  readonly reader: LineReader;
  readonly shown: () => string;
} {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const lines = createInterface({ input, output, terminal: true });
  t.after(() => lines.close());
  let shown = "";
  output.setEncoding("utf8").on("data", (text: string) => (shown += text));
  return {
    reader: new LineReader(lines, input, output),
    shown: () => shown,
    async type(keys) {
      input.write(keys);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test("what is typed while nothing is asked is for the next question, the line that was begun as well", async (t) => {
  const { reader, type } = openReader(t);
  await type("first\rsec");
  assert.deepEqual(await reader.read("> "), { text: "first", isPasted: false });
  const second = reader.read("> ");
  await type("ond\r");
  assert.deepEqual(await second, { text: "second", isPasted: false });
});

test("a yes that was typed before the question was shown is no answer to it", async (t) => {
  const { reader, type } = openReader(t);
  await type("y\ry");
  const answer = reader.readNow("Make this change? [y/N] ");
  await type("\r");
  assert.equal(await answer, "");
});

test("pasted lines are marked, and the terminal is asked to mark them until the reader is closed", async (t) => {
  const { reader, type, shown } = openReader(t);
  assert.ok(shown().startsWith("\u001b[?2004h"));
  const first = reader.read("> ");
  await type("\u001b[200~one\rtwo\u001b[201~");
  assert.deepEqual(await first, { text: "one", isPasted: true });
  const second = reader.read("… ");
  await type("\r");
  assert.deepEqual(await second, { text: "two", isPasted: false });
  const last = reader.read("> ");
  await type("\u0004");
  assert.equal(await last, undefined);
  assert.ok(shown().endsWith("\u001b[?2004l"));
  assert.equal(await reader.read("> "), undefined);
});

test("a read that is cancelled gives nothing, and forgets what was typed", async (t) => {
  const { reader, type } = openReader(t);
  const cancelled = reader.read("> ");
  reader.cancel();
  assert.equal(await cancelled, undefined);
  await type("lost\r");
  reader.cancel();
  const next = reader.read("> ");
  await type("kept\r");
  assert.deepEqual(await next, { text: "kept", isPasted: false });
});
