import type OpenAI from "openai";
import type { JsonObject } from "./json.ts";
import { asArray, asObject, asObjects, asString } from "./json.ts";
import { badParameter, missingParameter, openAiErrorObject, openAiHeaders, renderOpenAiError } from "./openai-error.ts";
import type { Piece } from "./pieces.ts";
import { planPieces } from "./pieces.ts";
import { toolChoiceOf } from "./scenario.ts";
import type { Answer, ProtocolMock, RequestFacts, ResolvedToolCall, ScenarioError, ScenarioUsage, StreamScript } from "./scenario.ts";

type Chunk = OpenAI.Chat.Completions.ChatCompletionChunk;
/** DeepSeek and vLLM stream reasoning in this field; OpenAI itself has none. */
type Delta = Chunk["choices"][number]["delta"] & { reasoning_content?: string };
type Message = OpenAI.Chat.Completions.ChatCompletionMessage & { reasoning_content?: string };
type FinishReason = NonNullable<Chunk["choices"][number]["finish_reason"]>;

/** OpenAI Chat Completions, `POST /v1/chat/completions` (OpenAI API reference, November 2026; typed by openai-node 7.57). */
export const openAiChatMock: ProtocolMock = {
  readFacts,
  validate,
  renderJson,
  renderStream,
  renderError: renderOpenAiError,
  renderErrorEvent: (error) => frame({ error: openAiErrorObject(error) }),
  headers: openAiHeaders,
};

function readFacts(body: JsonObject): RequestFacts {
  const format = asObject(body["response_format"]);
  const choice = body["tool_choice"];
  const forced = asString(asObject(asObject(choice)["function"])["name"]);
  return {
    tools: asObjects(body["tools"]).map((tool) => {
      const spec = asObject(tool["function"]);
      return { name: asString(spec["name"]) ?? "", kind: "function", namespace: undefined, schema: asObject(spec["parameters"]) };
    }),
    toolChoice: toolChoiceOf(choice === "none", forced),
    lastTurn: lastTurn(asObjects(body["messages"])),
    // OpenAI reports reasoning tokens here but streams no reasoning; a scenario has to name the pieces.
    reasoningAsked: false,
    schema: format["type"] === "json_schema" ? asObject(asObject(format["json_schema"])["schema"]) : undefined,
    stopSequence: asString(body["stop"]) ?? asString(asArray(body["stop"])[0]),
  };
}

function lastTurn(messages: readonly JsonObject[]): "user" | "tool-result" {
  const sinceModel = messages.slice(messages.findLastIndex((message) => message["role"] === "assistant") + 1);
  return sinceModel.some((message) => message["role"] === "tool") ? "tool-result" : "user";
}

function validate(body: JsonObject): ScenarioError | null {
  const model = asString(body["model"]);
  if (model === undefined || model === "") return { status: 400, message: "you must provide a model parameter" };
  if (!Array.isArray(body["messages"])) return missingParameter("messages");
  const messages = asObjects(body["messages"]);
  if (messages.length === 0) {
    return badParameter(
      "messages",
      "empty_array",
      "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
    );
  }
  if (Array.isArray(body["tools"]) && body["tools"].length === 0) {
    return badParameter(
      "tools",
      "empty_array",
      "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.",
    );
  }
  if (body["tools"] === undefined && body["tool_choice"] !== undefined) {
    return badParameter(
      "tool_choice",
      undefined,
      "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
    );
  }
  if (body["stream"] !== true && body["stream_options"] !== undefined && body["stream_options"] !== null) {
    return badParameter("stream_options", undefined, "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
  }
  if (typeof body["max_tokens"] === "number" && /^(o\d|gpt-[5-9])/.test(model)) {
    return badParameter(
      "max_tokens",
      "unsupported_parameter",
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    );
  }
  return validateToolTurns(messages);
}

/** Every assistant turn with calls is followed at once by one tool message per call, and tool messages stand nowhere else. */
function validateToolTurns(messages: readonly JsonObject[]): ScenarioError | null {
  let open = new Set<string>();
  let answered = false;
  for (const [index, message] of [...messages, {}].entries()) {
    if (message["role"] === "tool") {
      const id = asString(message["tool_call_id"]) ?? "";
      if (!open.delete(id)) {
        const reason = answered
          ? `'tool_call_id' of '${id}' not found in 'tool_calls' of previous message.`
          : "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.";
        return badParameter(`messages.[${index}].role`, undefined, `Invalid parameter: ${reason}`);
      }
      continue;
    }
    if (open.size > 0) {
      const ids = [...open].join(", ");
      return badParameter(
        `messages.[${index}].role`,
        undefined,
        `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${ids}`,
      );
    }
    const calls = message["role"] === "assistant" ? asObjects(message["tool_calls"]) : [];
    open = new Set(calls.map((call) => asString(call["id"]) ?? ""));
    answered = calls.length > 0;
  }
  return null;
}

function renderJson(answer: Answer): OpenAI.Chat.Completions.ChatCompletion {
  const { scenario } = answer;
  const message: Message = {
    role: "assistant",
    content: scenario.text.length > 0 ? scenario.text.join("") : null,
    refusal: scenario.refusal ?? null,
    annotations: [],
    ...(scenario.reasoning.length > 0 ? { reasoning_content: scenario.reasoning.join("") } : {}),
    ...(scenario.toolCalls.length > 0 ? { tool_calls: scenario.toolCalls.map(renderToolCall) } : {}),
  };
  return {
    id: completionId(answer),
    object: "chat.completion",
    created: answer.createdAt,
    model: answer.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason(answer) }],
    usage: renderUsage(scenario.usage),
    service_tier: "default",
    system_fingerprint: "fp_mock",
  };
}

