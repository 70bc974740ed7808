import type OpenAI from "openai";
import { asArray, asObject, asString } from "./json.ts";
import type { Answer, ResolvedToolCall, ScenarioUsage } from "./scenario.ts";

/** A response as the wire has it: the SDK adds `output_text` itself. */
export type WireResponse = Omit<OpenAI.Responses.Response, "output_text" | "usage" | "user"> & {
  usage: OpenAI.Responses.ResponseUsage | null;
  user: string | null;
  store: boolean;
};
/** An output item the mock can make. */
export type OutputItem =
  | OpenAI.Responses.ResponseReasoningItem
  | OpenAI.Responses.ResponseOutputMessage
  | OpenAI.Responses.ResponseFunctionToolCall
  | OpenAI.Responses.ResponseCustomToolCall;

/** The whole output of an answer, every item completed. */
export function renderOutput(answer: Answer): readonly OutputItem[] {
  const { scenario } = answer;
  const items: OutputItem[] = [];
  if (scenario.reasoning.length > 0) items.push(reasoningItem(answer, scenario.reasoning.join("")));
  const content: OpenAI.Responses.ResponseOutputMessage["content"] = [];
  if (scenario.text.length > 0) content.push({ type: "output_text", annotations: [], logprobs: [], text: scenario.text.join("") });
  if (scenario.refusal !== undefined) content.push({ type: "refusal", refusal: scenario.refusal });
  if (content.length > 0) items.push(messageItem(answer, content));
  return [...items, ...scenario.toolCalls.map((call) => toolItem(call))];
}

/** A `reasoning` item; `encrypted_content` only where the request includes it. */
export function reasoningItem(answer: Answer, summary: string): OpenAI.Responses.ResponseReasoningItem {
  const isEncryptedAsked = asArray(answer.request["include"]).includes("reasoning.encrypted_content");
  return {
    id: `rs_mock${answer.serial}`,
    type: "reasoning",
    summary: summary === "" ? [] : [{ type: "summary_text", text: summary }],
    ...(isEncryptedAsked ? { encrypted_content: `gAAAAmock${answer.serial}==` } : {}),
  };
}

/** The assistant's `message` item with this content. */
export function messageItem(
  answer: Answer,
  content: OpenAI.Responses.ResponseOutputMessage["content"],
  status: "in_progress" | "completed" = "completed",
): OpenAI.Responses.ResponseOutputMessage {
  const phase = answer.scenario.toolCalls.length > 0 ? "commentary" : "final_answer";
  return { id: `msg_mock${answer.serial}`, type: "message", status, role: "assistant", content, phase };
}

/** A `function_call` or `custom_tool_call` item; before it is done its arguments are empty. */
export function toolItem(
  call: ResolvedToolCall,
  status: "in_progress" | "completed" = "completed",
): OpenAI.Responses.ResponseFunctionToolCall | OpenAI.Responses.ResponseCustomToolCall {
  const text = status === "completed" ? call.argumentsText : "";
  const suffix = call.id.replace(/^call_/, "");
  const namespace = call.namespace === undefined ? {} : { namespace: call.namespace };
  if (call.kind === "custom")
    return { id: `ctc_${suffix}`, type: "custom_tool_call", call_id: call.id, name: call.name, ...namespace, input: text };
  return { id: `fc_${suffix}`, type: "function_call", status, call_id: call.id, name: call.name, ...namespace, arguments: text };
}

/** The response object around an output; without `isDone` it is the one that opens a stream. */
export function renderResponse(answer: Answer, output: readonly OutputItem[], isDone = true): WireResponse {
  const { request, scenario } = answer;
  const reason = incompleteReason(answer);
  const end = reason === null ? "completed" : "incomplete";
  const reasoning = asObject(request["reasoning"]);
  const echoed = <T>(key: string, fallback: T): T => (request[key] === undefined ? fallback : (request[key] as T));
  return {
    id: `resp_mock${answer.serial}`,
    object: "response",
    access_programs: null,
    created_at: answer.createdAt,
    status: isDone ? end : "in_progress",
    background: false,
    error: null,
    incomplete_details: isDone && reason !== null ? { reason } : null,
    instructions: echoed("instructions", null),
    max_output_tokens: echoed("max_output_tokens", null),
    max_tool_calls: null,
    model: answer.model,
    output: [...output],
    parallel_tool_calls: echoed("parallel_tool_calls", true),
    previous_response_id: echoed("previous_response_id", null),
    prompt_cache_key: echoed("prompt_cache_key", null),
    reasoning: {
      effort: (asString(reasoning["effort"]) as OpenAI.ReasoningEffort) ?? null,
      summary: reasoning["summary"] === "auto" ? "auto" : null,
    },
    safety_identifier: echoed("safety_identifier", null),
    service_tier: "default",
    store: request["store"] !== false,
    temperature: echoed("temperature", 1),
    text: echoed("text", { format: { type: "text" }, verbosity: "medium" }),
    tool_choice: echoed("tool_choice", "auto"),
    tools: echoed("tools", []),
    top_logprobs: 0,
    top_p: echoed("top_p", 1),
    truncation: "disabled",
    usage: isDone ? renderUsage(scenario.usage) : null,
    user: null,
    metadata: echoed("metadata", {}),
  };
}

function incompleteReason(answer: Answer): "max_output_tokens" | "content_filter" | null {
  const { rawStop, stop } = answer.scenario;
  if (rawStop !== undefined) return rawStop as "max_output_tokens";
  if (stop === "length" || stop === "context-window") return "max_output_tokens";
  return stop === "filter" ? "content_filter" : null;
}

function renderUsage(usage: ScenarioUsage): OpenAI.Responses.ResponseUsage {
  return {
    input_tokens: usage.input,
    input_tokens_details: { cached_tokens: usage.cached, cache_write_tokens: usage.cacheWrite5m + usage.cacheWrite1h },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: usage.reasoning },
    total_tokens: usage.input + usage.output,
  };
}
