import type { Principal } from "../accounts/index.ts";
import { GatewayError, messageOf } from "../core/index.ts";
import { estimateBody, type Usage } from "../ir/index.ts";
import { plausibleUsage } from "./plausible-usage.ts";
import { costsNothing, highestCost, type CloseRecord, type EntryStatus, type OpenRecord } from "../ledger/index.ts";
import type { AnswerFacts, Envelope, Protocol, RouteCall } from "../protocols/index.ts";
import { StoreError, type KnownResponse } from "../store/index.ts";
import type { Attempt } from "../upstream/index.ts";
import { databaseUnavailable } from "./database-unavailable.ts";
import type { GatewayDeps, GatewaySnapshot, TranslationLoss } from "./deps.ts";
import type { ClientExchange } from "./exchange.ts";
import type { Guarded } from "./guard/guard-tool-calls.ts";

/** A longer name of a model is cut. */
const maxModelLength = 256;

/** What an attempt came to, for the ledger. */
export interface Settlement {
  readonly status: EntryStatus;
  readonly httpStatus: number;
  readonly facts?: AnswerFacts;
  /** Used where the upstream reported nothing usable. */
  readonly estimate?: Usage;
  /** Bytes of the answer or its text. */
  readonly answerBytes?: number;
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly upstreamMessage?: string | undefined;
}

/** One request on its way through the gateway: what has been learned of it so far, and its entry in the ledger. */
export class ModelCall {
  readonly deps: GatewayDeps;
  readonly current: GatewaySnapshot;
  /** A response in the background goes on with another one, when its client has been answered. */
  exchange: ClientExchange;
  readonly principal: Principal;
  readonly protocol: Protocol;
  readonly route: RouteCall;

  /** The body's parts as received, and as one latin1 string. */
  parts: readonly Buffer[] = [];
  text = "";
  /** What the client calls its request's usage, as the ledger holds it. */
  tags: string | undefined;
  envelope: Envelope | undefined;
  attempt: Attempt | undefined;
  attempts = 0;
  losses: readonly TranslationLoss[] = [];
  /** Set if there were more losses than are named: `and 12 more`. */
  unnamedLosses: string | undefined;
  /** What the guard has found: its edits belong into every body that goes upstream. */
  guarded: Guarded | undefined;
  /** A count in the answer is the gateway's own estimate. */
  estimated = false;
  /** The response that the path names, one of the user's own. */
  stored: KnownResponse | undefined;
  /** Set where the body has been rewritten to stand alone: the response that it continued, and its own input items, JSON. */
  continued: { readonly previousId: string | undefined; readonly input: string } | undefined;
  /** Set where the gateway makes a response without its client: the response object without an answer, JSON. */
  background: string | undefined;
  /** A hold on a budget waits for the end of the request. */
  holdsBudget = false;
  /** The bound on the output of each answer that its budget's rest sets. */
  outputLimit: number | undefined;
  /** Budgets that have reached their warning, for a header. */
  budgetWarnings: readonly string[] = [];
  /** The provider's key that a stored response belongs to: it must be used again. */
  pinnedKey: string | undefined;
  /** The id that the upstream of the last attempt gave the request; without secrets. */
  upstreamRequestId: string | undefined;
  /** Monotonic milliseconds: of the dispatch, of the first content sent on. */
  dispatchedMs = 0;
  firstContentMs: number | undefined;
  /** Milliseconds spent waiting for the upstream. */
  upstreamMs = 0;

  #open: OpenRecord | undefined;
  #last: Settlement | undefined;
  #usage: Usage = {};
  #cost: bigint | undefined;
  #budgetCost: bigint | undefined;
  #modelServed = "";
  #inputEstimate: number | undefined;

  constructor(deps: GatewayDeps, exchange: ClientExchange, principal: Principal, protocol: Protocol, route: RouteCall) {
    this.deps = deps;
    this.current = deps.current();
    this.exchange = exchange;
    this.principal = principal;
    this.protocol = protocol;
    this.route = route;
  }

  /** The client's name for the model, or "" before the envelope has been read. */
  get model(): string {
    return this.envelope?.model ?? "";
  }

