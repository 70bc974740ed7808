import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

/**
 * Paths of clients whose base URL is a little wrong: `/v1` is missing or doubled, or it is Azure's (`/openai`). The first prefix that fits counts, so
 * that each path has one meaning.
 */
const respelled: readonly (readonly [prefix: string, canonical: string])[] = [
  ["/openai/v1/", "/v1/"],
  ["/openai/", "/v1/"],
  ["/v1/v1/", "/v1/"],
  ["/v1/v1beta/", "/v1beta/"],
  ["/v1beta/v1beta/", "/v1beta/"],
  ["/v1beta/v1/", "/v1/"],
  ["/v1beta/openai/v1/", "/v1beta/openai/"],
  ["/anthropic/v1/v1/", "/anthropic/v1/"],
  ["/anthropic/", "/anthropic/v1/"],
  ["/v1/", ""],
  ["/v1beta/", ""],
  ["/api/", ""],
  ["/", "/v1/"],
];

/** The path that a client with a wrong base URL means; `undefined`: the path is not of that kind. */
export function canonicalPath(path: string): string | undefined {
  const found = respelled.find(([prefix]) => path.startsWith(prefix));
  return found === undefined || found[1] === "" ? undefined : found[1] + path.slice(found[0].length);
}

/** The address that the client called, as in `http://localhost:8081`. A Host header with characters that no address has is not repeated. */
export function calledOrigin(headers: IncomingHttpHeaders): string {
  const { host = "" } = headers;
  const address = /^[\w.:[\]-]{1,100}$/.test(host) ? host : "localhost:8081";
  return `${headers["x-forwarded-proto"] === "https" ? "https" : "http"}://${address}`;
}

/** What a program around the gateway has cut off the path of a request, as Express names it: `/ai` of `/ai/v1/models`. */
interface BelowPath {
  readonly baseUrl?: unknown;
}

/** `""` if the gateway serves at the root. */
export function cutPath(request: IncomingMessage): string {
  const { baseUrl } = request as BelowPath;
  return typeof baseUrl === "string" && /^\/[\w./~-]{1,100}$/.test(baseUrl) ? baseUrl : "";
}

/** For a path that is not served: the base URLs that are, with the address that the client called. */
export function nameBaseUrls(request: IncomingMessage): string {
  const origin = calledOrigin(request.headers) + cutPath(request);
  return `Base URLs: ${origin}/v1 for OpenAI's SDKs, ${origin}/anthropic for Anthropic's, ${origin} for Google's.`;
}

/** Azure's clients name a version of its API with every request, which means nothing to the providers behind the gateway. */
export function withoutApiVersion(path: string, query: string): string {
  if (!path.startsWith("/openai/") || !query.includes("api-version=")) return query;
  return query
    .split("&")
    .filter((pair) => !pair.startsWith("api-version="))
    .join("&");
}
