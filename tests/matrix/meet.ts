import assert from "node:assert/strict";
import type { RecordedRequest } from "../testbed/recorded-request.ts";
import type { Protocol } from "../testbed/scenario.ts";
import type { Outcome } from "./ask.ts";
import { expectedUsage } from "./ask.ts";
import type { Bench } from "./bench.ts";
import { readSent } from "./read-sent.ts";
import type { Expected, MatrixScenario, Pair } from "./scenarios.ts";

/** The one body of all tests of an answer: plays the scenario and compares all that the client sees and the upstream was sent. */
export async function meet(bench: Bench, scenario: MatrixScenario, pair: Pair, stream: boolean): Promise<void> {
  const { client, upstream } = pair;
  const cell = { client: bench.clients[client], upstream, stream };
  const { outcome, request } = await bench.play(cell, scenario.ask, scenario.answer(upstream));
  assert.deepEqual(shown(outcome), expected(scenario.expect(client, upstream), client, request));
  const ids = outcome.calls.map(({ id }) => id);
  assert.ok(!ids.includes("") && new Set(ids).size === ids.length, "every call has an id of its own");
  scenario.checkSent?.(readSent(upstream, request), pair, request);
}

/** What is compared; a refusal counts as text, as two of the dialects have no other place for it. */
function shown({ text, refusal, reasoning, calls, stop, parsed, usage }: Outcome): object {
  return {
    text: text + refusal,
    reasoning,
    calls: calls.map(({ name, args }) => ({ name, args })),
    stop,
    parsed: parsed ?? undefined,
    usage,
  };
}

function expected({ text = "", reasoning = "", calls = [], stop, parsed }: Expected, client: Protocol, request: RecordedRequest): object {
  return { text, reasoning, calls, stop, parsed, usage: expectedUsage(client, request.reportedUsage!) };
}
