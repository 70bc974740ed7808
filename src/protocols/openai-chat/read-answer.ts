import { parseSpan, readString, scanDocument } from "../../core/index.ts";
import type { AnswerFacts, RouteCall } from "../protocol.ts";
import { findUsage } from "./usage.ts";

const keys = ["id", "model", "usage", "service_tier"];

/** The facts of a completion or of embeddings: only `usage` is parsed. @throws GatewayError `invalid_json`. */
export function readAnswer(body: string, _call: RouteCall): AnswerFacts {
  const { spans } = scanDocument(body, keys);
  const facts: AnswerFacts = {};
  const id = readString(body, spans[0]);
  const model = readString(body, spans[1]);
  const usage =
    spans[2] === undefined ? undefined : findUsage({ usage: parseSpan(body, spans[2]), service_tier: readString(body, spans[3]) });
  if (id !== undefined && id !== "") facts.id = id;
  if (model !== undefined && model !== "") facts.model = model;
  if (usage !== undefined) facts.usage = usage;
  return facts;
}
