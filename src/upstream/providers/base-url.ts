import type { ProtocolId } from "../../ir/index.ts";

/** What is wrong with a base URL, for people; the caller adds whose it is. */
export class BaseUrlError extends Error {}

const trailingVersion = /\/v\d+(?:alpha|beta)?\d*$/;

/**
 * The base URL that a protocol's paths are put under: no trailing slash; the OpenAI protocols keep the version (`/chat/completions` follows), Anthropic
 * and Gemini have none (`/v1/messages`, `/v1beta/models/…` follow). `barePath` is put on a URL that has no path.
 * @throws BaseUrlError where it is no http(s) URL, or holds credentials, a query or a fragment.
 */
export function normaliseBaseUrl(protocol: ProtocolId, text: string, barePath = ""): string {
  const url = parseBaseUrl(text);
  const path = url.pathname.replace(/\/+$/, "");
  switch (protocol) {
    case "openai-chat":
    case "openai-responses":
      return url.origin + (path === "" ? barePath : path);
    case "anthropic-messages":
    case "gemini-generate":
      return url.origin + path.replace(trailingVersion, "");
  }
}

/** The part of a base URL that is the same for all protocols of one server: without version and trailing slash. @throws BaseUrlError. */
export function baseUrlStem(text: string): string {
  const url = parseBaseUrl(text);
  return url.origin + url.pathname.replace(/\/+$/, "").replace(trailingVersion, "");
}

function parseBaseUrl(text: string): URL {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    // The text itself may hold a credential that was put in the wrong place: it is not repeated.
    throw new BaseUrlError("base_url must be a URL that starts with https:// or http://");
  }
  if (url.username !== "" || url.password !== "") throw new BaseUrlError("base_url must not hold credentials: put the key in api_key");
  if (url.search !== "" || url.hash !== "") throw new BaseUrlError("base_url must end with the path: put parameters in query");
  return url;
}
