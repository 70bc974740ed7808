import { parseSpan, readString, scanDocument } from "../../core/index.ts";
import { compact } from "../fields.ts";
import type { AnswerFacts, RouteCall } from "../protocol.ts";
import { mergeCounts, usageOfCounts } from "./usage.ts";

const keys = ["usage", "model", "id", "stop_reason"] as const;

/**
 * Reads the facts of a Message, `{"id","model","stop_reason","usage":{…},…}`, parsing nothing but those values. A count of tokens and a listing of
 * models have no facts. @throws GatewayError `invalid_json`.
 */
export function readAnswer(body: string, call: RouteCall): AnswerFacts {
  const [usageSpan, modelSpan, idSpan, reasonSpan] = scanDocument(body, keys).spans;
  if (call.route.operation !== "generate") return {};
  const usage = usageSpan === undefined ? undefined : usageOfCounts(mergeCounts({}, parseSpan(body, usageSpan)));
  const model = readString(body, modelSpan);
  const id = readString(body, idSpan);
  const stopReason = readString(body, reasonSpan);
  return compact({ usage, model, id, stopReason });
}
