import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checkRows, createLoadedDaemon, type LoadedDaemon } from "./kill-run.ts";
import { waitUntil } from "../testbed/wait-until.ts";

/** What a run did, and how many requests were served meanwhile. */
export interface LifecycleFigures {
  readonly rounds: number;
  readonly answered: number;
  /** Requests without an answer. */
  readonly unanswered: number;
  readonly rows: number;
  /** Requests that the gateway did not take, as the machine had too much to do. */
  readonly shed: number;
}

interface RunOptions {
  readonly rounds: number;
  /** Requests that are active all the time. */
  readonly width: number;
  /** Requests that are answered between two rounds. */
  readonly between: number;
  readonly yaml?: string;
}

/** No round takes longer. */
const roundMs = 60_000;

async function underLoad(
  run: LoadedDaemon,
  { rounds, width, between }: RunOptions,
  round: (index: number) => Promise<void>,
): Promise<void> {
  let isOver = false;
  const load = run.loadUntil(() => isOver, width);
  const more = (): Promise<unknown> => {
    const goal = run.answered.size + between;
    return waitUntil(`${goal} are answered`, () => run.answered.size >= goal, roundMs);
  };
  try {
    for (let index = 0; index < rounds; index++) {
      await more();
      await round(index);
    }
    await more();
  } finally {
    isOver = true;
    await load;
  }
}

function figuresOf(run: LoadedDaemon, rounds: number, rows: number): LifecycleFigures {
  return { rounds, answered: run.answered.size, unanswered: run.sent.size - run.answered.size, rows, shed: run.shed() };
}

/** Restarts the daemon under load, time and again: no client may notice, and no row may be missing. */
export async function restartRun(options: RunOptions): Promise<LifecycleFigures> {
  const run = await createLoadedDaemon(options.yaml ?? "", 20_000);
  try {
    const first = await run.start();
    const pids = new Set([first.pid]);
    await underLoad(run, options, async () => {
      const { code, stdout, stderr } = await run.home.daemon("restart", "--json");
      assert.deepEqual([code, stderr], [0, ""], stdout);
      const status = JSON.parse(stdout) as { pid: number; port: number; finishing_pid?: number };
      assert.deepEqual([status.port, status.finishing_pid, pids.has(status.pid)], [first.port, undefined, false]);
      pids.add(status.pid);
    });
    assert.equal((await first.ended).code, 0);
    assert.equal((await run.home.daemon("stop")).code, 0);
    assert.deepEqual([run.refused, run.broken, run.sent.size - run.answered.size], [[], [], 0]);
    return figuresOf(run, options.rounds, checkRows(run).length);
  } finally {
    await run.clear();
  }
}

/** Changes the configuration under load, time and again: no client may notice. */
export async function reloadRun(options: RunOptions): Promise<LifecycleFigures> {
  const run = await createLoadedDaemon(options.yaml ?? "", 20_000);
  try {
    const daemon = await run.start();
    const path = join(run.home.place, "config.yaml");
    const good = await readFile(path, "utf8");
    const reloads = async (): Promise<number> => (await run.home.log()).split('"configuration reloaded"').length - 1;
    await underLoad(run, options, async (index) => {
      const before = await reloads();
      await writeFile(path, `${good}model_aliases: { "alias-${index}": gpt-cheap }\n`);
      daemon.child.kill("SIGHUP");
      await waitUntil("it has reloaded", async () => (await reloads()) > before, roundMs);
    });
    daemon.child.kill("SIGTERM");
    assert.equal((await daemon.ended).code, 0);
    assert.deepEqual([run.refused, run.broken, run.sent.size - run.answered.size], [[], [], 0]);
    return figuresOf(run, options.rounds, checkRows(run).length);
  } finally {
    await run.clear();
  }
}

/**
 * Ends the daemon with SIGTERM under load and starts it again, time and again: every request that it accepted is answered. A request that it did not accept
 * has no row.
 */
export async function stopRun(options: RunOptions): Promise<LifecycleFigures> {
  const run = await createLoadedDaemon(options.yaml ?? "", 20_000);
  try {
    let daemon = await run.start();
    const { port } = daemon;
    await underLoad(run, options, async () => {
      daemon.child.kill("SIGTERM");
      const { code, stderr } = await daemon.ended;
      assert.deepEqual([code, stderr], [0, ""]);
      daemon = await run.start("--port", String(port));
    });
    daemon.child.kill("SIGTERM");
    assert.equal((await daemon.ended).code, 0);
    const rows = checkRows(run);
    const accepted = rows.map((row) => row.client_request_id ?? "");
    assert.deepEqual([run.refused, accepted.filter((id) => !run.answered.has(id))], [[], []]);
    return figuresOf(run, options.rounds, rows.length);
  } finally {
    await run.clear();
  }
}
