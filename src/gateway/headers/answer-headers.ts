import type { Provider } from "../../upstream/index.ts";
import { limitHeadersBetween } from "./limit-headers.ts";
import { findHeader } from "./request-headers.ts";
import type { ModelCall } from "../model-call.ts";

/** Headers of an upstream's answer that go to the client, lower case. All others stay behind. */
const passedNames: readonly string[] = ["retry-after", "server-timing", "deprecation", "sunset"];
const passedPrefixes: readonly string[] = ["x-ratelimit-", "anthropic-", "openai-", "x-gemini-"];
const noNames: readonly string[] = [];
/** Among those: whose account the provider's key belongs to is the operator's business. */
const accountName = /organi[sz]ation|project|account|workspace/;
/** A longer value is no header that a client of these APIs reads. */
const maxValueLength = 1024;

/**
 * Names under which upstreams send the id of a request, the vendor's own before those of the networks before it: OpenAI and most compatible servers,
 * Anthropic, Google, Azure, Mistral, DeepSeek, OpenRouter, AWS, Cloudflare.
 */
const requestIdNames: readonly string[] = [
  "x-request-id",
  "request-id",
  "x-goog-request-id",
  "apim-request-id",
  "x-ms-request-id",
  "mistral-correlation-id",
  "x-ds-trace-id",
  "x-generation-id",
  "x-amzn-requestid",
  "x-amz-request-id",
  "cf-ray",
];
const maxIdLength = 200;

/**
 * Adds the headers of an upstream's answer that go to the client, by the list above and the `answerHeaders` of the provider's preset; secrets are removed
 * from their values. The content type is not among them: the upstream's own might make a browser show the answer as a page.
 */
export function forwardAnswerHeaders(call: ModelCall, headers: readonly string[], out: string[]): void {
  const provider = call.attempt?.provider;
  if (provider === undefined) return;
  const own = provider.quirks.answerHeaders ?? noNames;
  const hopByHop = namedByConnection(headers);
  const limits = limitHeadersBetween(call);
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase();
    if (!isPassed(name, own) || hopByHop?.has(name) === true) continue;
    const value = headers[i + 1]!;
    if (value.length > maxValueLength || limits?.isOwn(name) === true) continue;
    if (limits?.translate(name, value, out) !== true) out.push(name, call.current.redactor.whole(value, provider));
  }
}

function isPassed(name: string, own: readonly string[]): boolean {
  // Loops over short lists: a closure and a hash for each header of each answer cost several times as much.
  for (const passed of passedNames) if (name === passed) return true;
  for (const prefix of passedPrefixes) if (name.startsWith(prefix)) return !accountName.test(name);
  for (const pattern of own) if (pattern.endsWith("-") ? name.startsWith(pattern) : name === pattern) return true;
  return false;
}

/** What a `Connection` header names belongs to that connection alone (RFC 9110, section 7.6.1). */
function namedByConnection(headers: readonly string[]): ReadonlySet<string> | undefined {
  let names: Set<string> | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.length !== 10 || headers[i]!.toLowerCase() !== "connection") continue;
    const value = headers[i + 1]!;
    if (value === "keep-alive" || value === "close") continue;
    names ??= new Set();
    for (const name of value.split(",")) names.add(name.trim().toLowerCase());
  }
  return names;
}

/** The id that the upstream gave the request, without secrets and safe for a header; `undefined` if it sent none. */
export function upstreamRequestId(call: ModelCall, provider: Provider, headers: readonly string[]): string | undefined {
  for (const name of requestIdNames) {
    const value = findHeader(headers, name)?.trim();
    if (value === undefined || value === "") continue;
    return call.current.redactor.text(value, provider, maxIdLength).replaceAll(/[^\x20-\x7e]/g, "?");
  }
  return undefined;
}

const jsonType = "application/json";

/** The content type of a JSON answer: the upstream's where it says JSON, as parameters may follow. */
export function jsonTypeOf(given: string): string {
  return /^application\/json(?: *; *charset=[\w-]{1,20})?$/i.test(given) ? given : jsonType;
}

/** The content type of a stream of events, likewise. */
export function streamTypeOf(given: string): string {
  return /^text\/event-stream(?: *; *charset=[\w-]{1,20})?$/i.test(given) ? given : "text/event-stream";
}