function renderToolCall(call: ResolvedToolCall): OpenAI.Chat.Completions.ChatCompletionMessageFunctionToolCall {
  return { id: call.id, type: "function", function: { name: call.name, arguments: call.argumentsText } };
}

function renderStream(answer: Answer): StreamScript {
  const isUsageAsked = asObject(answer.request["stream_options"])["include_usage"] === true;
  const head = {
    id: completionId(answer),
    object: "chat.completion.chunk",
    created: answer.createdAt,
    model: answer.model,
    service_tier: "default",
    system_fingerprint: "fp_mock",
  } as const;
  // If usage was requested, it is null on every chunk, and complete on one chunk without choices.
  const chunk = (delta: Delta, finish: FinishReason | null): string =>
    frame({
      ...head,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      ...(isUsageAsked ? { usage: null } : {}),
    } satisfies Chunk);
  const { usage } = answer.scenario;
  const usageChunk = frame({ ...head, choices: [], usage: renderUsage(usage) } satisfies Chunk);
  return {
    opening: chunk({ role: "assistant", content: "", refusal: null }, null),
    pieces: planPieces(answer.scenario).map((piece) =>
      renderPiece(piece)
        .map((delta) => chunk(delta, null))
        .join(""),
    ),
    finish: chunk({}, finishReason(answer)) + (isUsageAsked ? usageChunk : ""),
    end: "data: [DONE]\n\n",
    earlyUsage: null,
    usage: isUsageAsked ? usage : null,
  };
}

function renderPiece(piece: Piece): readonly Delta[] {
  switch (piece.kind) {
    case "reasoning":
      return [{ reasoning_content: piece.text }];
    case "text":
      return [{ content: piece.text }];
    case "refusal":
      return [{ refusal: piece.text }];
    case "tool": {
      const start: Delta = {
        tool_calls: [{ index: piece.index, id: piece.call.id, type: "function", function: { name: piece.call.name, arguments: "" } }],
      };
      const more: Delta = { tool_calls: [{ index: piece.index, function: { arguments: piece.fragment } }] };
      return piece.isFirst ? [start, more] : [more];
    }
  }
}

function renderUsage(usage: ScenarioUsage): OpenAI.Completions.CompletionUsage {
  const written = usage.cacheWrite5m + usage.cacheWrite1h;
  return {
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    prompt_tokens_details: { cached_tokens: usage.cached, audio_tokens: 0, ...(written > 0 ? { cache_write_tokens: written } : {}) },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

function finishReason(answer: Answer): FinishReason {
  const { rawStop, stop } = answer.scenario;
  if (rawStop !== undefined) return rawStop as FinishReason;
  if (stop === "tool") return "tool_calls";
  if (stop === "length" || stop === "context-window") return "length";
  return stop === "filter" ? "content_filter" : "stop";
}

function completionId(answer: Answer): string {
  return `chatcmpl-mock${answer.serial}`;
}

function frame(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}
