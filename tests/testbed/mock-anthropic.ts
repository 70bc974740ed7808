import type Anthropic from "@anthropic-ai/sdk";
import type { JsonObject } from "./json.ts";
import { asArray, asObject, asObjects, asString, isObject } from "./json.ts";
import type { Piece } from "./pieces.ts";
import { planPieces } from "./pieces.ts";
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
import { validateAnthropic } from "./validate-anthropic.ts";

type StreamEvent = Anthropic.RawMessageStreamEvent | { type: "ping" };
type Block = Anthropic.TextBlock | Anthropic.ThinkingBlock | Anthropic.ToolUseBlock;

/** Anthropic Messages, `POST /v1/messages` (Anthropic API reference, November 2026; typed by @anthropic-ai/sdk 1.12). */
export const anthropicMock: ProtocolMock = {
  readFacts,
  validate: validateAnthropic,
  renderJson,
  renderStream,
  renderError,
  renderErrorEvent: (error, answer) => `event: error\ndata: ${JSON.stringify(renderError(error, answer.serial).body)}\n\n`,
  headers: anthropicHeaders,
};

const STOP_REASONS: Readonly<Record<ScenarioStop, Anthropic.StopReason>> = {
  end: "end_turn",
  tool: "tool_use",
  length: "max_tokens",
  filter: "refusal",
  "stop-sequence": "stop_sequence",
  pause: "pause_turn",
  "context-window": "model_context_window_exceeded",
  "malformed-call": "end_turn",
};

const ERROR_TYPES: Readonly<Record<number, readonly [type: string, message: string]>> = {
  400: ["invalid_request_error", "The request is not valid."],
  401: ["authentication_error", "invalid x-api-key"],
  403: ["permission_error", "Your API key does not have permission to use the specified resource."],
  404: ["not_found_error", "model: not found"],
  413: ["request_too_large", "Request exceeds the maximum allowed number of bytes."],
  422: ["invalid_request_error", "The request could not be processed."],
  429: ["rate_limit_error", "This request would exceed your organization rate limit."],
  504: ["timeout_error", "The request timed out."],
  529: ["overloaded_error", "Overloaded"],
};

function readFacts(body: JsonObject): RequestFacts {
  const choice = asObject(body["tool_choice"]);
  const format = asObject(asObject(body["output_config"])["format"]);
  const messages = asObjects(body["messages"]);
  const sinceModel = messages.slice(messages.findLastIndex((message) => message["role"] === "assistant") + 1);
  const thinking = asString(asObject(body["thinking"])["type"]);
  const optional = choice["type"] === "none" ? "none" : "auto";
  return {
    // Server tools have no `input_schema` and run on the vendor's side: they are never called by the client.
    tools: asObjects(body["tools"])
      .filter((tool) => isObject(tool["input_schema"]))
      .map((tool) => ({
        name: asString(tool["name"]) ?? "",
        kind: "function",
        namespace: undefined,
        schema: asObject(tool["input_schema"]),
      })),
    toolChoice: choice["type"] === "tool" ? { force: asString(choice["name"]) ?? "" } : optional,
    lastTurn: sinceModel.some((message) => asObjects(message["content"]).some((block) => block["type"] === "tool_result"))
      ? "tool-result"
      : "user",
    reasoningAsked: thinking === "enabled" || thinking === "adaptive",
    schema: format["type"] === "json_schema" ? asObject(format["schema"]) : undefined,
    stopSequence: asString(asArray(body["stop_sequences"])[0]),
  };
}

function renderJson(answer: Answer): Anthropic.Message {
  const { scenario } = answer;
  const texts = [...scenario.text, ...(scenario.refusal === undefined ? [] : [scenario.refusal])];
  const content: Block[] = [];
  if (scenario.reasoning.length > 0) {
    content.push({
      type: "thinking",
      thinking: isThinkingOmitted(answer) ? "" : scenario.reasoning.join(""),
      signature: signature(answer),
    });
  }
  if (texts.length > 0) content.push({ type: "text", text: texts.join(""), citations: null });
  for (const call of scenario.toolCalls) content.push({ ...toolUseStart(call), input: parseInput(call) });
  return { ...emptyMessage(answer, scenario.usage), content, ...stopFields(answer) };
}

function renderStream(answer: Answer): StreamScript {
  const { usage } = answer.scenario;
  const earlyUsage = { ...usage, output: 1, reasoning: 0 };
  const blocks = createBlockWriter(answer);
  const opening = frame({ type: "message_start", message: emptyMessage(answer, earlyUsage) }) + frame({ type: "ping" });
  const pieces = planPieces(answer.scenario).map((piece) => blocks.write(piece));
  const finish =
    blocks.close() + frame({ type: "message_delta", delta: { ...stopFields(answer), container: null }, usage: deltaUsage(usage) });
  return { opening, pieces, finish, end: frame({ type: "message_stop" }), earlyUsage, usage };
}

