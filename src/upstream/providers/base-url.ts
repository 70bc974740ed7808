import type { WireRules } from "../../protocols/index.ts";

/** A problem of a base URL, in words for people. The caller adds whose URL it is. */
export class BaseUrlError extends Error {}

const trailingVersion = /\/v\d+(?:alpha|beta)?\d*$/;

/**
 * The base URL to which a protocol's paths are appended: without a trailing slash; for the OpenAI protocols with the version (`/chat/completions`
 * follows), for Anthropic and Gemini without it (`/v1/messages`, `/v1beta/models/…` follow). `barePath` is appended to a URL without a path.
 * @throws BaseUrlError if it is not an http(s) URL, or contains credentials, a query or a fragment.
 */
export function normaliseBaseUrl({ hasVersionInBaseUrl }: WireRules, text: string, barePath = ""): string {
  const url = parseBaseUrl(text);
  const path = url.pathname.replace(/\/+$/, "");
  if (hasVersionInBaseUrl) return url.origin + (path === "" ? barePath : path);
  return url.origin + path.replace(trailingVersion, "");
}

/** The part of a base URL that all protocols of one server share: without version and trailing slash. @throws BaseUrlError. */
export function baseUrlStem(text: string): string {
  const url = parseBaseUrl(text);
  return url.origin + url.pathname.replace(/\/+$/, "").replace(trailingVersion, "");
}

function parseBaseUrl(text: string): URL {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    // The text may contain a credential in the wrong place, so it is not repeated.
    throw new BaseUrlError("base_url must be a URL that starts with https:// or http://");
  }
  if (url.username !== "" || url.password !== "") throw new BaseUrlError("base_url must not contain credentials: put the key in api_key");
  if (url.search !== "" || url.hash !== "") throw new BaseUrlError("base_url must end with the path: put parameters in query");
  return url;
}