  /** Tokens of the prompt by rule of thumb. */
  get inputEstimate(): number {
    return (this.#inputEstimate ??= estimateBody(this.text));
  }

  /** Another body (latin1) in place of the client's. */
  replaceBody(text: string): void {
    this.parts = [Buffer.from(text, "latin1")];
    this.text = text;
    this.#inputEstimate = undefined;
    this.envelope = this.protocol.readEnvelope(text, this.route);
  }

  /** Answered from what the gateway keeps: there is no attempt, and nothing for the ledger. */
  served(httpStatus: number): void {
    this.#last = { status: "ok", httpStatus };
  }

  /** An attempt begins: its OPEN goes to the ledger. */
  open(attempt: Attempt): void {
    this.attempt = attempt;
    this.attempts += 1;
    this.upstreamRequestId = undefined;
    this.dispatchedMs = this.deps.clock.monotonic();
    this.#open = this.#record(this.attempts, attempt.provider.name, attempt.upstreamModel);
    this.deps.ledger.open(this.#open);
  }

  /** An attempt is over: its CLOSE goes to the ledger, once. The promise, if any, must be awaited before the terminal bytes. */
  settle(settlement: Settlement): Promise<void> | undefined {
    const open = this.#open;
    if (open === undefined) return undefined;
    this.#open = undefined;
    return this.deps.ledger.close(this.#close(open, settlement));
  }

  /** The request was refused before any attempt: one row, attempt 0. */
  settleRefused(httpStatus: number, errorCode: string, errorMessage: string): Promise<void> | undefined {
    if (this.attempts > 0) return undefined;
    const record = this.#record(0, "", "");
    return this.deps.ledger.close(this.#close(record, { status: "refused", httpStatus, errorCode, errorMessage }));
  }

  /** The cost of the settled attempt, for `x-tokligence-cost-usd`. */
  get costNanoUsd(): bigint | undefined {
    return this.#cost;
  }

  /** What the settled attempt counts for in budgets: its cost, or the most that it may be. */
  get budgetCostNanoUsd(): bigint | undefined {
    return this.#budgetCost;
  }

  /** What the settled attempt has used, as the ledger has it. */
  get usage(): Usage {
    return this.#usage;
  }

  /** Tokens of the input that the provider of the settled attempt reported, cached ones among them. */
  get reportedInput(): number | undefined {
    return this.#last?.facts?.usage?.input;
  }

  /** What the attempt under way will cost, if it ends with this usage; `undefined`: not known. */
  reckon({ usage, model }: AnswerFacts): bigint | undefined {
    const open = this.#open;
    if (open === undefined || usage === undefined) return undefined;
    const plausible = plausibleUsage(this, this.attempt!, usage, 0).usage;
    return this.deps.ledger.cost(open.provider, model ?? open.upstreamModel, plausible, open.timeMs, open.upstreamModel);
  }

  /** How the last attempt ended, or the request was refused; `undefined` before. */
  get outcome(): EntryStatus | undefined {
    return this.#last?.status;
  }

  /** Whether an attempt waits for its settlement. */
  get unsettled(): boolean {
    return this.#open !== undefined;
  }

  overheadMs(): number {
    return Math.max(0, this.deps.clock.monotonic() - this.exchange.startedMs - this.upstreamMs);
  }

  /** Tells metrics and the access log how it went. */
  report(): void {
    const last = this.#last;
    if (last === undefined) return;
    const now = this.deps.clock.monotonic();
    const { exchange, envelope } = this;
    this.deps.observe({
      requestId: exchange.requestId,
      clientRequestId: exchange.clientRequestId,
      principal: this.principal,
      dialect: this.protocol.id,
      operation: this.route.route.operation,
      provider: this.attempt?.provider.name ?? "",
      modelAsked: this.model,
      modelServed: this.#modelServed,
      modelKnown: this.attempt?.provider.models.includes(this.attempt.upstreamModel) === true,
      status: last.status,
      httpStatus: last.httpStatus,
      stream: envelope?.stream ?? false,
      attempts: this.attempts,
      durationMs: now - exchange.startedMs,
      ttftMs: this.firstContentMs === undefined ? undefined : this.firstContentMs - exchange.startedMs,
      overheadMs: this.overheadMs(),
      usage: this.#usage,
      costNanoUsd: this.#cost,
      losses: this.losses,
      unnamedLosses: this.unnamedLosses,
      errorCode: last.errorCode,
      errorMessage: last.errorMessage,
      upstreamRequestId: this.upstreamRequestId,
      upstreamMessage: last.upstreamMessage,
    });
  }

  get #usesTokens(): boolean {
    const { operation } = this.route.route;
    return operation === "generate" || operation === "embed" || operation === "batch-embed";
  }

  #record(attempt: number, provider: string, upstreamModel: string): OpenRecord {
    const { exchange, principal } = this;
    return {
      requestId: exchange.requestId,
      attempt,
      timeMs: this.deps.clock.now(),
      userId: principal.userId,
      keyId: principal.keyId,
      dialect: this.protocol.id,
      provider,
      modelAsked: this.model,
      upstreamModel,
      ...(this.#usesTokens ? { inputTokensEstimate: this.inputEstimate } : {}),
      ...(exchange.clientRequestId === undefined ? {} : { clientRequestId: exchange.clientRequestId }),
      ...(this.tags === undefined ? {} : { tags: this.tags }),
    };
  }

  /** The model that the upstream says it was. */
  #servedBy(named: string | undefined, upstreamModel: string): string {
    if (named === undefined || named === upstreamModel || this.attempt === undefined) return upstreamModel;
    return this.current.redactor.text(named, this.attempt.provider, maxModelLength);
  }

  /** What was reported, as far as it can be true; estimated where it is missing. */
  #usageOf({ facts, estimate, answerBytes = 0 }: Settlement): Pick<CloseRecord, "usage" | "usageSource"> {
    const reported = facts?.usage;
    if (reported === undefined || (reported.input === undefined && reported.output === undefined)) {
      return estimate === undefined ? { usage: {}, usageSource: "none" } : { usage: estimate, usageSource: "estimated" };
    }
    const { usage, isClamped } = plausibleUsage(this, this.attempt!, reported, answerBytes);
    if (isClamped) {
      const fields = { request_id: this.exchange.requestId, provider: this.attempt!.provider.name, reported };
      this.deps.logger.warn(fields, "a provider reported more tokens than the request can hold: they are clamped");
    }
    // What has no tokens is often left out.
    const input = usage.input ?? (this.#usesTokens ? estimate?.input : undefined);
    const output = usage.output ?? (this.route.route.operation === "generate" ? estimate?.output : undefined);
    const isFilled = (usage.input === undefined && (input ?? 0) > 0) || (usage.output === undefined && (output ?? 0) > 0);
    if (!isFilled) return { usage, usageSource: isClamped ? "estimated" : "reported" };
    const filled = { ...usage, ...(input === undefined ? {} : { input }), ...(output === undefined ? {} : { output }) };
    return { usage: filled, usageSource: "estimated" };
  }

  #close(open: OpenRecord, settlement: Settlement): CloseRecord {
    const { facts } = settlement;
    const { usage, usageSource } = this.#usageOf(settlement);
    const modelServed = this.#servedBy(facts?.model, open.upstreamModel);
    const now = this.deps.clock.monotonic();
    const ttft = this.firstContentMs;
    this.#last = settlement;
    this.#usage = usage;
    this.#modelServed = modelServed;
    const record: CloseRecord = {
      status: settlement.status,
      ...open,
      durationMs: Math.max(0, Math.round(now - this.exchange.startedMs)),
      ...(ttft === undefined ? {} : { ttftMs: Math.max(0, Math.round(ttft - this.exchange.startedMs)) }),
      modelServed,
      usage,
      usageSource,
      httpStatus: settlement.httpStatus,
      ...(settlement.errorCode === undefined ? {} : { errorCode: settlement.errorCode }),
    };
    const costOf = (used: Usage): bigint | undefined =>
      this.deps.ledger.cost(open.provider, modelServed, used, open.timeMs, open.upstreamModel);
    this.#cost = costsNothing(record) ? 0n : costOf(usage);
    this.#budgetCost = this.#cost ?? (this.holdsBudget ? highestCost(costOf, usage) : undefined);
    return record;
  }
}

/** What was thrown, as an error that a client may see; anything unexpected is logged and becomes `internal_error`. */
export function asGatewayError(error: unknown, deps: Pick<GatewayDeps, "logger">, requestId: string): GatewayError {
  if (error instanceof GatewayError) return error;
  if (error instanceof StoreError) {
    deps.logger.error({ request_id: requestId, error: error.message }, "the database did not do what a request needs");
    return databaseUnavailable(error);
  }
  const stack = error instanceof Error ? error.stack : undefined;
  deps.logger.error({ request_id: requestId, error: messageOf(error), stack }, "a request failed inside the gateway");
  return new GatewayError("internal_error", `The gateway failed on this request. Its log tells more under ${requestId}.`, { cause: error });
}
