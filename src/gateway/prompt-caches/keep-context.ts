import { messageOf } from "../../core/index.ts";
import type { Usage } from "../../ir/index.ts";
import { budgetCharge, contextCacheLane, type CloseRecord, type OpenRecord } from "../../ledger/index.ts";
import type { CacheCall, ContextCaching, KeptContext, UpstreamError } from "../../protocols/index.ts";
import type { StoredContextCache } from "../../store/index.ts";
import { clientNameOf } from "../headers/client-name.ts";
import type { ModelCall } from "../model-call.ts";
import { callProvider, type ProviderAnswer } from "./call-provider.ts";
import { costOfUsage } from "./context-prices.ts";
import { costOf, ttlMs, type CachePlan, type ContextPrices, type ExtensionPlan } from "./plan-context-cache.ts";
import type { KeptPrompt } from "./kept-prompt.ts";
import { targetName } from "./use-context-cache.ts";

/** How long a process may take to make a cache before another one may. */
const claimMs = 120_000;
const hourMs = 3_600_000;
/** When it is looked again whether another process has made it. */
const busyMs = 3_000;
/** After a refusal of the provider, of a budget, or of the database. */
const retryMs = 60_000;

export interface CacheWork {
  readonly call: ModelCall;
  readonly kept: KeptPrompt;
  readonly caching: ContextCaching;
  readonly prices: ContextPrices;
}

/** Makes the cache of a plan, unless another process has made it; its entry is the key's whose request it follows, within its budgets. Never rejects. */
export async function makeCache(work: CacheWork, plan: CachePlan): Promise<void> {
  const { call, kept } = work;
  const { memory, table } = call.deps.contextCaches;
  const { prefix } = plan;
  try {
    const { keyId } = call.request.principal;
    const claim = await table.claim({ prefix, keyId, untilMs: call.deps.clock.now() + claimMs });
    if (typeof claim === "object") {
      memory.made(plan, claim, 0);
      return;
    }
    const bought = claim === "claimed" ? await buyCache(work, plan) : undefined;
    if (bought === undefined) {
      memory.notMade(plan, claim === "busy" ? busyMs : retryMs, claim !== "busy");
      return;
    }
    memory.made(plan, bought.cache, bought.paidTokens);
    await table.publish(prefix, bought.cache);
  } catch (error) {
    // If it is made already, only other processes do not know of it.
    if (!memory.has(prefix)) memory.notMade(plan, retryMs, true);
    log(call, kept, error, "a context cache could not be made");
  }
}

async function buyCache(
  work: CacheWork,
  plan: CachePlan,
): Promise<{ readonly cache: StoredContextCache; readonly paidTokens: number } | undefined> {
  const { call, kept, caching, prices } = work;
  const { memory } = call.deps.contextCaches;
  const { upstreamModel, provider } = kept.target.attempt;
  const expiresMs = call.deps.clock.now() + ttlMs;
  const asked = { model: upstreamModel, turns: plan.at, ttlSeconds: ttlMs / 1000 };
  const bought = await buy(work, caching.create(kept.prompt, asked), { tokens: plan.tokens, keptMs: ttlMs, isNew: true });
  if ("error" in bought) {
    if (bought.error.status < 500)
      memory.refused(targetName(kept.target), `${provider.name} ${upstreamModel}`, caching.leastTokens(bought.error.message));
    log(call, kept, bought.error.message, "a context cache could not be made");
    return undefined;
  }
  const { name, tokens = plan.tokens } = bought.context;
  return { cache: { name, tokens, expiresMs }, paidTokens: costOf(tokens, prices) };
}

/** Keeps a cache for another lifetime from now on, unless another process has done so. Never rejects. */
export async function extendCache(work: CacheWork, plan: ExtensionPlan): Promise<void> {
  const { call, kept, caching, prices } = work;
  const { memory, table } = call.deps.contextCaches;
  const { prefix, cache } = plan;
  const { name, tokens, expiresMs: fromMs } = cache;
  const toMs = call.deps.clock.now() + ttlMs;
  try {
    if ((await table.extend(prefix, fromMs, toMs)) === undefined) {
      const other = await table.find(prefix);
      if (other?.name === name) memory.extended(plan, other.expiresMs, 0);
      else memory.forget(prefix);
      return;
    }
    const bought = await buy(work, caching.extend(name, ttlMs / 1000), { tokens, keptMs: toMs - fromMs, isNew: false });
    if ("context" in bought) {
      memory.extended(plan, toMs, costOf(tokens, prices, toMs - fromMs) - tokens);
      return;
    }
    log(call, kept, bought.error.message, "a context cache could not be kept for longer");
    await table.drop(prefix);
  } catch (error) {
    log(call, kept, error, "a context cache could not be kept for longer");
  }
  memory.forget(prefix);
}

