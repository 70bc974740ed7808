import type { Attempt } from "../upstream/index.ts";
import { admit, guard } from "./admission/admit.ts";
import { checkAllowed, checkNamedModels } from "./admission/allowed-models.ts";
import { answerError } from "./answers/answer-error.ts";
import { asGatewayError } from "./errors/as-gateway-error.ts";
import { watchSilence } from "./answers/early-head.ts";
import { learnFromUsage } from "./lanes/count-tokens.ts";
import type { GatewayDeps } from "./deps.ts";
import type { ClientExchange } from "./exchange.ts";
import { isHeavy, nextTurn } from "./bodies/heavy-body.ts";
import { RecordedExchange } from "./bodies/recorded-exchange.ts";
import { maxContentBytes } from "./trace.ts";
import { SampledExchange } from "./tool-sample.ts";
import { createModelCall, type Caller, type ModelCall } from "./model-call.ts";
import { receive } from "./admission/receive.ts";
import { withFallbacks } from "./failover/fallbacks.ts";
import { planHedge } from "./failover/plan-hedge.ts";
import { planRequest } from "./failover/plan-request.ts";
import { sendWithFailover } from "./failover/send-with-failover.ts";
import { finishCall } from "./finish-call.ts";
import { reserveTargets, unspent } from "./failover/reserve-targets.ts";
import { takeLimits } from "./admission/take-limits.ts";
import { continueConversation } from "./responses/continue.ts";
import { serveCached } from "./lanes/serve-cached.ts";
import { cacheUseOf } from "./response-cache/cache-key.ts";
import { KeptExchange, keepCachedAnswer } from "./response-cache/keep-answer.ts";
import { CallFirewall } from "./firewall/call-firewall.ts";
import { FirewallExchange } from "./firewall/firewall-exchange.ts";
import { serveStored } from "./lanes/serve-stored.ts";
import { runsHere, startBackground } from "./responses/start-background.ts";
import { pinTo } from "./responses/stored-responses.ts";

/** The life of a request on a model route. The edge has found the route and the principal. */
export async function handleModelCall(deps: GatewayDeps, exchange: ClientExchange, caller: Caller): Promise<void> {
  const { firewall: rules } = deps.current();
  const firewall = rules === undefined ? undefined : new CallFirewall(rules);
  const client = firewall === undefined ? exchange : new FirewallExchange(exchange, caller.protocol, firewall);
  const recorded = deps.bodies.record(client, caller.route.route.operation);
  const traced = tracedExchange(deps, recorded ?? client, () => call);
  const base = traced ?? recorded ?? client;
  const kept = keptExchange(deps, base, caller);
  const plain = kept?.exchange ?? base;
  const isSampled = deps.toolSampler.chooses(caller.route.route.operation, exchange.startedMs);
  const sampled = isSampled ? new SampledExchange(plain) : undefined;
  const call = createModelCall(deps, sampled ?? plain, caller, firewall);
  firewall?.begin(call);
  if (sampled !== undefined) call.readToolCalls = () => sampled.readToolCalls(call);
  let isOver = true;
  try {
    isOver = await serve(call);
    // Its answer waits for the judgement of a classifier.
    if (firewall?.pending !== undefined) await firewall.pending;
    if (kept !== undefined) keepCachedAnswer(call, kept);
  } catch (error) {
    await answerError(call, asGatewayError(error, deps, exchange.requestId));
  } finally {
    if (firewall?.late !== undefined) await firewall.late;
    traced?.end(call.entry?.number ?? 0);
    // One that goes on in the background reports when it is over.
    if (isOver) finishCall(call);
    learnFromUsage(call);
    // What a client of a response in the background has got is what its first attempt began with.
    recorded?.end(isOver ? (call.entry?.number ?? 0) : 1);
  }
}

/** Where traces contain what was asked and answered. */
function tracedExchange({ tracer }: GatewayDeps, exchange: ClientExchange, call: () => ModelCall): RecordedExchange | undefined {
  if (tracer?.hasContent !== true) return undefined;
  return new RecordedExchange(exchange, maxContentBytes, ({ parts, answer = "" }) => {
    const input = Buffer.concat(parts).subarray(0, maxContentBytes).toString("latin1");
    call().trace?.setContent(input, answer.slice(0, maxContentBytes));
  });
}

/** For a key whose answers are kept. */
function keptExchange(deps: GatewayDeps, exchange: ClientExchange, { principal }: Caller): KeptExchange | undefined {
  if (principal.hasCache !== true) return undefined;
  const settings = deps.current().responseCache;
  return settings === undefined ? undefined : new KeptExchange(exchange, settings.maxBytes / 4);
}

/** `false`: the client has its answer, and the request goes on in the background. @throws GatewayError. */
async function serve(call: ModelCall): Promise<boolean> {
  const { request } = call;
  await receive(call);
  if (isHeavy(request)) await nextTurn();
  if (call.stored?.isStored === true) {
    checkAllowed(request.principal, call.current.catalog, request.model);
    await serveStored(call);
    return true;
  }
  admit(call);
  const planned = plan(call);
  const attempts = planned instanceof Promise ? await planned : planned;
  const all = withFallbacks(call, attempts);
  checkNamedModels(request, all);
  const checked = call.firewall?.checkRequest();
  if (checked !== undefined) await checked;
  guard(call);
  if (isHeavy(request)) await nextTurn();
  planHedge(call);
  const limited = takeLimits(call, attempts);
  if (limited !== undefined) await limited;
  const reserved = reserveTargets(call, all);
  if (reserved !== undefined) await reserved;
  const affordable = unspent(call, attempts);
  if (runsHere(call, affordable)) {
    await startBackground(call, affordable, sendDetached);
    return false;
  }
  if (request.principal.hasCache === true) {
    call.cacheUse = cacheUseOf(call);
    const served = serveCached(call, unspent(call, all));
    if (served instanceof Promise ? await served : served) return true;
  }
  const unwatch = watchSilence(call);
  try {
    await sendWithFailover(call, affordable);
  } finally {
    unwatch?.();
  }
  return true;
}

/** A promise only if a stored response decides: all others are planned at once. */
function plan(call: ModelCall): readonly Attempt[] | Promise<readonly Attempt[]> {
  const { stored } = call;
  call.plan = planRequest(call);
  const { attempts } = call.plan;
  return stored === undefined ? continueConversation(call, attempts) : pinTo(call, attempts, stored, "id");
}

/** Sends a request in the background, whose client has its answer. @throws GatewayError after it has been recorded. */
async function sendDetached(call: ModelCall, attempts: readonly Attempt[]): Promise<void> {
  try {
    await sendWithFailover(call, attempts);
  } catch (error) {
    const failure = asGatewayError(error, call.deps, call.exchange.requestId);
    // Settles what is open; the answer itself goes nowhere.
    await answerError(call, failure);
    throw failure;
  } finally {
    finishCall(call);
  }
}
