import { createHash } from "node:crypto";
import { bytesOf, GatewayError, type Bytes } from "../../core/index.ts";
import { isSupplyUser } from "../../ledger/index.ts";
import type { CacheablePrompt, ContextCaching } from "../../protocols/index.ts";
import type { Target } from "../../upstream/index.ts";
import { isAnyForm, type Lane } from "../lane.ts";
import type { ModelCall } from "../model-call.ts";
import { pricesOf } from "./context-prices.ts";
import type { KeptPrompt, RememberedPrompt } from "./kept-prompt.ts";

/** Four bytes of text are about a token: shorter bodies have fewer than any model keeps. */
const leastBytes = 8_000;
/** Longer prompts would keep the event loop for too long; no model takes as much text, nor as many turns. */
const mostBytes = 16 * 1024 * 1024;
const mostTurns = 5_000;

/**
 * The same lane, whose request refers to a cache of the beginning of its prompt if there is one. Only for vendors that keep prompts under names, where the configuration lets
 * the gateway prepare prompts (`caching`), and the price to keep them is known.
 */
export function useContextCache(call: ModelCall, target: Target, lane: Lane): Lane {
  call.keptPrompt = undefined;
  const { attempt } = target;
  // Two attempts at the same time have one number of attempts each: none of them may be made again.
  if (attempt.provider.hasContextCaches !== true || call.race !== undefined || !isAnyForm(lane)) return lane;
  const caching = call.deps.protocols.get(attempt.protocol)?.upstream.contextCaching;
  const mode = lane.kind === "translated" ? (attempt.caching ?? "auto") : attempt.caching;
  if (caching === undefined || mode !== "auto" || call.request.operation !== "generate") return lane;
  // Another gateway pays for its answers alone.
  if (isSupplyUser(call.request.principal.userId)) return lane;
  const kept = keptPromptOf(call, target, caching, lane.request.body ?? []);
  call.keptPrompt = kept;
  if (kept?.used === undefined) return lane;
  const body = caching.refer(kept.prompt, kept.used.at, kept.used.cache.name);
  return { ...lane, request: { ...lane.request, body: [Buffer.from(body, "latin1")] }, refersToCache: true };
}

/** What the last attempt is known to have sent, once. */
export function takeKeptPrompt(call: ModelCall): KeptPrompt | undefined {
  const { keptPrompt } = call;
  call.keptPrompt = undefined;
  return keptPrompt;
}

/** The request is sent without its cache: what the last attempt has sent is all of the prompt. @returns the hash of what the cache had. */
export function withoutCache(call: ModelCall): string | undefined {
  const { keptPrompt: kept } = call;
  if (kept?.used === undefined) return undefined;
  call.keptPrompt = { ...kept, used: undefined };
  return kept.prefixes[kept.used.at];
}

// What belongs to one attempt.
// oxlint-disable-next-line max-params
function keptPromptOf(call: ModelCall, target: Target, caching: ContextCaching, parts: readonly Uint8Array[]): KeptPrompt | undefined {
  const sizeBytes = parts.reduce((sum, { length }) => sum + length, 0);
  const { attempt, state } = target;
  const { provider, upstreamModel } = attempt;
  if (sizeBytes < leastBytes || sizeBytes > mostBytes || pricesOf(call, attempt, Math.ceil(sizeBytes / 4)) === undefined) return undefined;
  const prompt = readPrompt(caching, bytesOf(Buffer.concat(parts)));
  if (prompt === undefined || prompt.turns.length > mostTurns) return undefined;
  const { contextCaches } = call.deps;
  const scope = `${call.request.principal.keyId} ${targetName(target)}`;
  const { prefixes, sizes } = hashPrompt(scope, prompt);
  return {
    target: { attempt, state },
    prompt,
    account: contextCaches.memory.accountOf(scope),
    prefixes,
    sizes,
    minTokens: contextCaches.memory.leastTokens(`${provider.name} ${upstreamModel}`, caching.minTokens(upstreamModel)),
    used: contextCaches.memory.find(prefixes),
  };
}

/** A cache belongs to the account of the provider's key. */
export function targetName({ attempt, state }: Target): string {
  const { provider, upstreamModel } = attempt;
  return `${provider.name} ${provider.keys[state.keyIndex]?.id ?? ""} ${upstreamModel}`;
}

function readPrompt(caching: ContextCaching, text: Bytes): CacheablePrompt | undefined {
  try {
    return caching.read(text);
  } catch (error) {
    // A repeated member, or no JSON: the vendor reports it.
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}

/** Hashes of the prompt up to each place where a cache of it may end. */
function hashPrompt(scope: string, { text, fixed, turns }: CacheablePrompt): Pick<RememberedPrompt, "prefixes" | "sizes"> {
  const hash = createHash("sha256").update(scope);
  let size = 0;
  for (const { name, value } of fixed) {
    hash.update(`\n${name}\n`).update(text.slice(value.start, value.end), "latin1");
    size += value.end - value.start;
  }
  const prefixes = [hash.copy().digest("base64url")];
  const sizes = [size];
  for (const { start, end } of turns) {
    hash.update("\n").update(text.slice(start, end), "latin1");
    size += end - start;
    prefixes.push(hash.copy().digest("base64url"));
    sizes.push(size);
  }
  return { prefixes, sizes };
}
