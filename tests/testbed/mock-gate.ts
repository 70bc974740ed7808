import type { Vendor } from "./mock-routes.ts";
import { readUrl } from "./mock-routes.ts";
import type { RecordedRequest } from "./recorded-request.ts";
import type { ScenarioError } from "./scenario.ts";

/**
 * The vendor's refusal of a missing or unknown key, or null. OpenAI and Anthropic answer 401. Gemini answers an API key
 * that it does not know with 400 `API_KEY_INVALID`, a missing one with 403, and a bad Bearer token with 401.
 */
export function checkCredential(vendor: Vendor, request: RecordedRequest, apiKeys: readonly string[] | undefined): ScenarioError | null {
  if (apiKeys === undefined) return null;
  const key = readCredential(vendor, request);
  if (key !== undefined && apiKeys.includes(key)) return null;
  switch (vendor) {
    case "openai":
      return key === undefined
        ? {
            status: 401,
            message: "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth.",
          }
        : { status: 401 };
    case "anthropic":
      return { status: 401, message: key === undefined ? "x-api-key header is required" : "invalid x-api-key" };
    case "gemini":
      if (key === undefined)
        return {
          status: 403,
          message:
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.",
        };
      if (request.headers.authorization !== undefined) return { status: 401 };
      return { status: 400, code: "API_KEY_INVALID", message: "API key not valid. Please pass a valid API key." };
  }
}

/** Anthropic requires the version of its API in a header. */
export function checkVersion(vendor: Vendor, request: RecordedRequest): ScenarioError | null {
  const isMissing = vendor === "anthropic" && request.headers["anthropic-version"] === undefined;
  return isMissing ? { status: 400, message: "anthropic-version: header is required" } : null;
}

function readCredential(vendor: Vendor, request: RecordedRequest): string | undefined {
  const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
  switch (vendor) {
    case "openai":
      return bearer;
    case "anthropic":
      return header(request, "x-api-key") ?? bearer;
    case "gemini":
      return header(request, "x-goog-api-key") ?? readUrl(request.url).searchParams.get("key") ?? bearer;
  }
}

function header(request: RecordedRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === "string" ? value : undefined;
}
