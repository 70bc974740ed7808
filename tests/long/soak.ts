import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { test } from "node:test";
import { checkRows, createLoadedDaemon } from "../process/kill-run.ts";
import { writeFigures } from "./figures.ts";

/** `SOAK_MINUTES=5` for a shorter one. */
const minutes = Number(process.env["SOAK_MINUTES"] ?? 20);
/** The first part, in which code is compiled and caches fill, is not counted. */
const warmUpShare = 0.25;
const sampleMs = 5000;
const width = 32;

const watched = {
  heap_mib: { metric: "nodejs_heap_size_used_bytes", unit: 1024 ** 2 },
  resident_mib: { metric: "process_resident_memory_bytes", unit: 1024 ** 2 },
  descriptors: { metric: "process_open_fds", unit: 1 },
  event_loop_delay_ms: { metric: "nodejs_eventloop_lag_p50_seconds", unit: 1 / 1000 },
} as const;

type Sample = Readonly<Record<keyof typeof watched, number>> & { readonly minute: number };

async function readSample(url: string, minute: number): Promise<Sample> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const values = Object.entries(watched).map(([name, { metric, unit }]) => {
    const line = text.split("\n").find((each) => each.startsWith(`${metric} `));
    assert.ok(line !== undefined, `${metric} is not among the metrics`);
    return [name, Number(line.slice(metric.length + 1)) / unit];
  });
  return { ...Object.fromEntries(values), minute } as Sample;
}

/** What it grows by in a minute: the slope of the line with the least squares. */
function slopeOf(samples: readonly Sample[], name: keyof typeof watched): number {
  const meanX = samples.reduce((sum, { minute }) => sum + minute, 0) / samples.length;
  const meanY = samples.reduce((sum, sample) => sum + sample[name], 0) / samples.length;
  const up = samples.reduce((sum, sample) => sum + (sample.minute - meanX) * (sample[name] - meanY), 0);
  const down = samples.reduce((sum, { minute }) => sum + (minute - meanX) ** 2, 0);
  return down === 0 ? 0 : up / down;
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000;

test("half of the load for twenty minutes: heap, descriptors and the delay of the event loop stay as they are", async () => {
  const run = await createLoadedDaemon("", 20_000);
  try {
    const daemon = await run.start();
    const startMs = performance.now();
    const elapsed = (): number => (performance.now() - startMs) / 60_000;
    const load = run.loadUntil(() => elapsed() >= minutes, width, 0.5);
    const samples: Sample[] = [];
    const everyMs = Math.min(sampleMs, minutes * 1000);
    for (let count = Math.ceil((minutes * 60_000) / everyMs); count > 0; count--) {
      await delay(everyMs);
      samples.push(await readSample(daemon.url, elapsed()));
    }
    await load;
    daemon.child.kill("SIGTERM");
    assert.equal((await daemon.ended).code, 0);
    assert.deepEqual([run.refused, run.broken], [[], []]);
    const rows = checkRows(run).length;
    const counted = samples.filter(({ minute }) => minute >= minutes * warmUpShare);
    const names = Object.keys(watched) as (keyof typeof watched)[];
    const slopes = Object.fromEntries(names.map((name) => [name, rounded(slopeOf(counted, name))])) as Record<keyof typeof watched, number>;
    const last = Object.fromEntries(names.map((name) => [name, rounded(counted.at(-1)![name])]));
    writeFigures("soak", { minutes, answered: run.answered.size, rows, shed: run.shed(), slopes_a_minute: slopes, at_the_end: last });
    assert.equal(rows, run.answered.size);
    // An answered request leaves nothing behind: 1 MiB a minute would be some dozens of bytes for each.
    assert.ok(slopes.heap_mib < 1 && slopes.descriptors < 1 && slopes.event_loop_delay_ms < 1, JSON.stringify(slopes));
  } finally {
    await run.clear();
  }
});
