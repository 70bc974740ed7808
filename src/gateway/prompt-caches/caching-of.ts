import { createHash } from "node:crypto";
import type { CachingTarget } from "../../protocols/index.ts";
import type { Attempt } from "../../upstream/index.ts";
import type { ModelCall } from "../model-call.ts";
import { settleContextCache } from "./settle-context-cache.ts";
import { conversationOf } from "./conversation.ts";

/** How the prompt of a translated request is prepared for the cache of its provider. */
export function cachingOf(call: ModelCall, attempt: Attempt): CachingTarget {
  const { caching: mode = "auto", provider, upstreamModel, protocol } = attempt;
  forgetMarks(call);
  if (mode !== "auto") return { mode };
  const { cacheBy } = call.deps.protocols.get(protocol)!.upstream;
  if (cacheBy === "marks") {
    const scope = `${call.request.principal.keyId} ${provider.name} ${upstreamModel}`;
    const marker = call.deps.prefixMemory.marker(scope, (marked) => {
      call.markedPrompt = marked;
    });
    return { mode, marker };
  }
  return cacheBy === "key" ? { mode, cacheKey: conversationKey(call) } : { mode };
}

/** The same for all requests of a conversation; it says nothing of the user or the prompt. */
function conversationKey(call: ModelCall): string | undefined {
  const conversation = conversationOf(call);
  return conversation === undefined ? undefined : createHash("sha256").update(conversation.id, "latin1").digest("base64url");
}

/** The request is over: what its marks or caches have saved or cost is known. */
export function settleCaching(call: ModelCall): void {
  settleContextCache(call);
  const { markedPrompt, entry } = call;
  if (markedPrompt === undefined) return;
  call.markedPrompt = undefined;
  const isReported = entry?.settlement?.facts?.usage?.input !== undefined;
  call.deps.prefixMemory.settle(markedPrompt, isReported ? entry.usage : undefined);
}

/** An attempt before this one has failed. */
function forgetMarks(call: ModelCall): void {
  if (call.markedPrompt !== undefined) call.deps.prefixMemory.settle(call.markedPrompt, undefined);
  call.markedPrompt = undefined;
}
