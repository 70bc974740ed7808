import { createHash } from "node:crypto";
import { applyEdits, asBytes, GatewayError, memberSpan, scanDocument, type Bytes } from "../../core/index.ts";
import type { ChatRequest } from "../../ir/index.ts";
import { findHeader } from "../headers/request-headers.ts";
import { parseBody } from "../bodies/parse-body.ts";
import type { CacheUse } from "../cache-use.ts";
import type { ModelCall } from "../model-call.ts";

/** A longer body is not looked at. */
const longestBody = 1024 * 1024;
/** They say how the answer is sent, not what it is. */
const formMembers = ["stream", "stream_options"] as const;
/** They change what the provider answers, or which one is asked. */
const decisiveHeaders = [
  "anthropic-version",
  "anthropic-beta",
  "openai-beta",
  "x-tokligence-fallbacks",
  "x-tokligence-strategy",
  "x-session-id",
] as const;

/** `undefined`: the answer is not kept, and none that is kept is used. Called only for keys that use the cache. */
export function cacheUseOf(call: ModelCall): CacheUse | undefined {
  const { request, current, exchange } = call;
  const settings = current.responseCache;
  if (settings === undefined || request.text.length > longestBody || !mayKeep(call)) return undefined;
  const control = findHeader(exchange.rawHeaders, "cache-control") ?? "";
  if (/\bno-store\b/i.test(control) || !isSelfContained(call)) return undefined;
  const { principal, protocol, operation, route, model } = request;
  const parts = [
    settings.configuration,
    settings.isShared ? "" : principal.userId,
    protocol.id,
    // A stream of Gemini's is another operation's path, not another operation.
    operation,
    model,
    route.query.replace(/(?:^|&)alt=sse(?=&|$)/, ""),
    ...decisiveHeaders.map((name) => findHeader(exchange.rawHeaders, name) ?? ""),
    withoutForm(request.text),
  ];
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length}:`).update(part, "latin1");
  return { key: hash.digest("base64url"), isRead: !/\bno-cache\b|\bmax-age=0\b/i.test(control), ageMs: undefined };
}

/** Requests that refer to what is stored elsewhere, or whose answer is stored, are each answered anew. */
function mayKeep({ request, stored, continued, guarded, background }: ModelCall): boolean {
  const { envelope, operation, protocol } = request;
  if (operation !== "generate" && operation !== "embed" && operation !== "batch-embed") return false;
  if (stored !== undefined || continued !== undefined || guarded !== undefined || background !== undefined) return false;
  if (envelope.includeCost === true || envelope.conversation === true || envelope.background === true) return false;
  return !protocol.storesAnswers || envelope.store === false;
}

/** Fields by which a provider fetches something, or runs tools of its own. */
const fetchingFields =
  /search|fetch|plugin|mcp|container|grounding|research|retriev|cached|conversation|file|agent|memory|skills|^prompt$/i;
/** Models that search before they answer. */
const fetchingModels = /:online|sonar|search|research|compound/i;

/** The answer is made of the request alone: nothing that the provider finds or runs is part of it. */
function isSelfContained(call: ModelCall): boolean {
  const { request } = call;
  if (fetchingModels.test(request.model)) return false;
  if (!request.traits.hasOutput) return true;
  let parsed: ChatRequest;
  try {
    parsed = request.protocol.parseRequest(parseBody(call), request.route);
  } catch (error) {
    // The request is refused where it is sent.
    if (error instanceof GatewayError || error instanceof SyntaxError) return false;
    throw error;
  }
  if (parsed.tools?.some(({ type }) => type === "server") === true) return false;
  const fields = Object.values(parsed.extensions ?? {}).flatMap((extension) => Object.keys(extension ?? {}));
  return !fields.some((field) => fetchingFields.test(field));
}

function withoutForm(text: Bytes): Bytes {
  let rest = text;
  for (const name of formMembers) {
    const [span] = scanDocument(rest, [name]).spans;
    if (span !== undefined) rest = applyEdits(rest, [{ ...memberSpan(rest, name, span), text: asBytes("") }]);
  }
  return rest;
}
