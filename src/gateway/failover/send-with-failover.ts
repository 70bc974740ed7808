import { GatewayError, type Refusal } from "../../core/index.ts";
import type { Attempt, Target, TargetState } from "../../upstream/index.ts";
import { sendUpstream } from "../answers/send-upstream.ts";
import type { FailedAttempt } from "../delivery.ts";
import { refusalIn } from "../errors/upstream-errors.ts";
import { answerBuiltin } from "../lanes/answer-builtin.ts";
import { withCost } from "../lanes/cost-lane.ts";
import { countTokens } from "../lanes/count-tokens.ts";
import { openLane } from "../lanes/open-lane.ts";
import type { ModelCall } from "../model-call.ts";
import { chooseTarget } from "./choose-target.ts";
import { allOut, finalError } from "./final-error.ts";
import { pause } from "./pause.ts";

/** However many targets a model has, a request does not wander through more of them. */
const maxAttempts = 10;
/** The pause before the first retry, doubled for each further one; a part of it is random, so that clients do not come back together. */
const firstPauseMs = 200;
/** A provider that asks to wait longer is not waited for. */
const longestPauseMs = 2_000;

/**
 * Tries the attempts, one target after the other, as long as nothing has gone to the client and the failure allows it. A target that failed is tried again only
 * within the retry budget.
 * @throws GatewayError the last failure, in the words of the provider.
 */
export async function sendWithFailover(call: ModelCall, attempts: readonly Attempt[]): Promise<void> {
  const { retryBudget } = call.deps;
  retryBudget.requestBegins(call.current.resilience.retryShare);
  try {
    await new Failover(call, attempts).run();
  } finally {
    retryBudget.requestEnds();
  }
}

class Failover {
  readonly #call: ModelCall;
  readonly #attempts: readonly Attempt[];
  readonly #tried: { states: TargetState[]; attempts: Attempt[] } = { states: [], attempts: [] };
  /** The last failure of a provider. */
  #failure: GatewayError | undefined;
  /** Why the request cannot be made for a provider. */
  #unfit: GatewayError | undefined;
  #last: Target | undefined;
  #retries = 0;
  #isRetrying = false;

  constructor(call: ModelCall, attempts: readonly Attempt[]) {
    this.#call = call;
    this.#attempts = attempts;
  }

  async run(): Promise<void> {
    for (let target = chooseTarget(this.#call, this.#attempts); target !== undefined;) {
      const outcome = await this.#sendOnce(target);
      if (outcome === "served") return;
      const next = outcome === "unfit" ? this.#nextTarget() : this.#after(target, outcome.error);
      target = next instanceof Promise ? await next : next;
    }
    throw this.#error();
  }

  #error(): GatewayError {
    if (this.#failure !== undefined) return finalError(this.#call, this.#attempts, this.#failure);
    return this.#unfit ?? allOut(this.#call, this.#attempts);
  }

  async #sendOnce(target: Target): Promise<FailedAttempt | "served" | "unfit"> {
    try {
      return await this.#send(target);
    } finally {
      if (this.#isRetrying) this.#call.deps.retryBudget.retryEnds();
      this.#isRetrying = false;
    }
  }

  async #send(target: Target): Promise<FailedAttempt | "served" | "unfit"> {
    const call = this.#call;
    const { attempt } = target;
    if (attempt.lane === "builtin") {
      await answerBuiltin(call, attempt);
      return "served";
    }
    if (call.request.traits.translation === "count") {
      await countTokens(call, target);
      return "served";
    }
    let lane;
    try {
      lane = openLane(call, attempt);
      if (lane instanceof Promise) lane = await lane;
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#unfit ??= error;
      this.#tried.attempts.push(attempt);
      return "unfit";
    }
    return (await sendUpstream(call, target, withCost(call, lane))) ?? "served";
  }

  /** What follows a failed attempt; `undefined`: the client gets its error. */
  #after(target: Target, error: GatewayError): Target | undefined | Promise<Target | undefined> {
    const call = this.#call;
    this.#failure = error;
    this.#last = target;
    const refusal = refusalIn(error);
    const { provider, upstreamModel } = target.attempt;
    (call.failures ??= []).push(`${refusal?.kind ?? error.code} ${provider.name}/${upstreamModel}`);
    if (refusal === undefined || !this.#mayGoOn()) return undefined;
    this.#tried.states.push(target.state);
    switch (refusal.kind) {
      case "throttled":
      case "quota":
      case "credential":
        return this.#nextTarget();
      case "unreachable":
      case "timeout":
        this.#tried.attempts.push(target.attempt);
        return this.#nextTarget();
      case "overloaded":
      case "broken":
        this.#tried.attempts.push(target.attempt);
        return this.#nextTarget() ?? this.#retry(refusal);
      case "context":
      case "filtered":
      case "client":
        return undefined;
    }
  }

  #mayGoOn(): boolean {
    const call = this.#call;
    if (call.exchange.closed || call.attempts >= maxAttempts) return false;
    const nowMs = call.deps.clock.monotonic();
    const { entry, answer, request } = call;
    const { timeouts } = entry!.attempt!.provider;
    call.deadlineAt ??= entry!.dispatchedMs + (request.envelope.stream ? timeouts.streamTotalMs : timeouts.totalMs);
    answer.earlierMs += nowMs - entry!.dispatchedMs;
    answer.upstreamMs = 0;
    return nowMs < call.deadlineAt;
  }

  #nextTarget(): Target | undefined {
    return chooseTarget(this.#call, this.#attempts, this.#tried);
  }

  /** The same target once more, after a pause. */
  async #retry({ waitMs = 0 }: Refusal): Promise<Target | undefined> {
    const { deps, current, answer, deadlineAt } = this.#call;
    const { retries, retryShare } = current.resilience;
    const fullMs = firstPauseMs * 2 ** this.#retries;
    const pauseMs = Math.max(waitMs, fullMs * (0.5 + deps.random() / 2));
    const startMs = deps.clock.monotonic();
    const isTooLate = pauseMs > longestPauseMs || startMs + pauseMs >= deadlineAt!;
    if (this.#retries >= retries || isTooLate || !deps.retryBudget.tryRetry(retryShare)) return undefined;
    this.#retries += 1;
    const end = await pause(this.#call, pauseMs);
    answer.earlierMs += deps.clock.monotonic() - startMs;
    if (end !== "over") {
      deps.retryBudget.retryEnds();
      if (end !== "left") this.#failure = end;
      return undefined;
    }
    this.#isRetrying = true;
    return this.#last;
  }
}
