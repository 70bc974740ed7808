import { GatewayError } from "../../core/index.ts";
import type { ChatResponse } from "../../ir/index.ts";
import { AnsweredError, isError } from "../shared/answered-error.ts";
import { objectsOf, compact, type WireObject } from "../shared/fields.ts";
import type { UpstreamError } from "../protocol.ts";
import { faultOfCall } from "../shared/whole-json.ts";
import { parseAnswerObject } from "../openai-shared/answer-object.ts";
import { answeredError } from "../openai-shared/errors.ts";
import type { ToolNames } from "../translation.ts";
import { brokenResponse, readEnd, readHead } from "./answer-end.ts";
import { argumentsOf, isCall, parseItem, textOf } from "./answer-items.ts";
import { usageOf } from "./usage.ts";

/**
 * Parses a response object (`Response` of the npm package `openai` 7.57): each part of a message, each reasoning and each call is a block, and items
 * that only this vendor understands are opaque.
 * @throws GatewayError `upstream_invalid_response` if it is not a response; AnsweredError if the response failed.
 */
export function parseResponse(body: string, toolNames?: ToolNames): ChatResponse {
  const wire = parseAnswerObject(body);
  if (wire["output"] === undefined) throw answeredError(wire);
  const head = readHead(wire);
  const broken = brokenResponse(wire);
  if (broken !== undefined) {
    const facts = isError(wire["error"]) ? undefined : compact({ id: head.id, model: head.model, usage: usageOf(wire) });
    throw new AnsweredError(broken, facts);
  }
  if (!Array.isArray(wire["output"])) throw new GatewayError("upstream_invalid_response", "The provider's answer has no output.");
  const context = { toolNames, ids: new Set<string>() };
  const fault = firstFault(objectsOf(wire["output"]));
  if (fault !== undefined) throw new AnsweredError(fault, compact({ id: head.id, model: head.model, usage: usageOf(wire) }));
  const content = objectsOf(wire["output"]).flatMap((item, index) => parseItem(item, `${head.id} ${index}`, context));
  const holds = (type: string): boolean => content.some((block) => block.type === type);
  return {
    content,
    ...head,
    ...readEnd(wire, { calls: holds("tool-call"), refusal: holds("refusal") }),
    usage: usageOf(wire) ?? {},
  };
}

/** What is wrong with a call of the answer. */
function firstFault(items: readonly WireObject[]): UpstreamError | undefined {
  for (const item of items) {
    const kind = item["type"] === "custom_tool_call" ? "custom" : "function";
    const fault = isCall(item) ? faultOfCall({ name: textOf(item["name"]), kind, arguments: argumentsOf(item) }) : undefined;
    if (fault !== undefined) return fault;
  }
  return undefined;
}
