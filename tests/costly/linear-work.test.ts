import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { promisify } from "node:util";
import type { BlockCount } from "./count-work.ts";

const size = 60;
/** A block that runs rarely is not in a loop over the body. */
const fewestRuns = 1000;

test("no block of the translation runs more than about twice as often for a body with twice as many pieces", async () => {
  const script = fileURLToPath(new URL("count-work.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--no-opt", "--no-maglev", script, String(size)], {
    maxBuffer: 2 ** 24,
    timeout: 50_000,
  });
  const blocks = JSON.parse(stdout) as readonly BlockCount[];
  const often = blocks.filter(({ double }) => double >= fewestRuns);
  assert.ok(often.length > 500, `${often.length} blocks were counted`);
  assert.deepEqual(
    often.filter(({ single, double }) => double > 2.2 * single),
    [],
  );
});
