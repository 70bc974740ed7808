import { GatewayError, hasMoreValues, parseExact, parseLatin1, type Bytes } from "../../core/index.ts";
import type { Block, ChatRequest, JsonSchema } from "../../ir/index.ts";
import type { GatewaySnapshot } from "../deps.ts";
import type { ModelCall } from "../model-call.ts";

/** Parses the client's body, which costs more the more values it holds. @throws GatewayError `body_too_complex`, `invalid_json`. */
export function parseBody(call: ModelCall): unknown {
  checkValues(call, call.request.text);
  return parseLatin1(call.request.text);
}

/** The same for a translation: numbers that must go out as they were written are kept so. `text`: the body, maybe with edits of the gateway's own. */
export function parseExactBody(call: ModelCall, text: Bytes): unknown {
  checkValues(call, text);
  return parseExact(text, call.request.protocol.exactValues);
}

/**
 * Arguments and results of tools are text in some dialects and JSON on other wires, so they are parsed, too.
 * @throws GatewayError `body_too_complex` if they hold more values in all than a body may.
 */
export function checkTexts(call: ModelCall, { messages }: ChatRequest): void {
  const limit = call.current.maxValues;
  if (call.request.text.length <= limit) return;
  let text = "";
  const take = (block: Block): void => {
    if (block.type === "tool-call") text += block.arguments;
    else if (block.type === "tool-result") block.content.forEach(take);
    else if (block.type === "text" && /^\s*[[{]/.test(block.text)) text += block.text;
  };
  for (const { role, content } of messages) if (role !== "system") for (const block of content) if (block.type !== "text") take(block);
  if (hasMoreValues(text, limit)) throw tooComplex(limit);
}

/** More tools than any vendor takes: each gets a name of the other protocol. */
const maxTools = 10_000;

/** Of all schemas of a request together: each pass over a schema of 80,000 definitions takes tens of milliseconds. */
const maxDefinitions = 10_000;

/** @throws GatewayError `body_too_complex`. */
export function checkTools({ tools = [], responseFormat }: ChatRequest): void {
  if (tools.length > maxTools)
    throw new GatewayError("body_too_complex", `The request has ${tools.length} tools. A request that is translated may have ${maxTools}.`);
  let definitions = responseFormat?.type === "json-schema" ? countDefinitions(responseFormat.schema) : 0;
  for (const tool of tools) if (tool.type === "function") definitions += countDefinitions(tool.parameters);
  if (definitions > maxDefinitions) {
    throw new GatewayError(
      "body_too_complex",
      `The schemas of the request have ${definitions} definitions. A request that is translated may have ${maxDefinitions}.`,
    );
  }
}

function countDefinitions(schema: JsonSchema | undefined): number {
  if (typeof schema !== "object") return 0;
  let count = 0;
  for (const list of [schema["$defs"], schema["definitions"]]) {
    if (typeof list === "object" && list !== null) for (const _ in list) count++;
  }
  return count;
}

/** What is parsed beside the body counts like it. @throws GatewayError `body_too_complex`. */
export function checkValues({ current: { maxValues } }: ModelCall, text: string): void {
  if (hasMoreValues(text, maxValues)) throw tooComplex(maxValues);
}

/** Values and names in one answer, or one event, for each that a request may contain: an answer with probabilities of tokens has many. */
const valuesOfAnswer = 2;
/** In all events of a stream that is taken in whole, and in vectors, which are numbers alone. */
const valuesOfStream = 4;

/** An upstream's answer is parsed in one piece, too. `undefined`: it holds no more values than may be. Text in any coding. */
export function refuseAnswer(
  text: string,
  provider: string,
  { maxValues }: Pick<GatewaySnapshot, "maxValues">,
  isLong = false,
): GatewayError | undefined {
  const limit = maxValues * (isLong ? valuesOfStream : valuesOfAnswer);
  if (!hasMoreValues(text, limit)) return undefined;
  return new GatewayError(
    "upstream_invalid_response",
    `The provider "${provider}" answered more than ${limit} values and names, the limit for an answer that the gateway has to parse.`,
    // Another try would cost as much, and end alike.
    { refusal: { kind: "client" } },
  );
}

function tooComplex(limit: number): GatewayError {
  return new GatewayError(
    "body_too_complex",
    `The body holds more than ${limit} values and names, the limit for a request that the gateway has to parse (gateway.limits.values).`,
  );
}
