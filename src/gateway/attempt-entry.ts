import type { GatewayError, RefusalKind } from "../core/index.ts";
import type { ServiceTier, Usage } from "../ir/index.ts";
import {
  costsNothing,
  highestCost,
  type ActiveAttempt,
  type CloseRecord,
  type EntryStatus,
  type OpenRecord,
  type LateFacts,
  type ToolCallCounts,
} from "../ledger/index.ts";
import type { AnswerFacts } from "../protocols/index.ts";
import type { Attempt } from "../upstream/index.ts";
import type { AnswerReport } from "./answer-report.ts";
import type { GatewayDeps, GatewaySnapshot } from "./deps.ts";
import type { AnswerWatcher, ClientExchange } from "./exchange.ts";
import { clientNameOf } from "./headers/client-name.ts";
import { plausibleUsage } from "./tokens/plausible-usage.ts";
import { isRefusal } from "./refusal-reasons.ts";
import type { RequestFacts } from "./request-facts.ts";

/** How an attempt ended, for the ledger. */
export interface Settlement {
  readonly status: EntryStatus;
  readonly httpStatus: number;
  readonly facts?: AnswerFacts;
  /** Used if the upstream reported nothing usable. */
  readonly estimate?: Usage | undefined;
  /** Bytes of the answer or its text. */
  readonly answerBytes?: number;
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly upstreamMessage?: string | undefined;
  /** Why the attempt failed, if it did before anything went to the client. */
  readonly refusal?: RefusalKind | undefined;
}

/** An answer from the response cache. */
export interface CachedEntry {
  /** What the answer cost when it was made. */
  readonly savedNanoUsd: bigint | undefined;
}

/** The parts of a call that an entry is made from. */
export interface EntryContext {
  readonly deps: Pick<GatewayDeps, "ledger" | "clock" | "logger">;
  readonly current: Pick<GatewaySnapshot, "redactor">;
  readonly exchange: Pick<ClientExchange, "requestId" | "clientRequestId" | "startedMs" | "onSent" | "rawHeaders">;
  readonly request: RequestFacts;
  readonly answer: AnswerReport;
  /** Budgets count the request: if its cost is not known, the most that it may be. */
  readonly hasReservation: boolean;
  /** Present if the answer is looked at for calls of tools, once the client has it. */
  readonly readToolCalls?: (() => ToolCallCounts | undefined) | undefined;
  /** Present if there are rules of the firewall. `error` is set once a rule has blocked the answer. */
  readonly firewall?: { readonly error: GatewayError | undefined; readonly summary: string | undefined } | undefined;
}

/**
 * The ledger's view of one attempt: opened before the request is sent, settled once. The record of a whole answer is made before the answer ends, so it can turn out
 * to be wrong: the ledger holds it until the answer has left, and it is corrected if the client did not get the answer.
 */
export class AttemptEntry implements AnswerWatcher {
  /** 1 for the first attempt; 0: the request was refused before any. */
  readonly number: number;
  readonly attempt: Attempt | undefined;
  /** Monotonic milliseconds. */
  readonly dispatchedMs: number;
  /** The id that the upstream gave the request; without secrets. */
  upstreamRequestId: string | undefined;
  /** The class of service that the answer's head reports. */
  servedTier: ServiceTier | undefined;
  /** What the provider has billed for the attempt, exactly. */
  billedNanoUsd: bigint | undefined;

  readonly #context: EntryContext;
  readonly #open: OpenRecord;
  readonly #cached: CachedEntry | undefined;
  /** What the ledger knows the attempt by; `undefined` if the request is refused. */
  readonly #active: ActiveAttempt | undefined;
  #settlement: Settlement | undefined;
  /** Its record says `ok`, and waits for the end of the answer. */
  #isUnsettled = false;
  #usage: Usage = {};
  #cost: bigint | undefined;
  #budgetCost: bigint | undefined;
  #modelServed = "";

  /** Its OPEN goes to the ledger, unless the request is refused: `attempt` is `undefined`, and the entry is only settled. */
  // The last two are for few requests, and an options object would be made for each.
  // oxlint-disable-next-line max-params
  constructor(context: EntryContext, number: number, attempt: Attempt | undefined, reason?: string, cached?: CachedEntry) {
    this.#context = context;
    this.number = number;
    this.attempt = attempt;
    this.dispatchedMs = context.deps.clock.monotonic();
    this.#cached = cached;
    this.#open = openRecord(context, number, attempt, { reason, isCached: cached !== undefined });
    this.#active = attempt === undefined ? undefined : context.deps.ledger.open(this.#open);
  }

