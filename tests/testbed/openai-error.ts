import type { ScenarioError, WireError } from "./scenario.ts";

/** The inner object of an OpenAI error. */
export type OpenAiErrorObject = { message: string; type: string; param: string | null; code: string | null };

const TYPES: Readonly<Record<number, readonly [type: string, code: string | null, message: string]>> = {
  400: ["invalid_request_error", null, "The request is not valid."],
  401: [
    "invalid_request_error",
    "invalid_api_key",
    "Incorrect API key provided: sk-mock. You can find your API key in your account settings.",
  ],
  403: ["invalid_request_error", "model_not_found", "Project `proj_mock` does not have access to this model."],
  404: ["invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."],
  422: ["invalid_request_error", null, "The request could not be processed."],
  429: ["requests", "rate_limit_exceeded", "Rate limit reached for requests per min (RPM): Limit 500, Used 500. Please try again in 1s."],
  500: ["server_error", null, "The server had an error while processing your request. Sorry about that!"],
  503: ["server_error", "server_overloaded", "The engine is currently overloaded, please try again later."],
};

/** The error object of OpenAI's API: `{"message","type","param","code"}` (OpenAI API reference, "Errors", November 2026). */
export function openAiErrorObject(error: ScenarioError): OpenAiErrorObject {
  const fallback = error.status >= 500 ? 500 : 400;
  const [type, code, message] = TYPES[error.status] ?? TYPES[fallback] ?? ["server_error", null, "Server error."];
  return { message: error.message ?? message, type, param: error.param ?? null, code: error.code ?? code };
}

/** The whole error answer: `{"error":{…}}` with OpenAI's headers. */
export function renderOpenAiError(error: ScenarioError, serial: number): WireError {
  return { status: error.status, headers: openAiHeaders(serial), body: { error: openAiErrorObject(error) } };
}

/** Headers seen on every OpenAI answer. */
export function openAiHeaders(serial: number): Readonly<Record<string, string>> {
  return {
    "x-request-id": `req_mock${serial}`,
    "openai-version": "2020-10-01",
    "openai-processing-ms": "12",
    "openai-organization": "org-mock",
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-remaining-requests": "9999",
  };
}

/** A 400 about one parameter. */
export function badParameter(param: string, code: string | undefined, message: string): ScenarioError {
  return { status: 400, param, message, ...(code === undefined ? {} : { code }) };
}

/** The 400 for a parameter that must be there and is not. */
export function missingParameter(param: string): ScenarioError {
  return badParameter(param, "missing_required_parameter", `Missing required parameter: '${param}'.`);
}
