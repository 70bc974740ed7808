import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { silentLogger } from "../core/index.ts";
import type { Usage } from "../ir/index.ts";
import { closeRecord, FakeSink, ManualTime, openRecord, type WriteOutcome } from "./testing.ts";
import type { ActiveAttempt } from "./active-attempt.ts";
import { createMemoryJournal } from "./journal/journal.ts";
import { createLedger } from "./ledger.ts";
import { createMessageSink, receiveBatches, type MessageSink } from "./ingest/message-sink.ts";
import { createPriceCatalogue } from "./prices/price-catalogue.ts";
import type { EntryStatus } from "./types.ts";

type Step =
  | { readonly do: "open" }
  /** Ends the open attempt at this position, modulo the number of open attempts. */
  | { readonly do: "close"; readonly place: number; readonly status: EntryStatus; readonly usage: Usage }
  | { readonly do: "retry"; readonly place: number }
  | { readonly do: "refuse" }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "flush" }
  | { readonly do: "database"; readonly outcomes: readonly WriteOutcome[] };

const count = fc.option(fc.oneof(fc.nat({ max: 300_000 }), fc.constantFrom(-1, 0.5, Number.NaN, 1e15)), { nil: undefined });
const usage: fc.Arbitrary<Usage> = fc
  .record({ input: count, output: count, cacheRead: count, cacheWrite5m: count, cacheWrite1h: count, reasoning: count })
  .map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)));

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Step>({ do: "open" }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("close" as const),
      place: fc.nat(),
      status: fc.constantFrom<EntryStatus>("ok", "error", "cancelled", "interrupted"),
      usage,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("retry" as const), place: fc.nat() }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: "refuse" }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(0, 1, 20, 100, 700, 6000) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: "flush" }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("database" as const),
      outcomes: fc.array(fc.constantFrom<WriteOutcome>("ok", "fail", "fail-after"), { maxLength: 6 }),
    }),
  },
);

const prices = createPriceCatalogue({
  overrides: { "gpt-5": { input: "1.25", output: "10.000000003", cache_read: "0.0375", cache_write_5m: "1.5625", cache_write_1h: "2.5" } },
});

/** The override's rates in units of 10⁻¹⁵ $ per token; a sum of products, rounded half up. */
function expectedCost(status: EntryStatus, given: Usage): bigint | null {
  if (status === "error") return 0n;
  const sound = (value: number | undefined): bigint | undefined =>
    value !== undefined && Number.isInteger(value) && value >= 0 && value <= 1e12 ? BigInt(value) : undefined;
  const input = sound(given.input);
  const output = sound(given.output);
  let left = input ?? 10n ** 18n;
  const take = (value: number | undefined): bigint => {
    const wanted = sound(value) ?? 0n;
    const taken = wanted < left ? wanted : left;
    left -= taken;
    return taken;
  };
  const read = take(given.cacheRead);
  const write5m = take(given.cacheWrite5m);
  const write1h = take(given.cacheWrite1h);
  const reasoning = sound(given.reasoning) ?? 0n;
  if (input === undefined && output === undefined && read + write5m + write1h + reasoning === 0n) return null;
  const fresh = input === undefined ? 0n : left;
  const femto =
    fresh * 1_250_000_000n +
    read * 37_500_000n +
    write5m * 1_562_500_000n +
    write1h * 2_500_000_000n +
    (output ?? reasoning) * 10_000_000_003n;
  return (femto + 500_000n) / 1_000_000n;
}

interface Outcome {
  /** By request and attempt. */
  readonly expected: ReadonlyMap<string, readonly [EntryStatus, bigint | null]>;
  readonly sink: FakeSink;
}

async function play(steps: readonly Step[], overMessages: boolean): Promise<Outcome> {
  const time = new ManualTime();
  const sink = new FakeSink();
  const receiver = receiveBatches(sink);
  const worker: MessageSink = createMessageSink((message) => receiver.receive(message, (answer) => worker.receive(answer)), {
    schedule: time.schedule,
  });
  const ledger = createLedger({
    sink: overMessages ? worker : sink,
    prices: () => prices,
    clock: time.clock,
    schedule: time.schedule,
    logger: silentLogger,
    batchRows: 3,
    journal: createMemoryJournal({ capacityRows: 1_000_000 }),
  });
  const expected = new Map<string, readonly [EntryStatus, bigint | null]>();
  const open: { readonly id: string; readonly attempt: number; readonly active: ActiveAttempt }[] = [];
  const flushes: Promise<unknown>[] = [];
  let lastId = 0;
  const begin = (id: string, attempt: number): void => {
    open.push({ id, attempt, active: ledger.open(openRecord(id, { attempt })) });
  };
  const end = (place: number, status: EntryStatus, given: Usage): string | undefined => {
    const [ended] = open.splice(place % Math.max(open.length, 1), 1);
    if (ended === undefined) return undefined;
    const { ttftMs: _, ...record } = closeRecord(ended.id, { attempt: ended.attempt, status, usage: given, modelServed: "gpt-5" });
    void ledger.close(ended.active, record);
    expected.set(`${ended.id} ${ended.attempt}`, [status, expectedCost(status, given)]);
    return ended.attempt === 1 ? ended.id : undefined;
  };
  for (const current of steps) {
    switch (current.do) {
      case "open":
        begin(`req_${++lastId}`, 1);
        break;
      case "close":
        end(current.place, current.status, current.usage);
        break;
      case "retry": {
        const id = end(current.place, "error", {});
        if (id !== undefined) begin(id, 2);
        break;
      }
      case "refuse": {
        const id = `req_${++lastId}`;
        void ledger.refuse(closeRecord(id, { attempt: 0, status: "refused", usage: {} }));
        expected.set(`${id} 0`, ["refused", 0n]);
        break;
      }
      case "wait":
        await time.advance(current.ms);
        break;
      case "flush":
        flushes.push(ledger.flush().catch(() => undefined));
        break;
      case "database":
        sink.script = [...current.outcomes];
        break;
    }
  }
  for (const { id, attempt } of open) expected.set(`${id} ${attempt}`, ["interrupted", 0n]);
  const stopped = ledger.stop();
  await time.advance(10_000);
  await stopped;
  await Promise.all(flushes);
  assert.deepEqual(time.delays, []);
  return { expected, sink };
}

test("in any order of events and failures, every attempt has exactly one row with the exact cost", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.boolean(), async (steps, overMessages) => {
      const { expected, sink } = await play(steps, overMessages);
      const found = new Map([...sink.rows].map(([key, row]) => [key, [row.status, row.cost_nano_usd] as const]));
      assert.deepEqual(found, expected);
    }),
    { numRuns: 300 },
  );
});
