import { GatewayError } from "../../core/index.ts";
import type { Block, Candidate, ChatResponse, Citation, MediaBlock, ToolCallBlock } from "../../ir/index.ts";
import { AnsweredError, isError } from "../shared/answered-error.ts";
import { objectsOf, isObject, type WireObject } from "../shared/fields.ts";
import { parseAnswerObject } from "../openai-shared/answer-object.ts";
import { readErrorObject } from "../openai-shared/errors.ts";
import { sourceOfUrl } from "../shared/media-source.ts";
import { restoreArguments, restoreCall } from "../shared/restore-tool.ts";
import type { AnswerFacts } from "../protocol.ts";
import { takeCallId } from "../shared/tool-names.ts";
import type { ToolNames } from "../translation.ts";
import { readCall, readCitedPages, readHead, readSaid } from "./answer-fields.ts";
import { markReasoning } from "./returned-reasoning.ts";
import { faultOfCall } from "../shared/whole-json.ts";
import { brokenEndOfChoices, errorOfChoices } from "./choice-error.ts";
import { matchedStop, parseStopReason } from "./stop-reason.ts";
import { findUsage } from "./usage.ts";

/**
 * Parses a completion (`ChatCompletion` of the npm package `openai` 7.57, and what compatible servers add to it). Of several choices the first one is
 * the answer, and the others are alternatives. Order of the blocks: reasoning, text, refusal, calls, pictures, as the wire has no order.
 * @throws GatewayError `upstream_invalid_response` if it is not a completion; AnsweredError if the upstream sent an error with status 200.
 */
export function parseResponse(body: string, toolNames?: ToolNames): ChatResponse {
  const wire = parseAnswerObject(body);
  const choice = firstChoice(wire["choices"]);
  if (choice === undefined || isError(wire["error"])) throw faultOf(wire);
  const head = readHead(wire);
  const usage = findUsage(wire);
  const facts: AnswerFacts = { id: head.id, model: head.model, ...(usage === undefined ? {} : { usage }) };
  const failed = errorOfChoices(wire["choices"]);
  if (failed !== undefined) throw new AnsweredError(failed);
  const broken = brokenEndOfChoices(wire["choices"]);
  if (broken !== undefined) throw new AnsweredError(broken, facts);
  const pages = readCitedPages(wire);
  const choices = objectsOf(wire["choices"]);
  const others = choices.length === 1 ? [] : choices.filter((other) => other !== choice);
  return {
    usage: usage ?? {},
    ...head,
    ...withStop(parseChoice(choice, head.id, { toolNames, facts, pages }), matchedStop(choice)),
    ...(others.length === 0
      ? {}
      : { alternatives: others.map((other, index) => parseChoice(other, `${head.id} ${index + 1}`, { toolNames, facts, pages })) }),
  };
}

/** An answer that a stop sequence ended. */
function withStop(answer: Candidate, stopSequence: string | undefined): Candidate & Pick<ChatResponse, "stopSequence"> {
  return stopSequence === undefined || answer.stopReason !== "stop" ? answer : { ...answer, stopReason: "stop-sequence", stopSequence };
}

interface AnswerContext {
  readonly toolNames: ToolNames | undefined;
  readonly facts: AnswerFacts;
  readonly pages: readonly Citation[];
}

function parseChoice(choice: WireObject, answerId: string, context: AnswerContext): Candidate {
  const said = readSaid(isObject(choice["message"]) ? choice["message"] : {});
  const { reasoning, reasoningField, details, text, refusal } = said;
  const content: Block[] = [];
  if (reasoning !== "" || details.length > 0)
    content.push({ type: "reasoning", text: reasoning, proof: markReasoning(reasoningField, details) });
  if (text !== "") {
    const citations = said.citations.length > 0 ? said.citations : context.pages;
    content.push(citations.length === 0 ? { type: "text", text } : { type: "text", text, citations });
  }
  if (refusal !== "") content.push({ type: "refusal", text: refusal });
  if (said.calls.length > 0) {
    const ids = new Set<string>();
    for (const [index, call] of said.calls.entries()) content.push(parseCall(call, ids, `${answerId} ${index}`, context));
  }
  for (const image of said.images) content.push(...parseImage(image));
  const reason = choice["finish_reason"];
  const word = typeof reason === "string" && reason !== "" ? reason : undefined;
  const stopReason = parseStopReason(word, { calls: said.calls.length > 0, refusal: refusal !== "" });
  return word === undefined ? { content, stopReason } : { content, stopReason, rawStopReason: word };
}

/** The choice of index 0; a choice without an index is the first. */
export function firstChoice(choices: unknown): WireObject | undefined {
  return objectsOf(choices).find((choice) => (choice["index"] ?? 0) === 0);
}

function faultOf(wire: WireObject): Error {
  const error = readErrorObject(wire);
  if (error !== undefined) return new AnsweredError(error);
  return new GatewayError("upstream_invalid_response", "The provider's answer has no choices.");
}

/** Parses a call. A call without an id gets one that is the same at every reading of this answer. */
function parseCall(wire: WireObject, ids: Set<string>, seed: string, { toolNames, facts }: AnswerContext): ToolCallBlock {
  const piece = readCall(wire);
  const { id, name = "", kind, proof, arguments: text } = piece;
  const fault = faultOfCall(piece);
  if (fault !== undefined) throw new AnsweredError(fault, facts);
  const call = restoreCall({ type: "tool-call", id: takeCallId(ids, id, seed), name, kind }, toolNames);
  return { ...call.start, arguments: restoreArguments(call, text), ...(proof === undefined ? {} : { proof }) };
}

/** Pictures that the model made, in OpenRouter's form. */
export function parseImage(image: WireObject): MediaBlock[] {
  const inner = image["image_url"];
  const url = isObject(inner) ? inner["url"] : undefined;
  return typeof url === "string" ? [{ type: "media", kind: "image", source: sourceOfUrl(url) }] : [];
}
