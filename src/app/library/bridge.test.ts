import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test, type TestContext } from "node:test";
import { serveBridge } from "./bridge.ts";

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly code: string | null; readonly message: string };
}

async function answers(calls: readonly object[]): Promise<Answer[]> {
  const [input, output] = [new PassThrough(), new PassThrough()];
  let text = "";
  output.on("data", (data: Buffer) => (text += data.toString()));
  input.end(calls.map((call, id) => `${JSON.stringify({ id, ...call })}\n`).join(""));
  await serveBridge(input, output);
  const lines = text.trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Answer).toSorted((a, b) => a.id - b.id);
}

function fileIn(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-bridge-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "config.yaml");
}

test("changes of a configuration are made before each call, and saved only when asked for", async (t) => {
  const path = fileIn(t);
  const of = {
    path,
    changes: [
      ["set", "gateway.port", 8090],
      ["update", { gateway: { work_mode: "passthrough" } }],
    ],
  };
  assert.deepEqual(
    await answers([
      { call: "config.get", of, args: ["gateway.port"] },
      { call: "config.get", of: { path }, args: ["gateway.port"] },
      { call: "config.get", of: { path }, args: ["gateway.nothing"] },
    ]),
    [
      { id: 0, result: { value: 8090 } },
      { id: 1, result: { value: 8081 } },
      { id: 2, result: {} },
    ],
  );
  assert.deepEqual(await answers([{ call: "config.save", of }]), [{ id: 0, result: null }]);
  assert.equal(readFileSync(path, "utf8"), "gateway:\n  port: 8090\n  work_mode: passthrough\n");
});

test("an error has its code and its message", async (t) => {
  const path = fileIn(t);
  const [bad, missing, unknown, status] = await answers([
    { call: "config.check", of: { path, changes: [["set", "gateway.port", "many"]] } },
    { call: "config.load", args: [path] },
    { call: "toString" },
    { call: "daemon.status", of: { config: path } },
  ]);
  assert.equal(bad!.error?.code, "config_invalid");
  assert.match(bad!.error.message, /gateway\.port/);
  assert.equal(missing!.error?.code, "config_invalid");
  assert.deepEqual(unknown!.error, { code: "not_found", message: "There is no call toString." });
  assert.deepEqual(status!.result, { status: "stopped" }, "a gateway may run although its file is gone");
});
