import type { GenerateContentResponse, Part } from "@google/genai";
import type { JsonObject } from "./json.ts";
import { asArray, asObject, asObjects, asString } from "./json.ts";
import { planPieces } from "./pieces.ts";
import { toolChoiceOf } from "./scenario.ts";
import type {
  Answer,
  ProtocolMock,
  RequestFacts,
  ResolvedToolCall,
  ScenarioError,
  ScenarioStop,
  ScenarioUsage,
  StreamScript,
  WireError,
} from "./scenario.ts";

/** The SDK's enums as the strings they are on the wire, its getters left out. */
type Wire<T> = T extends string
  ? `${T}`
  : T extends readonly (infer U)[]
    ? Wire<U>[]
    : T extends object
      ? { [K in keyof T]: Wire<T[K]> }
      : T;
type Chunk = Wire<Pick<GenerateContentResponse, "candidates" | "usageMetadata" | "modelVersion" | "responseId" | "promptFeedback">>;
type WireUsage = NonNullable<Chunk["usageMetadata"]>;
type FinishReason = NonNullable<NonNullable<Chunk["candidates"]>[number]["finishReason"]>;
type WirePart = Wire<Part>;

/** Gemini API, `:generateContent` and `:streamGenerateContent` (Gemini API reference, November 2026; typed by @google/genai 3.1). */
export const geminiMock: ProtocolMock = {
  readFacts,
  validate,
  renderJson,
  renderStream: (answer) => renderStream(answer, SSE),
  renderError,
  renderErrorEvent: (error) => SSE.first(renderError(error).body),
  headers: geminiHeaders,
};

/** The same protocol without `alt=sse`: the stream is one JSON array, an element at a time. */
export const geminiArrayMock: ProtocolMock = {
  ...geminiMock,
  renderStream: (answer) => renderStream(answer, ARRAY),
  renderErrorEvent: (error, _answer, first) => (first ? ARRAY.first : ARRAY.next)(renderError(error).body) + ARRAY.end,
};

type Framing = { readonly first: (value: object) => string; readonly next: (value: object) => string; readonly end: string };
/** Google ends its lines with CRLF. */
const SSE: Framing = { first: sseFrame, next: sseFrame, end: "" };
const ARRAY: Framing = { first: (value) => `[${JSON.stringify(value)}`, next: (value) => `\n,\r\n${JSON.stringify(value)}`, end: "\n]\n" };

const FINISH_REASONS: Readonly<Record<ScenarioStop, FinishReason>> = {
  end: "STOP",
  tool: "STOP",
  length: "MAX_TOKENS",
  filter: "SAFETY",
  "stop-sequence": "STOP",
  pause: "OTHER",
  "context-window": "MAX_TOKENS",
  "malformed-call": "MALFORMED_FUNCTION_CALL",
};

const STATUS_NAMES: Readonly<Record<number, readonly [status: string, message: string]>> = {
  400: ["INVALID_ARGUMENT", "Request contains an invalid argument."],
  401: ["UNAUTHENTICATED", "Request had invalid authentication credentials."],
  403: ["PERMISSION_DENIED", "The caller does not have permission"],
  404: ["NOT_FOUND", "models/mock is not found for API version v1beta, or is not supported for generateContent."],
  429: ["RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details."],
  500: ["INTERNAL", "An internal error has occurred."],
  503: ["UNAVAILABLE", "The model is overloaded. Please try again later."],
  504: ["DEADLINE_EXCEEDED", "The service is unable to finish processing within the deadline."],
};

