import type { GatewayError } from "../../core/index.ts";
import type { ModelCall } from "../model-call.ts";
import { pricesOf } from "./context-prices.ts";
import { extendCache, makeCache } from "./keep-context.ts";
import { takeKeptPrompt, targetName, withoutCache } from "./use-context-cache.ts";

/** The request is over, and its client has its answer: what it has used decides whether its prompt is kept. Returns before anything is sent. */
export function settleContextCache(call: ModelCall): void {
  if (call.keptPrompt === undefined) return;
  const kept = takeKeptPrompt(call)!;
  const { settlement, usage } = call.entry ?? {};
  if (settlement?.status !== "ok" || settlement.facts?.usage?.input === undefined || usage?.input === undefined) return;
  const { attempt } = kept.target;
  const { memory } = call.deps.contextCaches;
  const prices = pricesOf(call, attempt, usage.input);
  const caching = call.deps.protocols.get(attempt.protocol)?.upstream.contextCaching;
  if (prices === undefined || caching === undefined || memory.isRefused(targetName(kept.target))) return;
  const plan = memory.settle(kept, { ...usage, input: usage.input }, prices);
  if (plan === undefined) return;
  const work = { call, kept, caching, prices };
  void (plan.kind === "make" ? makeCache(work, plan) : extendCache(work, plan));
}

/** The provider refuses the request that refers to a cache: it is made again without it. */
export function forgetContextCache(call: ModelCall, error: GatewayError): void {
  const prefix = withoutCache(call);
  if (prefix === undefined || error.status === 400) return;
  const { memory, table } = call.deps.contextCaches;
  memory.forget(prefix);
  // Without its row another process makes it anew; if the row stays, it ends by itself.
  table.drop(prefix).catch(() => undefined);
}
