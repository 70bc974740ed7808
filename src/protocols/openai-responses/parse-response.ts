import { GatewayError } from "../../core/index.ts";
import type { ChatResponse } from "../../ir/index.ts";
import { isError } from "../answered-error.ts";
import { parseAnswerObject } from "../openai-shared/answer-object.ts";
import { answeredError } from "../openai-shared/errors.ts";
import type { ToolNames } from "../translation.ts";
import { readEnd, readHead } from "./answer-end.ts";
import { objectsOf, parseItem } from "./answer-items.ts";
import { usageOf } from "./usage.ts";

/**
 * Parses a response object (`Response` of the npm package `openai` 7.57): each part of a message, each reasoning and each call is a block, and items
 * that only this vendor understands are opaque.
 * @throws GatewayError `upstream_invalid_response` if it is not a response; AnsweredError if the response failed.
 */
export function parseResponse(body: string, toolNames?: ToolNames): ChatResponse {
  const wire = parseAnswerObject(body);
  if (isError(wire["error"]) || wire["output"] === undefined || wire["status"] === "failed") throw answeredError(wire);
  if (!Array.isArray(wire["output"]) || wire["status"] === "cancelled")
    throw new GatewayError("upstream_invalid_response", "The provider's answer has no output.");
  const head = readHead(wire);
  const content = objectsOf(wire["output"]).flatMap((item, index) => parseItem(item, index, head.id, toolNames));
  const holds = (type: string): boolean => content.some((block) => block.type === type);
  return {
    content,
    ...head,
    ...readEnd(wire, { calls: holds("tool-call"), refusal: holds("refusal") }),
    usage: usageOf(wire) ?? {},
  };
}
