import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import type { FuzzShare } from "../security/fuzz-worker.ts";
import { writeFigures } from "./figures.ts";

interface ShareFigures {
  readonly statuses: Readonly<Record<string, number>>;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly wrong: readonly string[];
}

const threads = 2;
/** Fewer for a quick look. */
const bodies = Number(process.env["FUZZ_BODIES"] ?? 1_000_000);
const answers = bodies / 5;

async function runShare(share: FuzzShare): Promise<ShareFigures> {
  const worker = new Worker(new URL("../security/fuzz-worker.ts", import.meta.url), { workerData: share, execArgv: [] });
  const [figures] = (await once(worker, "message")) as [ShareFigures];
  await once(worker, "exit");
  return figures;
}

function sum(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const one of counts) for (const [name, count] of Object.entries(one)) total[name] = (total[name] ?? 0) + count;
  return total;
}

test("a million changed bodies and 200,000 changed answers: no crash, no 500, no prototype changes", { timeout: 7_200_000 }, async () => {
  const first = Number(process.env["FUZZ_SEED"] ?? 100);
  const shares = await Promise.all(
    Array.from({ length: threads }, (_, index) => runShare({ bodies: bodies / threads, answers: answers / threads, seed: first + index })),
  );
  const wrong = shares.flatMap((share) => share.wrong);
  const statuses = sum(shares.map((share) => share.statuses));
  const outcomes = sum(shares.map((share) => share.outcomes));
  writeFigures("fuzz-bodies", { bodies, answers, statuses, outcomes, wrong: wrong.length });
  assert.deepEqual(wrong, []);
});
