import type { StopReason } from "../../ir/index.ts";
import { isError } from "../shared/answered-error.ts";
import { brokenEnd, isBrokenEnd } from "../shared/broken-end.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import { readErrorObject } from "../openai-shared/errors.ts";
import type { UpstreamError } from "../protocol.ts";
import { textOf } from "./answer-items.ts";

export interface AnswerEnd {
  readonly stopReason: StopReason;
  readonly rawStopReason?: string;
}

/** Returns why a response ended: by `incomplete_details.reason`, else by its status and its content. */
export function readEnd(response: WireObject, content: { readonly calls: boolean; readonly refusal: boolean }): AnswerEnd {
  const details = response["incomplete_details"];
  const reason = isObject(details) ? textOf(details["reason"]) : "";
  const status = textOf(response["status"]);
  const raw = reason === "" ? status : reason;
  return { stopReason: stopReasonOf(status, reason, content), ...(raw === "" ? {} : { rawStopReason: raw }) };
}

function stopReasonOf(status: string, reason: string, content: { readonly calls: boolean; readonly refusal: boolean }): StopReason {
  if (reason === "max_output_tokens" || reason === "max_tokens") return "length";
  if (reason === "content_filter") return "content-filter";
  if (reason !== "" || status === "incomplete") return "other";
  if (content.calls) return "tool-calls";
  if (content.refusal) return "refusal";
  return status === "completed" || status === "" ? "stop" : "other";
}

export interface AnswerHead {
  readonly id: string;
  readonly model: string;
  readonly createdAt: number;
}

/** Reads the head. The id is without the vendor's prefix. */
export function readHead(response: WireObject): AnswerHead {
  const created = response["created_at"];
  return {
    id: textOf(response["id"]).replace(/^resp_/, ""),
    model: textOf(response["model"]),
    createdAt: typeof created === "number" && Number.isFinite(created) ? Math.floor(created) : 0,
  };
}

/** The error that a response is although it is sent as an answer: an `error` of its own, a status that says so, or a reason of its end that does. */
export function brokenResponse(response: WireObject): UpstreamError | undefined {
  const { error, status, incomplete_details: details } = response;
  if (isError(error)) return readErrorObject({ error });
  const reason = isObject(details) ? details["reason"] : undefined;
  const word = [status, reason].find((text): text is string => typeof text === "string" && isBrokenEnd(text));
  return word === undefined ? undefined : brokenEnd(word);
}
