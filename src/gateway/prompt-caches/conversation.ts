import { createHash } from "node:crypto";
import { GatewayError, memberIn, readString, scanDocument, skipSpace, skipValue, type Span } from "../../core/index.ts";
import { findHeader } from "../headers/request-headers.ts";
import type { ModelCall } from "../model-call.ts";

/** Requests that a provider can serve from one prompt cache. */
export interface Conversation {
  /** The same for its requests; of bounded length. */
  readonly id: string;
  /** How long the provider keeps its prompt. */
  readonly lifetimeMs: number;
}

const lifetimeMs = 5 * 60_000;
const longLifetimeMs = 3_600_000;
/** Anthropic's, OpenAI's and Google's caches begin at 1,024 tokens (November 2026): a shorter prompt has nothing to lose by another target. */
const shortestPromptBytes = 4096;
const longestId = 200;
/** What is alike in the first turns of two requests up to here belongs to one conversation. */
const longestTurnBytes = 64 * 1024;

const sessionHeaders = ["x-session-id", "session_id", "session-id"] as const;
const ids = ["prompt_cache_key", "metadata", "previous_response_id"] as const;
const idNames = /"(?:prompt_cache_key|metadata|previous_response_id)"/;
/** Of all dialects: what comes before the turns, and the turns. */
const fixedParts = ["system", "tools", "instructions", "systemInstruction", "system_instruction"] as const;
const turns = ["messages", "input", "contents"] as const;

/**
 * The conversation that a request belongs to: by a session's header, an id in its body, or else by what all its requests begin with, the system text, the tools and
 * the first turn of the user. `undefined`: it belongs to none, or its prompt is too short for a cache.
 */
export function conversationOf(call: ModelCall): Conversation | undefined {
  const { request, exchange } = call;
  const given = sessionOf(exchange.rawHeaders) ?? idInBody(request.text);
  if (given === undefined) return undefined;
  const id = given.length > longestId ? createHash("sha256").update(given, "latin1").digest("base64") : given;
  const isLong = /"ttl"\s*:\s*"1h"|"prompt_cache_retention"\s*:\s*"24h"/.test(request.text);
  return { id: `${request.principal.userId} ${request.model} ${id}`, lifetimeMs: isLong ? longLifetimeMs : lifetimeMs };
}

function sessionOf(rawHeaders: readonly string[]): string | undefined {
  for (const name of sessionHeaders) {
    const value = findHeader(rawHeaders, name);
    if (value !== undefined && value !== "") return value;
  }
  return undefined;
}

function idInBody(text: string): string | undefined {
  // The text is not scanned if nothing can be found: it is too short for a prompt that counts, and has no id.
  if (text.length < shortestPromptBytes && !idNames.test(text)) return undefined;
  try {
    const { spans } = scanDocument(text, [...ids, ...fixedParts, ...turns]);
    const [cacheKey, metadata, previous] = spans;
    const named = readString(text, cacheKey) ?? readString(text, memberIn(text, metadata, "user_id")) ?? readString(text, previous);
    return named === undefined || named === "" ? prefixOf(text, spans.slice(ids.length)) : named;
  } catch (error) {
    // A repeated member, or no JSON: the parser of the body reports it.
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}

function prefixOf(text: string, spans: readonly (Span | undefined)[]): string | undefined {
  let prefix = "";
  for (const [index, span] of spans.entries()) {
    if (span === undefined) continue;
    prefix += index < fixedParts.length ? text.slice(span.start, span.end) : firstTurn(text, span);
  }
  return prefix.length < shortestPromptBytes ? undefined : prefix;
}

/** The turns up to the first of the user, or what of them is within the part that counts. */
function firstTurn(text: string, { start, end }: Span): string {
  const longest = Math.min(end, start + longestTurnBytes);
  if (text[start] !== "[") return text.slice(start, longest);
  for (let at = skipSpace(text, start + 1); text[at] !== "]" && at < longest; at = nextElement(text, skipValue(text, at))) {
    const role = readString(text, memberIn(text, { start: at, end }, "role"));
    if (role === "user") return text.slice(start, Math.min(longest, skipValue(text, at)));
  }
  return text.slice(start, longest);
}

function nextElement(text: string, end: number): number {
  const at = skipSpace(text, end);
  return text[at] === "," ? skipSpace(text, at + 1) : at;
}