function readFacts(body: JsonObject): RequestFacts {
  const config = asObject(body["generationConfig"]);
  const calling = asObject(asObject(body["toolConfig"])["functionCallingConfig"]);
  const forced = calling["mode"] === "ANY" ? asString(asArray(calling["allowedFunctionNames"])[0]) : undefined;
  const isJsonAsked = config["responseMimeType"] === "application/json";
  const schema = config["responseJsonSchema"] ?? config["responseSchema"];
  const contents = asObjects(body["contents"]);
  const sinceModel = contents.slice(contents.findLastIndex((content) => content["role"] === "model") + 1);
  return {
    tools: asObjects(body["tools"])
      .flatMap((tool) => asObjects(tool["functionDeclarations"]))
      .map((spec) => ({
        name: asString(spec["name"]) ?? "",
        kind: "function",
        namespace: undefined,
        schema: asObject(spec["parametersJsonSchema"] ?? spec["parameters_json_schema"] ?? spec["parameters"]),
      })),
    toolChoice: toolChoiceOf(calling["mode"] === "NONE", forced),
    lastTurn: sinceModel.some((content) => asObjects(content["parts"]).some((part) => part["functionResponse"] !== undefined))
      ? "tool-result"
      : "user",
    reasoningAsked: asObject(config["thinkingConfig"])["includeThoughts"] === true,
    schema: isJsonAsked && schema !== undefined ? asObject(schema) : undefined,
    stopSequence: asString(asArray(config["stopSequences"])[0]),
  };
}

function validate(body: JsonObject, model: string | undefined): ScenarioError | null {
  const contents = asObjects(body["contents"]);
  if (contents.length === 0) return { status: 400, message: "* GenerateContentRequest.contents: contents is not specified\n" };
  let calls = 0;
  for (const content of contents) {
    const parts = asObjects(content["parts"]);
    if (content["role"] === "model") {
      // One turn may come as several contents: the Python SDK records one for each chunk of a stream.
      calls += parts.filter((part) => part["functionCall"] !== undefined).length;
      continue;
    }
    if (parts.filter((part) => part["functionResponse"] !== undefined).length !== calls) {
      return {
        status: 400,
        message:
          "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.",
      };
    }
    calls = 0;
  }
  return isGemini3(model ?? "") ? validateSignatures(contents) : null;
}

function isGemini3(model: string): boolean {
  return model.startsWith("gemini-3");
}

/** Gemini 3 wants the signature back on the first call of each step since the user last spoke. */
function validateSignatures(contents: readonly JsonObject[]): ScenarioError | null {
  const turnStart = contents.findLastIndex(
    (content) => content["role"] !== "model" && asObjects(content["parts"]).some((part) => part["text"] !== undefined),
  );
  let isStepSigned = false;
  for (const [at, content] of contents.entries()) {
    if (content["role"] !== "model") isStepSigned = false;
    if (at < turnStart || content["role"] !== "model" || isStepSigned) continue;
    const call = asObjects(content["parts"]).find((part) => part["functionCall"] !== undefined);
    if (call === undefined) continue;
    isStepSigned = typeof call["thoughtSignature"] === "string";
    if (!isStepSigned) {
      const name = asString(asObject(call["functionCall"])["name"]) ?? "";
      return {
        status: 400,
        message: `Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call \`default_api:${name}\` , position ${at + 1}.`,
      };
    }
  }
  return null;
}

function renderJson(answer: Answer): Chunk {
  const { scenario } = answer;
  const text = [...scenario.text, scenario.refusal ?? ""].join("");
  const parts: WirePart[] = [];
  if (scenario.reasoning.length > 0) parts.push({ text: scenario.reasoning.join(""), thought: true });
  if (text !== "") parts.push({ text, ...textSignature(answer) });
  parts.push(...scenario.toolCalls.map((call, index) => callPart(answer, call, index)));
  return chunk(answer, parts, fullUsage(scenario.usage), finishReason(answer));
}

function renderStream(answer: Answer, framing: Framing): StreamScript {
  const { usage } = answer.scenario;
  const pieces = planPieces(answer.scenario, { wholeToolCalls: true }).map((piece, at) => {
    const part =
      piece.kind === "tool"
        ? callPart(answer, piece.call, piece.index)
        : { text: piece.text, ...(piece.kind === "reasoning" ? { thought: true } : {}) };
    const write = at === 0 ? framing.first : framing.next;
    return write(chunk(answer, [part], earlyUsageMetadata(usage)));
  });
  const last = chunk(answer, [{ text: "", ...textSignature(answer) }], fullUsage(usage), finishReason(answer));
  return {
    opening: "",
    pieces,
    finish: (pieces.length === 0 ? framing.first : framing.next)(last),
    end: framing.end,
    earlyUsage: pieces.length === 0 ? null : { ...usage, cached: 0, cacheWrite5m: 0, cacheWrite1h: 0, output: 0, reasoning: 0 },
    usage,
  };
}