  /** The attempt is over: its CLOSE goes to the ledger, once. The promise, if any, must be awaited before the terminal bytes. */
  settle(given: Settlement): Promise<void> | undefined {
    const { deps, exchange } = this.#context;
    const settlement = this.#unlessBlocked(given);
    if (this.#settlement !== undefined) {
      if (settlement.status !== "ok") this.#correct(settlement);
      return undefined;
    }
    const record = this.#close(settlement);
    if (this.#active === undefined) return deps.ledger.refuse(record);
    if (settlement.status !== "ok") return deps.ledger.close(this.#active, record);
    const durable = deps.ledger.close(this.#active, record, true);
    this.#isUnsettled = true;
    exchange.onSent(this);
    return durable;
  }

  /** The answer was good, or its client seems to have left: but a rule of the firewall has ended it. */
  #unlessBlocked(settlement: Settlement): Settlement {
    const error = this.#context.firewall?.error;
    if (error === undefined || settlement.status === "error" || settlement.status === "refused") return settlement;
    const { httpStatus } = settlement;
    return {
      ...settlement,
      status: "interrupted",
      httpStatus: httpStatus === 499 ? 200 : httpStatus,
      errorCode: error.code,
      errorMessage: error.message,
    };
  }

  sent(isWhole: boolean): void {
    if (!this.#isUnsettled || this.#active === undefined) return;
    if (!isWhole) {
      this.#correct({ status: "cancelled", httpStatus: 499, errorCode: "client_closed_request" });
      return;
    }
    this.#isUnsettled = false;
    const { deps, firewall, readToolCalls } = this.#context;
    deps.ledger.release(this.#active, undefined, lateFacts(readToolCalls?.(), firewall?.summary));
  }

  /** The answer was whole and is recorded, but the client does not get it. Its tokens and cost stay, as the provider has made it. */
  #correct({ status, httpStatus, errorCode = "", errorMessage }: Settlement): void {
    if (!this.#isUnsettled || this.#active === undefined) return;
    this.#isUnsettled = false;
    // Errors cost nothing.
    const corrected = status === "error" ? "interrupted" : status;
    this.#settlement = {
      ...this.#settlement,
      status: corrected,
      httpStatus,
      errorCode,
      ...(errorMessage === undefined ? {} : { errorMessage }),
    };
    const { ledger, logger } = this.#context.deps;
    ledger.release(this.#active, { status: corrected, httpStatus, errorCode }, lateFacts(undefined, this.#context.firewall?.summary));
    const fields = { request_id: this.#open.requestId, attempt: this.number, status: corrected, error_code: errorCode };
    logger.info(fields, "a recorded answer did not reach its client: its entry was corrected");
  }

  /** `undefined` until it is settled. */
  get settlement(): Settlement | undefined {
    return this.#settlement;
  }

  /** Why the settled attempt failed; `undefined`: it did not, or the provider was not the reason. */
  get reason(): RefusalKind | undefined {
    return this.#settlement?.refusal;
  }

  /** What the settled attempt has used, as the ledger has it. */
  get usage(): Usage {
    return this.#usage;
  }

  get isFromCache(): boolean {
    return this.#cached !== undefined;
  }

  /** The model, or its provider, refused to answer. */
  get isRefused(): boolean {
    return isRefusal(this.#settlement?.facts?.stopReason);
  }

  /** The model that the upstream says it was. */
  get modelServed(): string {
    return this.#modelServed;
  }

  /** The cost of the settled attempt; `undefined`: not known. */
  get costNanoUsd(): bigint | undefined {
    return this.#cost;
  }

  /** What the settled attempt counts for in budgets: its cost, or the most that it may be. */
  get budgetCostNanoUsd(): bigint | undefined {
    return this.#budgetCost;
  }

  /** What the attempt will cost if it ends with this usage; `undefined`: not known, or it is settled. */
  reckon({ usage, model }: AnswerFacts): bigint | undefined {
    if (this.#settlement !== undefined || usage === undefined) return undefined;
    const { provider, upstreamModel, timeMs } = this.#open;
    const plausible = this.#served(this.#plausible(usage, 0).usage);
    return this.#context.deps.ledger.cost(provider, model ?? upstreamModel, plausible, timeMs, upstreamModel);
  }

  /** What the gateway took itself so far; of a stream, until its request was sent. */
  #overheadMs(): number {
    const { deps, exchange, request, answer } = this.#context;
    if (request.envelope.stream) return Math.max(0, this.dispatchedMs - exchange.startedMs);
    return Math.max(0, deps.clock.monotonic() - exchange.startedMs - answer.upstreamMs);
  }

  #servedBy(named: string | undefined): string {
    const { upstreamModel } = this.#open;
    if (named === undefined || named === upstreamModel || this.attempt === undefined) return upstreamModel;
    return this.#context.current.redactor.text(named, this.attempt.provider, 256);
  }

  /** With the class of service, if only the head of the answer reports it. */
  #served(usage: Usage): Usage {
    return this.servedTier === undefined || usage.tier !== undefined ? usage : { ...usage, tier: this.servedTier };
  }

  #plausible(usage: Usage, answerBytes: number): ReturnType<typeof plausibleUsage> {
    const { request, deps } = this.#context;
    return plausibleUsage(request, { attempt: this.attempt!, ledger: deps.ledger }, usage, answerBytes);
  }

  /** What was reported, as far as it can be true; estimated where it is missing. */
  #usageOf({ facts, estimate, answerBytes = 0 }: Settlement): Pick<CloseRecord, "usage" | "usageSource"> {
    const { deps, exchange, request } = this.#context;
    const reported = facts?.usage;
    if (this.attempt === undefined || reported === undefined || (reported.input === undefined && reported.output === undefined)) {
      if (estimate === undefined) return { usage: {}, usageSource: "none" };
      // Calls of tools may be reported without tokens.
      return { usage: this.#served({ ...estimate, ...reported }), usageSource: "estimated" };
    }
    const { usage: plausible, isClamped } = this.#plausible(reported, answerBytes);
    const usage = this.#served(plausible);
    if (isClamped) {
      const fields = { request_id: exchange.requestId, provider: this.attempt.provider.name, reported };
      deps.logger.warn(fields, "a provider reported more tokens than the request can hold: they are clamped");
    }
    // What has no tokens is often left out.
    const input = usage.input ?? (request.traits.isBilled ? estimate?.input : undefined);
    const output = usage.output ?? (request.traits.hasOutput ? estimate?.output : undefined);
    const isFilled = (usage.input === undefined && (input ?? 0) > 0) || (usage.output === undefined && (output ?? 0) > 0);
    if (!isFilled) return { usage, usageSource: isClamped ? "estimated" : "reported" };
    const filled = { ...usage, ...(input === undefined ? {} : { input }), ...(output === undefined ? {} : { output }) };
    return { usage: filled, usageSource: "estimated" };
  }

  #close(settlement: Settlement): CloseRecord {
    const { deps, exchange, answer, hasReservation } = this.#context;
    const open = this.#open;
    const { usage, usageSource } = this.#usageOf(settlement);
    const modelServed = this.#servedBy(settlement.facts?.model);
    const ttft = answer.firstContentMs;
    this.#settlement = settlement;
    this.#usage = usage;
    this.#modelServed = modelServed;
    // Written out: a spread into an object of this many fields costs more than all of them.
    const record: CloseRecord = {
      requestId: open.requestId,
      attempt: open.attempt,
      timeMs: open.timeMs,
      userId: open.userId,
      keyId: open.keyId,
      dialect: open.dialect,
      protocol: open.protocol,
      lane: open.lane,
      stream: open.stream,
      provider: open.provider,
      modelAsked: open.modelAsked,
      upstreamModel: open.upstreamModel,
      inputTokensEstimate: open.inputTokensEstimate,
      clientRequestId: open.clientRequestId,
      tags: open.tags,
      boundTags: open.boundTags,
      clientName: open.clientName,
      attemptReason: open.attemptReason,
      askedClass: open.askedClass,
      status: settlement.status,
      durationMs: Math.max(0, Math.round(deps.clock.monotonic() - exchange.startedMs)),
      ttftMs: ttft === undefined ? undefined : Math.max(0, Math.round(ttft - exchange.startedMs)),
      modelServed,
      usage,
      usageSource,
      httpStatus: settlement.httpStatus,
      errorCode: settlement.errorCode,
      errorText: settlement.errorMessage,
      stopReason: settlement.facts?.stopReason,
      isRefused: isRefusal(settlement.facts?.stopReason),
      overheadUs: Math.round(this.#overheadMs() * 1000),
      fromCache: this.#cached,
      firewall: this.#context.firewall?.summary,
      billedNanoUsd: this.billedNanoUsd,
    };
    this.#cost = costsNothing(record) ? 0n : (this.billedNanoUsd ?? this.#costOf(usage));
    this.#budgetCost = this.#cost ?? (hasReservation ? highestCost((used) => this.#costOf(used), usage) : undefined);
    return record;
  }

  #costOf(usage: Usage): bigint | undefined {
    const { provider, timeMs, upstreamModel } = this.#open;
    return this.#context.deps.ledger.cost(provider, this.#modelServed, usage, timeMs, upstreamModel);
  }
}

/** @param reason why there is another attempt. */
function openRecord(
  { deps, exchange, request }: EntryContext,
  number: number,
  attempt: Attempt | undefined,
  { reason, isCached }: { readonly reason: string | undefined; readonly isCached: boolean },
): OpenRecord {
  const { principal, tags } = request;
  return {
    requestId: exchange.requestId,
    attempt: number,
    timeMs: deps.clock.now(),
    userId: principal.userId,
    keyId: principal.keyId,
    dialect: request.protocol.id,
    protocol: attempt?.protocol,
    lane: isCached ? "cached" : attempt?.lane,
    stream: request.envelope.stream,
    provider: attempt?.provider.name ?? "",
    modelAsked: request.model,
    upstreamModel: attempt?.upstreamModel ?? "",
    inputTokensEstimate: request.traits.isBilled && !isCached ? request.inputEstimate : undefined,
    clientRequestId: exchange.clientRequestId,
    tags,
    boundTags: principal.boundTags?.length,
    clientName: clientNameOf(exchange.rawHeaders),
    attemptReason: reason,
    askedClass: request.envelope.tier,
  };
}

function lateFacts(tools: ToolCallCounts | undefined, firewall: string | undefined): LateFacts | undefined {
  return tools === undefined && firewall === undefined ? undefined : { tools, firewall };
}
