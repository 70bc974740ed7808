import type { GatewayError } from "../../core/index.ts";
import type { AnswerFacts } from "../protocol.ts";
import { echoRequest, responseId, responseObject, type ResponseState } from "./response-object.ts";
import { renderEvent } from "./render-event.ts";
import type { WireResponse } from "./wire.ts";

/**
 * The codes that `response.failed` passes on: those of `ResponseError` (npm package `openai` 7.57), and two that make agents give up at once. Any
 * other code becomes `server_error`, which agents retry; also `server_is_overloaded`, which some agents read as final.
 */
const passedCodes: ReadonlySet<string> = new Set([
  "server_error",
  "rate_limit_exceeded",
  "invalid_prompt",
  "data_residency_mismatch",
  "bio_policy",
  "misalignment_policy_violation",
  "vector_store_timeout",
  "invalid_image",
  "invalid_image_format",
  "invalid_base64_image",
  "invalid_image_url",
  "image_too_large",
  "image_too_small",
  "image_parse_error",
  "image_content_policy_violation",
  "invalid_image_mode",
  "image_file_too_large",
  "unsupported_image_media_type",
  "empty_image_file",
  "failed_to_download_image",
  "image_file_not_found",
  "context_length_exceeded",
  "insufficient_quota",
]);

/** Returns the `error` of a failed response. */
export function failureOf(error: GatewayError): NonNullable<ResponseState["error"]> {
  const given = error.upstreamCode;
  if (given !== undefined && passedCodes.has(given)) return { code: given, message: error.message };
  return { code: error.kind === "rate_limit" ? "rate_limit_exceeded" : "server_error", message: error.message };
}

/**
 * The event that ends a stream with an error: `response.failed`, not `event: error`, as agents only read the former as an end. It continues the id
 * and the numbers of the stream, if `facts` has them; the fields that repeat the request have their defaults.
 */
export function renderStreamError(error: GatewayError, requestId: string, client: { readonly facts?: AnswerFacts }): string {
  const { id, model, sequence, usage } = client.facts ?? {};
  const response: WireResponse = responseObject(
    {
      id: id ?? responseId(requestId.replace(/^req_/, "")),
      createdAt: secondsOf(requestId),
      model: model ?? "",
      status: "failed",
      output: [],
      usage,
      error: failureOf(error),
    },
    echoRequest({ model: model ?? "", stream: true, messages: [] }),
  );
  return renderEvent({ type: "response.failed", response }, sequence === undefined ? 0 : sequence + 1);
}

/** The time at which a request came, in seconds since 1970: the first 48 bits of a UUIDv7 are milliseconds (RFC 9562, section 5.7). */
function secondsOf(requestId: string): number {
  const found = /^req_([0-9a-f]{8})-([0-9a-f]{4})-7/.exec(requestId);
  return found === null ? 0 : Math.floor(Number.parseInt(`${found[1]}${found[2]}`, 16) / 1000);
}
