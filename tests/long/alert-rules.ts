import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);

async function findPromtool(): Promise<boolean> {
  return await run("promtool", ["--version"]).then(
    () => true,
    () => false,
  );
}

const unable = !(await findPromtool()) && "needs promtool in PATH (Debian's package prometheus)";

test("Prometheus' own tool accepts the alert rules", { skip: unable }, async () => {
  const { stdout } = await run("promtool", ["check", "rules", "--lint=all", "--lint-fatal", "deploy/prometheus/alerts.yaml"]);
  assert.match(stdout, /SUCCESS: \d+ rules found/);
});
