import { parseSpan, readString, scanDocument, utf8OfLatin1, type Bytes } from "../../core/index.ts";
import { AnsweredError, isErrorAt } from "../shared/answered-error.ts";
import { brokenEnd, isBrokenEnd } from "../shared/broken-end.ts";
import { compact, isObject } from "../shared/fields.ts";
import type { AnswerFacts, RouteCall } from "../protocol.ts";
import { answeredError } from "./errors.ts";
import { mergeCounts, usageOfCounts } from "./usage.ts";

const keys = ["usage", "model", "id", "stop_reason", "error", "content"] as const;

/**
 * Reads the facts of a Message, `{"id","model","stop_reason","usage":{…},…}`, and parses only those values. A token count and a list of models have
 * no facts.
 * @throws GatewayError `invalid_json`, `upstream_invalid_response`; AnsweredError if the answer is an error.
 */
export function readAnswer(body: Bytes, call: RouteCall): AnswerFacts {
  const [usageSpan, modelSpan, idSpan, reasonSpan, errorSpan, content] = scanDocument(body, keys).spans;
  const isAnswer = call.route.operation === "generate";
  if (isErrorAt(body, errorSpan) || (isAnswer && content === undefined && usageSpan === undefined)) throw answeredError(utf8OfLatin1(body));
  if (!isAnswer) return {};
  const usage = usageSpan === undefined ? undefined : usageOfCounts(mergeCounts({}, parseSpan(body, usageSpan)));
  const model = readString(body, modelSpan);
  const id = readString(body, idSpan);
  const stopReason = readString(body, reasonSpan);
  const isBlocked =
    stopReason === "refusal" && isEmptyContent(content === undefined ? [] : parseSpan(body, content)) ? (true as const) : undefined;
  const facts = compact({ usage, model, id, stopReason, isBlocked });
  if (stopReason !== undefined && isBrokenEnd(stopReason)) throw new AnsweredError(brokenEnd(stopReason), facts);
  return facts;
}

/** The blocks of an answer that say nothing. */
function isEmptyContent(content: unknown): boolean {
  return Array.isArray(content) && content.every((block) => isObject(block) && block["type"] === "text" && block["text"] === "");
}
