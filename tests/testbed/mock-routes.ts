import type { IncomingHttpHeaders } from "node:http";
import type { Protocol } from "./scenario.ts";

/** Whose API a path belongs to. */
export type Vendor = "openai" | "anthropic" | "gemini";

/** What a request asks for. A `Protocol` name is a generation; the others answer JSON at once. */
type RouteName =
  | Protocol
  | "openai-embeddings"
  | "openai-response"
  | "openai-response-cancel"
  | "openai-response-input-items"
  | "openai-input-tokens"
  | "anthropic-count-tokens"
  | "gemini-count-tokens"
  | "gemini-embed"
  | "gemini-batch-embed"
  | "models"
  | "model";

/** A path taken apart. `target` is the model or the response id in the path; `framing` is Gemini's choice of stream. */
export type Route = {
  readonly name: RouteName;
  readonly vendor: Vendor;
  readonly target: string | undefined;
  readonly framing: "none" | "sse" | "array";
};

const GEMINI_VERBS: Readonly<Record<string, RouteName>> = {
  generateContent: "gemini-generate",
  streamGenerateContent: "gemini-generate",
  countTokens: "gemini-count-tokens",
  embedContent: "gemini-embed",
  batchEmbedContents: "gemini-batch-embed",
};

const POST_ROUTES: Readonly<Record<string, readonly [RouteName, Vendor]>> = {
  "/v1/chat/completions": ["openai-chat", "openai"],
  "/v1/responses": ["openai-responses", "openai"],
  "/v1/responses/input_tokens": ["openai-input-tokens", "openai"],
  "/v1/embeddings": ["openai-embeddings", "openai"],
  "/v1/messages": ["anthropic-messages", "anthropic"],
  "/v1/messages/count_tokens": ["anthropic-count-tokens", "anthropic"],
};

/** The request target as a URL; what is none becomes `/`. */
export function readUrl(target: string): URL {
  return URL.parse(`http://mock${target}`) ?? new URL("http://mock/");
}

/** The route of a request, or null where the vendor has none. Gemini is served on `/v1beta` and `/v1`. */
export function matchRoute(method: string, url: URL, headers: IncomingHttpHeaders): Route | null {
  const path = url.pathname;
  const fixed = method === "POST" ? POST_ROUTES[path] : undefined;
  if (fixed !== undefined) return { name: fixed[0], vendor: fixed[1], target: undefined, framing: "none" };
  const verb = method === "POST" ? /^\/v1(?:beta)?\/models\/(.+):(\w+)$/.exec(path) : null;
  if (verb !== null) return matchVerb(verb[1] ?? "", verb[2] ?? "", url);
  const response = /^\/v1\/responses\/([^/]+)(?:\/(cancel|input_items))?$/.exec(path);
  if (response !== null) return matchResponse(method, response[1] ?? "", response[2]);
  const models = method === "GET" ? /^\/(v1|v1beta)\/models(?:\/(.+))?$/.exec(path) : null;
  if (models === null) return null;
  const target = models[2] === undefined ? undefined : decode(models[2]);
  return {
    name: target === undefined ? "models" : "model",
    vendor: models[1] === "v1beta" ? "gemini" : vendorByHeaders(url, headers),
    target,
    framing: "none",
  };
}

/** The vendor an unknown path belongs to, so that its 404 has the right shape. */
export function vendorOfPath(url: URL, headers: IncomingHttpHeaders): Vendor {
  if (url.pathname.startsWith("/v1beta")) return "gemini";
  if (url.pathname.startsWith("/v1/messages")) return "anthropic";
  return vendorByHeaders(url, headers);
}

function matchVerb(model: string, verb: string, url: URL): Route | null {
  const name = GEMINI_VERBS[verb];
  if (name === undefined) return null;
  const streamed = url.searchParams.get("alt") === "sse" ? "sse" : "array";
  const framing = verb === "streamGenerateContent" ? streamed : "none";
  return { name, vendor: "gemini", target: decode(model), framing };
}

function matchResponse(method: string, id: string, tail: string | undefined): Route | null {
  const route = (name: RouteName): Route => ({ name, vendor: "openai", target: id, framing: "none" });
  if (tail === "cancel") return method === "POST" ? route("openai-response-cancel") : null;
  if (tail === "input_items") return method === "GET" ? route("openai-response-input-items") : null;
  return method === "GET" || method === "DELETE" ? route("openai-response") : null;
}

function vendorByHeaders(url: URL, headers: IncomingHttpHeaders): Vendor {
  if (headers["anthropic-version"] !== undefined) return "anthropic";
  return headers["x-goog-api-key"] !== undefined || url.searchParams.has("key") ? "gemini" : "openai";
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A broken escape is no model's name; it is kept as it is and found nowhere.
    return text;
  }
}
