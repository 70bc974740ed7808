import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createTestFolder } from "./test-folder.ts";
import { formatSummary, RunReader, type RunOutput } from "./test-summary.ts";

/** One process of Node's test runner. */
export interface TestRun {
  readonly name: string;
  readonly files: readonly string[];
}

export interface RunTestsInput {
  readonly runs: readonly TestRun[];
  /** A single test may take this time. */
  readonly testTimeoutMs: number;
  /** All of it; a loop that never gives way to the event loop is ended by this alone. */
  readonly limitMs: number;
  readonly print: (text: string) => void;
  /** Aborted by a signal to this process. */
  readonly signal?: AbortSignal;
}

const leftOpen = new URL("../tests/testbed/left-open.ts", import.meta.url).href;
/** Loading the modules of a run takes some seconds of computing; compiled code that a run before has left saves most of them. */
const compileCache = join(tmpdir(), "tokligence-tests-compiled");
const entry = fileURLToPath(new URL("./test-files.ts", import.meta.url));

/** Arguments of `node` for one run: a test that hangs is ended, the run ends with its last test, and what a test left open fails it. */
function argumentsOf(testTimeoutMs: number): string[] {
  return [
    "--test",
    "--test-isolation=none",
    `--test-timeout=${testTimeoutMs}`,
    "--test-force-exit",
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    `--test-reporter=${leftOpen}`,
    "--test-reporter-destination=stderr",
    entry,
  ];
}

/**
 * Runs all processes side by side, prints what they print as it comes, then one summary in the form of Node's own.
 * @returns the exit code: 0 only if every run came to its summary and ended with 0.
 */
export async function runTests({ runs, testTimeoutMs, limitMs, print, signal }: RunTestsInput): Promise<0 | 1> {
  const beganMs = performance.now();
  const over = AbortSignal.any([AbortSignal.timeout(limitMs), ...(signal === undefined ? [] : [signal])]);
  // Of a test that runs tests: without it they print for a parent, not for people.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const folder = createTestFolder();
  const ended = await Promise.all(
    runs.map(async ({ name, files }) => {
      const child = spawn(process.execPath, argumentsOf(testTimeoutMs), {
        stdio: ["ignore", "pipe", "pipe"],
        detached: true,
        env: {
          NODE_COMPILE_CACHE: compileCache,
          ...env,
          TMPDIR: folder.path,
          TEST_FILES: JSON.stringify(files),
          TEST_LIMIT_MS: String(limitMs),
        },
      });
      const reader = new RunReader((line) => print(`${line}\n`));
      const problem = await follow(child, reader, print, over);
      return { name, output: reader.end(), problem, tookMs: performance.now() - beganMs };
    }),
  );
  folder.remove();
  const outputs: readonly RunOutput[] = ended.map(({ output }) => output);
  // The longest one decides: they should take about the same time.
  if (ended.length > 1) print(`ℹ ${ended.map(({ name, tookMs }) => `${name}: ${(tookMs / 1000).toFixed(1)} s`).join(", ")}\n`);
  print(formatSummary(outputs, performance.now() - beganMs));
  const problems = ended.flatMap(({ name, output, problem }) => {
    if (problem !== undefined) return [`${name}: ${problem}`];
    return output.counts === undefined ? [`${name}: ended without a summary`] : [];
  });
  for (const problem of problems) print(`✖ ${problem}\n`);
  return problems.length === 0 ? 0 : 1;
}

/** @returns what went wrong with the process itself, once it has ended and all it wrote has been read. */
async function follow(
  child: ChildProcess,
  reader: RunReader,
  print: (text: string) => void,
  over: AbortSignal,
): Promise<string | undefined> {
  // SIGKILL: a process that hangs in a loop hears nothing else. It leads a group, so that what it started ends as well.
  const end = (): void => {
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  };
  over.addEventListener("abort", end, { once: true });
  child.stderr!.setEncoding("utf8").on("data", print);
  const lines = createInterface({ input: child.stdout!, crlfDelay: Infinity }).on("line", (line) => reader.line(line));
  const read = new Promise<void>((resolve) => lines.on("close", resolve));
  const problem = await new Promise<string | undefined>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    // `exit` and not `close`: a process that a test left running may keep the pipes open for ever.
    child.on("exit", (code, killedBy) => resolve(describeEnd(code, killedBy, over)));
  });
  over.removeEventListener("abort", end);
  await Promise.race([read, new Promise((resolve) => setTimeout(resolve, 1000).unref())]);
  child.stdout!.destroy();
  child.stderr!.destroy();
  return problem;
}

function describeEnd(code: number | null, killedBy: NodeJS.Signals | null, over: AbortSignal): string | undefined {
  if (code === 0) return undefined;
  if (code !== null) return `ended with exit code ${code}`;
  return over.aborted
    ? `was ended: ${over.reason instanceof Error ? over.reason.message : String(over.reason)}`
    : `was ended by ${killedBy}`;
}
