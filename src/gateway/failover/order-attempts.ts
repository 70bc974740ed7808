import type { Attempt, Plan, Strategy } from "../../upstream/index.ts";
import { estimateInput } from "../tokens/estimate-usage.ts";
import type { ModelCall } from "../model-call.ts";

/** The share of requests that `fastest` sends to another target than the fastest, so that it notices when that changes. */
const exploration = 0.05;
/** The output that is assumed where neither the request nor earlier answers say anything. */
const usualOutputTokens = 1000;

/** The attempts in the order in which they are to be made. Those at other gateways come before or after all others, as their policy says. */
export function orderTargets(call: ModelCall, { strategy, bought }: Plan, attempts: readonly Attempt[]): readonly Attempt[] {
  if (bought === undefined) return orderAttempts(call, strategy, attempts);
  const isBought = (attempt: Attempt): boolean => bought.attempts.includes(attempt);
  const own = orderAttempts(
    call,
    strategy,
    attempts.filter((attempt) => !isBought(attempt)),
  );
  const others = attempts.filter(isBought);
  return bought.isFirst ? [...others, ...own] : [...own, ...others];
}

function orderAttempts(call: ModelCall, strategy: Strategy, attempts: readonly Attempt[]): readonly Attempt[] {
  if (attempts.length < 2) return attempts;
  switch (strategy) {
    case "priority":
      return attempts;
    case "weighted":
      return inTurn(call, attempts);
    case "cheapest":
      return byLeast(attempts, (attempt) => expectedCost(call, attempt) ?? Number.POSITIVE_INFINITY);
    case "fastest":
      return explored(
        call,
        byLeast(attempts, (attempt) => measuredMs(call, attempt) ?? -1),
      );
    case "least-busy":
      return byLeast(attempts, loadOf);
  }
}

/** Smooth weighted round robin among those that may be asked: of weights 2 and 1 the order is a, b, a. The others follow. */
function inTurn(call: ModelCall, attempts: readonly Attempt[]): readonly Attempt[] {
  const nowMs = call.deps.clock.monotonic();
  const isReady = ({ states }: Attempt): boolean => states.some((state) => state.isClear || state.availability(nowMs) === "ready");
  const ready = attempts.filter(isReady);
  let next = ready[0];
  if (next === undefined) return attempts;
  let sum = 0;
  for (const attempt of ready) {
    sum += attempt.weight;
    attempt.turn.current += attempt.weight;
    if (attempt.turn.current > next.turn.current) next = attempt;
  }
  next.turn.current -= sum;
  return [next, ...attempts.filter((attempt) => attempt !== next)];
}

/** In nano-USD; `undefined`: it has no price. */
export function expectedCost(call: ModelCall, attempt: Attempt): number | undefined {
  const { provider, upstreamModel, states } = attempt;
  const { ledger, clock } = call.deps;
  const { maxOutputTokens = usualOutputTokens, tier } = call.request.envelope;
  const output = Math.round(Math.min(maxOutputTokens, states[0]!.measures.outputTokens.value ?? usualOutputTokens));
  const usage = { input: estimateInput(call, attempt), output, ...(tier === undefined ? {} : { tier }) };
  const cost = ledger.cost(provider.name, upstreamModel, usage, clock.now());
  return cost === undefined ? undefined : Number(cost);
}

/** Time to the first content of a stream, or of a whole answer; `undefined`: not measured, and so it is tried. */
function measuredMs({ request }: ModelCall, { states }: Attempt): number | undefined {
  const times = states.flatMap(({ measures }) => (request.envelope.stream ? measures.firstContentMs : measures.totalMs).value ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Requests under way for each that the target can bear: as it has shown, else as its weight says. */
function loadOf({ states, weight }: Attempt): number {
  const inFlight = states.reduce((sum, { measures }) => sum + measures.inFlight, 0);
  const capacity = states.reduce((sum, { measures }) => sum + (measures.capacity ?? weight), 0);
  return inFlight / capacity;
}

function explored(call: ModelCall, attempts: readonly Attempt[]): readonly Attempt[] {
  const chance = call.deps.random();
  if (chance >= exploration) return attempts;
  const other = attempts[1 + Math.floor((chance / exploration) * (attempts.length - 1))]!;
  return [other, ...attempts.filter((attempt) => attempt !== other)];
}

/** Those that are equal stay in the order of the configuration. */
function byLeast(attempts: readonly Attempt[], valueOf: (attempt: Attempt) => number): readonly Attempt[] {
  const values = new Map(attempts.map((attempt) => [attempt, valueOf(attempt)]));
  return attempts.toSorted((one, other) => compare(values.get(one)!, values.get(other)!));
}

/** Infinity minus itself is no number. */
function compare(one: number, other: number): number {
  return one === other ? 0 : one - other;
}
