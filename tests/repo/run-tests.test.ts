import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { runTests, type RunTestsInput } from "../../scripts/run-tests.ts";

const planted = mkdtempSync(join(tmpdir(), "tokligence-runs-"));
after(() => rmSync(planted, { recursive: true }));

async function run(files: Readonly<Record<string, string>>, limits: Partial<RunTestsInput> = {}) {
  const runs = Object.entries(files).map(([name, text]) => {
    const path = join(planted, `${name}.test.mjs`);
    writeFileSync(path, `import { after, test } from "node:test";\n${text}`);
    return { name, files: [path] };
  });
  let printed = "";
  const code = await runTests({ runs, testTimeoutMs: 20_000, limitMs: 60_000, print: (text) => (printed += text), ...limits });
  return {
    code,
    printed,
    counts: /^ℹ tests (\d+)\nℹ suites \d+\nℹ pass (\d+)\nℹ fail (\d+)\nℹ cancelled (\d+)/m.exec(printed)?.slice(1).map(Number),
  };
}

suite("npm test", { concurrency: true }, () => {
  test("two processes have one summary, at the end, with what failed in either", async () => {
    const passing = 'test("one", () => {}); test("two", (t) => t.diagnostic("tests 7"));';
    const failing = 'test("three", () => { throw new Error("broken"); });';
    const both = await run({ passing, failing });
    assert.deepEqual([both.code, both.counts], [1, [3, 2, 1, 0]], both.printed);
    assert.equal(both.printed.match(/^ℹ pass /gm)?.length, 1);
    assert.match(
      both.printed,
      /✔ one[^]*^ *ℹ tests 7$[^]*^ℹ duration_ms [\d.]+$[^]*failing tests:[^]*Error: broken[^]*✖ failing: ended with exit code 1\n$/m,
    );
  });

  test("all that pass end with 0", async () => {
    const { code, counts, printed } = await run({
      first: 'test("one", () => {});',
      second: 'test("two", () => {}); test("three", () => {});',
    });
    assert.deepEqual([code, counts], [0, [3, 3, 0, 0]], printed);
  });

  test("a test that leaves something open fails the run, which names it and the line that opened it", async () => {
    const leak = `import { createServer } from "node:net"; import { spawn } from "node:child_process";
test("leaks", async () => {
  await new Promise((resolve) => createServer().listen(0, "127.0.0.1", resolve));
  spawn(process.execPath, ["-e", "setTimeout(() => {}, 10_000)"]);
  setInterval(() => {}, 1000);
});`;
    const { code, counts, printed } = await run({ leak });
    assert.deepEqual([code, counts], [1, [1, 1, 0, 0]], printed);
    assert.match(printed, /The tests left open: .*\bTCPServerWrap\b.*\bTimeout\b/);
    assert.match(printed, /a server on \{"address":"127\.0\.0\.1".*\}\n[^]*leak\.test\.mjs:4:/);
    assert.match(printed, /a process, pid \d+: .*\n[^]*leak\.test\.mjs:5:/);
  });

  test("a test that hangs is ended, and so is a process whose loop never gives way", async () => {
    const waiting = 'test("waits", () => new Promise(() => setInterval(() => {}, 100)));';
    const hung = await run({ waiting }, { testTimeoutMs: 200 });
    assert.deepEqual([hung.code, hung.counts], [1, [1, 0, 0, 1]], hung.printed);
    const looping = 'test("loops", () => { for (;;); });';
    const looped = await run({ looping }, { limitMs: 1500 });
    assert.deepEqual([looped.code, looped.counts], [1, [0, 0, 0, 0]], looped.printed);
    assert.match(looped.printed, /✖ looping: was ended: The operation was aborted due to timeout\n$/);
  });

  test("a hook of a file that fails fails the run", async () => {
    const { code, printed } = await run({ hook: 'test("one", () => {}); after(() => { throw new Error("not closed"); });' });
    assert.equal(code, 1, printed);
    assert.match(printed, /Error: not closed/);
  });
});
