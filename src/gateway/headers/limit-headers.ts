import type { Bucket } from "../../limits/index.ts";
import { readReset, writeReset, type LimitHeaderNames, type LimitHeaders } from "../../protocols/index.ts";
import type { ModelCall } from "../model-call.ts";

const described = ["requests", "tokens"] as const;

/** Adds the headers of the client's dialect for its limits: of several limits on requests, or on tokens, those of the one that has least left. */
export function addLimitHeaders({ request, deps: { clock } }: ModelCall, limited: readonly Bucket[], headers: string[]): void {
  const names = request.protocol.limitHeaders;
  if (names === undefined) return;
  const nowMs = clock.monotonic();
  for (const counts of described) {
    const bucket = tightest(limited, counts, nowMs);
    if (bucket === undefined) continue;
    const { limit, remaining, reset } = names[counts];
    const resetAt = writeReset(names, bucket.usedMs(nowMs), clock.now());
    headers.push(limit, String(bucket.amount), remaining, String(bucket.remaining(nowMs)), reset, resetAt);
  }
}

function tightest(limited: readonly Bucket[], counts: Bucket["counts"], nowMs: number): Bucket | undefined {
  let found: Bucket | undefined;
  let least = Infinity;
  for (const bucket of limited) {
    if (bucket.counts !== counts) continue;
    const left = bucket.remaining(nowMs);
    if (left >= least) continue;
    found = bucket;
    least = left;
  }
  return found;
}

/** What becomes of the headers about limits that an upstream sends. */
export interface ForwardedLimits {
  /** The gateway's own takes its place. */
  isOwn(name: string): boolean;
  /** Adds it under the name of the client's dialect. `false`: it is none that has another name there. */
  translate(name: string, value: string, out: string[]): boolean;
}

/** `undefined`: they pass as they are, as the client has no limits here and the upstream has the same names for them, or one of both has none. */
export function limitHeadersBetween(call: ModelCall): ForwardedLimits | undefined {
  const client = call.request.protocol.limitHeaders;
  if (client === undefined) return undefined;
  const upstream = call.attempt === undefined ? undefined : call.deps.protocols.get(call.attempt.protocol)?.limitHeaders;
  const isForeign = upstream !== undefined && upstream !== client;
  if (call.limits === undefined && !isForeign) return undefined;
  return new LimitsBetween(call, client, isForeign ? upstream : undefined);
}

class LimitsBetween implements ForwardedLimits {
  readonly #call: ModelCall;
  readonly #client: LimitHeaderNames;
  readonly #upstream: LimitHeaderNames | undefined;

  constructor(call: ModelCall, client: LimitHeaderNames, upstream: LimitHeaderNames | undefined) {
    this.#call = call;
    this.#client = client;
    this.#upstream = upstream;
  }

  isOwn(name: string): boolean {
    const { limits } = this.#call;
    if (limits === undefined) return false;
    const counts = described.find((one) => isOneOf(this.#client[one], name));
    return counts !== undefined && limits.buckets.some((bucket) => bucket.counts === counts);
  }

  translate(name: string, value: string, out: string[]): boolean {
    const upstream = this.#upstream;
    const counts = upstream && described.find((one) => isOneOf(upstream[one], name));
    if (upstream === undefined || counts === undefined) return false;
    const [from, to] = [upstream[counts], this.#client[counts]];
    const part = parts.find((one) => from[one] === name)!;
    const target = to[part];
    const translated = part === "reset" ? this.#reset(upstream, value) : countOf(value);
    if (translated !== undefined && !this.isOwn(target)) out.push(target, translated);
    return true;
  }

  #reset(upstream: LimitHeaderNames, value: string): string | undefined {
    const nowMs = this.#call.deps.clock.now();
    const afterMs = readReset(upstream, value, nowMs);
    return afterMs === undefined ? undefined : writeReset(this.#client, afterMs, nowMs);
  }
}

const parts = ["limit", "remaining", "reset"] as const;

function isOneOf(headers: LimitHeaders, name: string): boolean {
  return parts.some((part) => headers[part] === name);
}

function countOf(value: string): string | undefined {
  return /^\d{1,18}$/.test(value) ? value : undefined;
}