/** Writes pieces as strictly serial content blocks: each is opened before its first delta and closed before the next. */
function createBlockWriter(answer: Answer): { write: (piece: Piece) => string; close: () => string } {
  let index = -1;
  let openKey: string | undefined;
  const close = (): string => {
    if (openKey === undefined) return "";
    const isThinking = openKey === "reasoning";
    openKey = undefined;
    const signed = isThinking
      ? frame({ type: "content_block_delta", index, delta: { type: "signature_delta", signature: signature(answer) } })
      : "";
    return signed + frame({ type: "content_block_stop", index });
  };
  const write = (piece: Piece): string => {
    const kind = piece.kind === "reasoning" ? "reasoning" : "text";
    const key = piece.kind === "tool" ? piece.call.id : kind;
    let frames = "";
    if (key !== openKey) {
      frames += close();
      index += 1;
      openKey = key;
      frames += frame({ type: "content_block_start", index, content_block: blockStart(piece) });
    }
    if (piece.kind === "reasoning" && isThinkingOmitted(answer)) return frames;
    return frames + frame({ type: "content_block_delta", index, delta: blockDelta(piece) });
  };
  return { write, close };
}

function blockStart(piece: Piece): Block {
  if (piece.kind === "reasoning") return { type: "thinking", thinking: "", signature: "" };
  if (piece.kind === "tool") return toolUseStart(piece.call);
  return { type: "text", text: "", citations: null };
}

function blockDelta(piece: Piece): Anthropic.RawContentBlockDelta {
  switch (piece.kind) {
    case "reasoning":
      return { type: "thinking_delta", thinking: piece.text };
    case "text":
    case "refusal":
      return { type: "text_delta", text: piece.text };
    case "tool":
      return { type: "input_json_delta", partial_json: piece.fragment };
  }
}

function toolUseStart(call: ResolvedToolCall): Anthropic.ToolUseBlock {
  return { type: "tool_use", id: call.id, name: call.name, input: {}, caller: { type: "direct" } };
}

function parseInput(call: ResolvedToolCall): unknown {
  try {
    return JSON.parse(call.argumentsText);
  } catch {
    // A vendor never sends broken JSON here; a scenario that asks for it gets the text, to see how a client copes.
    return call.argumentsText;
  }
}

function stopFields(answer: Answer): Pick<Anthropic.Message, "stop_reason" | "stop_sequence" | "stop_details"> {
  const { rawStop, stop, refusal } = answer.scenario;
  const reason = refusal !== undefined && stop === "end" ? "refusal" : STOP_REASONS[stop];
  return {
    stop_reason: (rawStop as Anthropic.StopReason | undefined) ?? reason,
    stop_sequence: reason === "stop_sequence" ? (answer.facts.stopSequence ?? "STOP") : null,
    stop_details: reason === "refusal" ? { type: "refusal", category: null, explanation: null } : null,
  };
}

function emptyMessage(answer: Answer, usage: ScenarioUsage): Anthropic.Message {
  return {
    model: answer.model,
    id: `msg_mock${answer.serial}`,
    type: "message",
    role: "assistant",
    content: [],
    container: null,
    diagnostics: null,
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    usage: renderUsage(usage),
  };
}

function renderUsage(usage: ScenarioUsage): Anthropic.Usage {
  return {
    ...deltaUsage(usage),
    input_tokens: freshInput(usage),
    cache_creation: { ephemeral_5m_input_tokens: usage.cacheWrite5m, ephemeral_1h_input_tokens: usage.cacheWrite1h },
    service_tier: "standard",
    inference_geo: "not_available",
    speed: null,
  };
}

function deltaUsage(usage: ScenarioUsage): Anthropic.MessageDeltaUsage {
  return {
    input_tokens: freshInput(usage),
    cache_creation_input_tokens: usage.cacheWrite5m + usage.cacheWrite1h,
    cache_read_input_tokens: usage.cached,
    output_tokens: usage.output,
    output_tokens_details: { thinking_tokens: usage.reasoning },
    server_tool_use: null,
  };
}

/** Anthropic's `input_tokens` is what was neither read from the cache nor written to it. */
function freshInput(usage: ScenarioUsage): number {
  return Math.max(0, usage.input - usage.cached - usage.cacheWrite5m - usage.cacheWrite1h);
}

function isThinkingOmitted(answer: Answer): boolean {
  return asObject(answer.request["thinking"])["display"] === "omitted";
}

function signature(answer: Answer): string {
  return Buffer.from(`anthropic-signature-${answer.serial}`).toString("base64");
}

function anthropicHeaders(serial: number): Readonly<Record<string, string>> {
  return {
    "request-id": `req_mock${serial}`,
    "anthropic-organization-id": "org-mock",
    "anthropic-ratelimit-requests-limit": "1000",
    "anthropic-ratelimit-requests-remaining": "999",
  };
}

/** `{"type":"error","error":{"details","type","message"},"request_id"}` (Anthropic API reference, "Errors", November 2026). */
function renderError(error: ScenarioError, serial: number): WireError {
  const [type, message] =
    ERROR_TYPES[error.status] ?? (error.status >= 500 ? ["api_error", "Internal server error"] : ["invalid_request_error", "Bad request"]);
  const details = error.code === undefined ? null : { error_code: error.code };
  return {
    status: error.status,
    headers: anthropicHeaders(serial),
    body: { type: "error", error: { details, type, message: error.message ?? message }, request_id: `req_mock${serial}` },
  };
}

function frame(event: StreamEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
