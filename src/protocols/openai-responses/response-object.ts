import type { ChatRequest, ResponseFormat, Usage } from "../../ir/index.ts";
import { withPrefix } from "../openai-shared/ids.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import { renderTools, renderToolChoice } from "./render-tools.ts";
import { renderUsage } from "./usage.ts";
import type { WireItem, WireResponse } from "./wire.ts";

/** The state of an answer, apart from the fields that repeat its request. */
export interface ResponseState {
  readonly id: string;
  /** Seconds since 1970. */
  readonly createdAt: number;
  readonly model: string;
  readonly status: "queued" | "in_progress" | "completed" | "incomplete" | "failed";
  readonly output: readonly WireItem[];
  /** Absent while the answer is in progress. */
  readonly usage?: Usage | undefined;
  readonly incompleteReason?: "max_output_tokens" | "content_filter" | undefined;
  readonly error?: { readonly code: string; readonly message: string };
}

export function responseId(id: string): string {
  return withPrefix("resp_", id);
}

/** The fields of a response that repeat its request: the client's value, or the vendor's documented default. */
export type RequestEcho = Pick<
  WireResponse,
  | "background"
  | "instructions"
  | "max_output_tokens"
  | "max_tool_calls"
  | "metadata"
  | "parallel_tool_calls"
  | "previous_response_id"
  | "prompt_cache_key"
  | "reasoning"
  | "safety_identifier"
  | "service_tier"
  | "store"
  | "temperature"
  | "text"
  | "tool_choice"
  | "tools"
  | "top_logprobs"
  | "top_p"
  | "truncation"
>;

/** The whole response object, in JSON answers and in the events with a response. */
export function responseObject(state: ResponseState, echo: RequestEcho): WireResponse {
  const { id, createdAt, model, status, output, usage, incompleteReason, error } = state;
  return {
    id,
    object: "response",
    created_at: createdAt,
    status,
    error: error === undefined ? null : (error as WireResponse["error"]),
    incomplete_details: incompleteReason === undefined ? null : { reason: incompleteReason },
    model,
    output,
    usage: usage === undefined ? null : renderUsage(usage),
    access_programs: null,
    ...echo,
  };
}

export function echoRequest(request: ChatRequest): RequestEcho {
  const own = request.extensions?.["openai-responses"] ?? {};
  const tools = (request.tools ?? []).filter(
    (tool) => tool.type === "server" || tool.extensions?.["openai-responses"]?.["additional_tools"] !== true,
  );
  return {
    background: own["background"] === true,
    instructions: instructionsOf(request),
    max_output_tokens: request.maxOutputTokens ?? null,
    max_tool_calls: typeof own["max_tool_calls"] === "number" ? own["max_tool_calls"] : null,
    metadata: request.metadata ?? {},
    parallel_tool_calls: request.parallelToolCalls ?? true,
    previous_response_id: typeof own["previous_response_id"] === "string" ? own["previous_response_id"] : null,
    prompt_cache_key: request.cacheKey ?? null,
    reasoning: { effort: (request.reasoning?.effort ?? null) as null, summary: null, ...objectOf(own["reasoning"]) },
    safety_identifier: request.endUser ?? null,
    service_tier: (request.serviceTier ?? null) as null,
    store: own["store"] !== false,
    temperature: request.temperature ?? null,
    text: {
      format: renderFormat(request.responseFormat),
      ...(request.verbosity === undefined ? {} : { verbosity: request.verbosity }),
      ...objectOf(own["text"]),
    },
    tool_choice: isObject(own["tool_choice"])
      ? (own["tool_choice"] as unknown as WireResponse["tool_choice"])
      : renderToolChoice(request.toolChoice ?? { type: "auto" }, request.tools ?? []),
    tools: [...renderTools(tools)],
    top_logprobs: request.logprobs?.top ?? 0,
    top_p: request.topP ?? null,
    truncation: own["truncation"] === "auto" ? "auto" : "disabled",
  };
}

function objectOf(value: unknown): WireObject {
  return isObject(value) ? value : {};
}

function instructionsOf(request: ChatRequest): string | null {
  const message = request.messages[0];
  if (message?.extensions?.["openai-responses"]?.["instructions"] !== true) return null;
  return message.content.map((block) => (block.type === "text" ? block.text : "")).join("");
}

type WireFormat = NonNullable<NonNullable<WireResponse["text"]>["format"]>;

function renderFormat(format: ResponseFormat | undefined): WireFormat {
  switch (format?.type) {
    case "json-schema":
      return {
        type: "json_schema",
        name: format.name ?? "response",
        schema: format.schema as Record<string, unknown>,
        ...(format.description === undefined ? {} : { description: format.description }),
        ...(format.strict === undefined ? {} : { strict: format.strict }),
      };
    case "json-object":
      return { type: "json_object" };
    case "text":
    case undefined:
      return { type: "text" };
  }
}