function chunk(answer: Answer, parts: WirePart[], usageMetadata: WireUsage, finish?: FinishReason): Chunk {
  return {
    candidates: [{ content: { parts, role: "model" }, ...(finish === undefined ? {} : { finishReason: finish }), index: 0 }],
    usageMetadata,
    modelVersion: answer.model,
    responseId: `rmock${answer.serial}`,
  };
}

/** Gemini 3 signs an answer without calls on its last text, in a stream on an empty one behind it (Gemini API, "Thought signatures", November 2026). */
function textSignature(answer: Answer): Pick<WirePart, "thoughtSignature"> {
  return answer.scenario.toolCalls.length === 0 && isGemini3(answer.model) ? { thoughtSignature: signature(answer) } : {};
}

function callPart(answer: Answer, call: ResolvedToolCall, index: number): WirePart {
  return {
    functionCall: { name: call.name, args: parseArguments(call), id: call.id },
    ...(index === 0 ? { thoughtSignature: signature(answer) } : {}),
  };
}

function parseArguments(call: ResolvedToolCall): Record<string, unknown> {
  try {
    return JSON.parse(call.argumentsText) as Record<string, unknown>;
  } catch {
    // Gemini has no place for text that is no JSON; what it does itself is to end with MALFORMED_FUNCTION_CALL.
    return {};
  }
}

/** Gemini counts thoughts apart from the candidates, and cached tokens inside the prompt. */
function fullUsage(usage: ScenarioUsage): WireUsage {
  return {
    promptTokenCount: usage.input,
    candidatesTokenCount: usage.output - usage.reasoning,
    totalTokenCount: usage.input + usage.output,
    ...(usage.cached > 0 ? { cachedContentTokenCount: usage.cached } : {}),
    ...(usage.reasoning > 0 ? { thoughtsTokenCount: usage.reasoning } : {}),
    promptTokensDetails: [{ modality: "TEXT", tokenCount: usage.input }],
  };
}

function earlyUsageMetadata(usage: ScenarioUsage): WireUsage {
  return { promptTokenCount: usage.input, totalTokenCount: usage.input };
}

function finishReason(answer: Answer): FinishReason {
  const { rawStop, stop, refusal } = answer.scenario;
  if (rawStop !== undefined) return rawStop as FinishReason;
  return refusal !== undefined && stop === "end" ? "SAFETY" : FINISH_REASONS[stop];
}

function signature(answer: Answer): string {
  return Buffer.from(`gemini-signature-${answer.serial}`).toString("base64");
}

function geminiHeaders(): Readonly<Record<string, string>> {
  return { vary: "Origin, X-Origin, Referer", "server-timing": "gfet4t7; dur=12", "x-content-type-options": "nosniff" };
}

/** `{"error":{"code","message","status","details"?}}` (google.rpc.Status as the Gemini API writes it, November 2026). */
function renderError(error: ScenarioError): WireError {
  const [status, message] =
    STATUS_NAMES[error.status] ??
    (error.status >= 500 ? ["INTERNAL", "Internal error encountered."] : ["INVALID_ARGUMENT", "Bad request."]);
  const reason = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    reason: error.code,
    domain: "googleapis.com",
    metadata: { service: "generativelanguage.googleapis.com" },
  };
  const details = error.code === undefined ? {} : { details: [reason] };
  return {
    status: error.status,
    headers: geminiHeaders(),
    body: { error: { code: error.status, message: error.message ?? message, status, ...details } },
  };
}

function sseFrame(value: object): string {
  return `data: ${JSON.stringify(value)}\r\n\r\n`;
}