interface Purchase {
  readonly tokens: number;
  readonly keptMs: number;
  /** Its tokens are read by the model, and paid as those of a prompt. */
  readonly isNew: boolean;
}

/** Calls the vendor, within the budgets of the key, and records what that has cost. @throws BudgetExceeded, and whatever a budget's database throws. */
async function buy(
  work: CacheWork,
  wire: CacheCall,
  purchase: Purchase,
): Promise<{ readonly context: KeptContext } | { readonly error: UpstreamError }> {
  const { call, kept, caching } = work;
  const { attempt } = kept.target;
  const { deps, request, current } = call;
  const requestId = deps.ids.next("req");
  const amountNanoUsd = costOfUsage(call, attempt, usageOf(purchase)) ?? 0n;
  const subject = { provider: attempt.provider.name, upstreamModel: attempt.upstreamModel, alias: call.plan?.alias };
  const budgets = [...(deps.budgets.of(request.principal) ?? []), ...(deps.budgets.ofTarget(subject) ?? [])];
  if (budgets.length > 0) await deps.budgets.reserve({ requestId, amountNanoUsd, budgets });
  const open = openRecord(call, kept, requestId, purchase);
  const active = deps.ledger.open(open);
  const deadlineAt = deps.clock.monotonic() + claimMs / 2;
  const answer = await callProvider(deps, current, { target: kept.target, wire, deadlineAt, requestId });
  const context = answer.status === 200 ? caching.parse(answer.text) : undefined;
  const usage = usageOf({ ...purchase, tokens: context?.tokens ?? purchase.tokens });
  const record = closeRecord(call, { open, answer, usage, isMade: context !== undefined });
  void deps.ledger.close(active, record);
  if (budgets.length > 0) {
    const { status } = record;
    if (status === "error") await deps.budgets.release(requestId);
    else {
      const charge = budgetCharge({ status, usage, costNanoUsd: costOfUsage(call, attempt, usage) }, current.budget.ceiling);
      deps.budgets.finished(requestId, charge, subject);
    }
  }
  if (context !== undefined) return { context };
  const error = deps.protocols.get(attempt.protocol)!.parseError(record.httpStatus, answer.text);
  return { error: { ...error, message: current.redactor.text(error.message, attempt.provider) } };
}

/** The tokens that are read, and those that are kept, times the hours; parts of an hour of few tokens count as one token. */
function usageOf({ tokens, keptMs, isNew }: Purchase): Usage {
  return { input: isNew ? tokens : 0, output: 0, units: { cache_storage: Math.ceil((tokens * keptMs) / hourMs) } };
}

// What belongs to one purchase.
// oxlint-disable-next-line max-params
function openRecord(
  { deps, request, exchange }: ModelCall,
  { target: { attempt } }: KeptPrompt,
  requestId: string,
  { tokens, isNew }: Purchase,
): OpenRecord {
  const { principal, tags } = request;
  return {
    requestId,
    attempt: 1,
    timeMs: deps.clock.now(),
    userId: principal.userId,
    keyId: principal.keyId,
    dialect: request.protocol.id,
    protocol: attempt.protocol === request.protocol.id ? undefined : attempt.protocol,
    lane: contextCacheLane,
    stream: false,
    provider: attempt.provider.name,
    modelAsked: request.model,
    upstreamModel: attempt.upstreamModel,
    inputTokensEstimate: isNew ? tokens : 0,
    tags,
    boundTags: principal.boundTags?.length,
    clientName: clientNameOf(exchange.rawHeaders),
  };
}

interface Bought {
  readonly open: OpenRecord;
  readonly answer: ProviderAnswer;
  readonly usage: Usage;
  readonly isMade: boolean;
}

/** What the vendor refuses costs nothing. If the gateway ends first, it is not known whether the vendor has made the cache: then it counts as made. */
function closeRecord({ deps }: ModelCall, { open, answer: { status, isCut }, usage, isMade }: Bought): CloseRecord {
  const record = {
    ...open,
    durationMs: Math.max(0, deps.clock.now() - open.timeMs),
    modelServed: open.upstreamModel,
    httpStatus: status === 0 ? 502 : status,
  };
  if (isMade) return { ...record, status: "ok", usage, usageSource: "reported" };
  if (isCut === true)
    return { ...record, status: "interrupted", httpStatus: 503, usage, usageSource: "estimated", errorCode: "shutting_down" };
  return { ...record, status: "error", usage: {}, usageSource: "none", errorCode: "upstream_error" };
}

// What a line of the log consists of.
// oxlint-disable-next-line max-params
function log({ deps, exchange }: ModelCall, { target: { attempt } }: KeptPrompt, error: unknown, message: string): void {
  const { provider, upstreamModel } = attempt;
  deps.logger.info({ request_id: exchange.requestId, provider: provider.name, model: upstreamModel, error: messageOf(error) }, message);
}
