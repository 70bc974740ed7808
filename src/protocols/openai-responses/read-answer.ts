import { parseSpan, readString, scanDocument, scanObject, type ScannedObject } from "../../core/index.ts";
import { isObject } from "../fields.ts";
import type { AnswerFacts, RouteCall } from "../protocol.ts";
import { usageOf } from "./usage.ts";

const keys = ["id", "model", "usage", "status", "incomplete_details", "service_tier"];

/** The facts of a JSON answer: only `usage` and the reason of an early end are parsed. @throws GatewayError `invalid_json`. */
export function readAnswer(body: string, _call: RouteCall): AnswerFacts {
  return readFacts(body, scanDocument(body, keys));
}

/** The facts of the response object that opens at `open`, inside an event. @throws GatewayError `invalid_json`. */
export function readResponseFacts(text: string, open: number): AnswerFacts {
  return readFacts(text, scanObject(text, open, keys));
}

function readFacts(text: string, { spans }: ScannedObject): AnswerFacts {
  const [idSpan, modelSpan, usageSpan, statusSpan, detailsSpan, tierSpan] = spans;
  const facts: AnswerFacts = {};
  const id = readString(text, idSpan);
  const model = readString(text, modelSpan);
  const usage =
    usageSpan === undefined ? undefined : usageOf({ usage: parseSpan(text, usageSpan), service_tier: readString(text, tierSpan) });
  const status = readString(text, statusSpan);
  const details = detailsSpan === undefined ? undefined : parseSpan(text, detailsSpan);
  if (id !== undefined && id !== "") facts.id = id;
  if (model !== undefined && model !== "") facts.model = model;
  if (usage !== undefined) facts.usage = usage;
  // The vendor has no one word for it: the status, or what made it incomplete.
  const reason = isObject(details) && typeof details["reason"] === "string" ? details["reason"] : status;
  if (reason !== undefined && reason !== "in_progress" && reason !== "queued") facts.stopReason = reason;
  return facts;
}
