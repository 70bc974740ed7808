import { globSync } from "node:fs";
import { constants } from "node:os";
import { longRunFiles } from "./long-runs.ts";
import { runTests, type TestRun } from "./run-tests.ts";

/**
 * `npm test`, `npm run test:long`, `npm run test:clients`, `npm run test:servers`. Without arguments: all tests, in three processes. With files or globs: these, in one process.
 * `--long`: the long runs, or those whose short names follow. `--clients`: the clients. `--servers`: the chat templates of model servers. Each with limits of its own.
 */

const minuteMs = 60_000;

/**
 * Tests of whole gateways, of daemons and of pairs of protocols wait for time-outs and other processes: three processes keep two cores busy. All others go into the first. A long file of faults,
 * and the tests of the assistant, of this repository and of security are with the daemons, so that all three take about as long.
 */
const daemons = /^tests\/(?:process|matrix|assistant|repo|security|faults\/canaries\.test\.ts)/;
const whole = /^tests\/(?:e2e|faults)\//;

function find(...globs: readonly string[]): string[] {
  return globSync(globs, { exclude: (path) => path.includes("node_modules") }).toSorted();
}

function planRuns(args: readonly string[]): {
  readonly runs: readonly TestRun[];
  readonly testTimeoutMs: number;
  readonly limitMs: number;
} {
  if (args[0] === "--long") {
    return { runs: [{ name: "the long runs", files: longRunFiles(args.slice(1)) }], testTimeoutMs: 30 * minuteMs, limitMs: 120 * minuteMs };
  }
  if (args[0] === "--clients") {
    const files = ["tests/clients/agents.ts", "tests/clients/connected.ts", "tests/clients/python.ts"];
    return { runs: [{ name: "the clients", files }], testTimeoutMs: 10 * minuteMs, limitMs: 30 * minuteMs };
  }
  if (args[0] === "--servers") {
    return { runs: [{ name: "the servers", files: ["tests/servers/templates.ts"] }], testTimeoutMs: 10 * minuteMs, limitMs: 30 * minuteMs };
  }
  const limits = { testTimeoutMs: minuteMs, limitMs: 20 * minuteMs };
  if (args.length > 0) return { runs: [{ name: "the tests", files: find(...args) }], ...limits };
  const all = find("src/**/*.test.ts", "tests/**/*.test.ts", "bench/**/*.test.ts", "scripts/**/*.test.ts");
  const runs = [
    { name: "the rooms", files: all.filter((path) => !whole.test(path) && !daemons.test(path)) },
    { name: "whole gateways", files: all.filter((path) => whole.test(path) && !daemons.test(path)) },
    { name: "daemons and pairs", files: all.filter((path) => daemons.test(path)) },
  ];
  return { runs, ...limits };
}

const stopped = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    stopped.abort(new Error(signal));
    process.exitCode = 128 + constants.signals[signal];
  });
}
async function run(): Promise<number> {
  try {
    return await runTests({ ...planRuns(process.argv.slice(2)), print: (text) => process.stdout.write(text), signal: stopped.signal });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}
const code = await run();
process.exitCode ??= code;
