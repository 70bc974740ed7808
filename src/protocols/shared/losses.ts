import { GatewayError } from "../../core/index.ts";
import type { ChatRequest, Extensions, MediaBlock, ProtocolId } from "../../ir/index.ts";
import { isAbsent, isObject } from "./fields.ts";
import type { Loss } from "../translation.ts";

/**
 * What a rendering may lose of a request, by its neutral name. A client reads it in its own dialect, which has a name for each (`param-names.ts` in
 * its folder).
 */
export type Param =
  | Exclude<keyof ChatRequest, "model" | "stream" | "messages" | "tools" | "extensions">
  | "reasoning.effort"
  | "reasoning.budgetTokens"
  | "responseFormat.schema"
  | "reasoning.visibility"
  | Exclude<Place, "request">
  | "tools[].strict"
  | "tools[].parameters"
  | "messages[].name"
  | MediaBlock["kind"]
  | "media.detail"
  | "media.filename"
  | "cache"
  | "thoughts"
  | "signature"
  | "refusal"
  | "toolCalls"
  | "toolCalls.arguments"
  | "toolResults"
  | "toolResults.isError"
  | "toolResults.media";

/** The place of a field that only the client's protocol has. `items[]`: parts of a conversation that only its vendor understands. */
export type Place = "request" | "tools[]" | "messages[]" | "content[]" | "items[]";

/** A parameter, or a place with a field of the client's own: `content[].citations`, `request.container`. */
export type LostParam = Param | `${Place}.${string}`;

const noField = "The provider's protocol has no such field.";

/** At most this number of different losses of one rendering is collected, as the number of a client's fields is not limited. */
export const maxLosses = 1000;

/** Collects the losses of a rendering. Each is listed once, however often it occurs, and at most `maxLosses` are listed. */
export class Losses {
  readonly #byKey = new Map<string, Loss>();

  get list(): readonly Loss[] {
    return [...this.#byKey.values()];
  }

  drop(param: LostParam, reason: string): void {
    this.#add({ param, action: "dropped", reason });
  }

  emulate(param: LostParam, reason: string): void {
    this.#add({ param, action: "emulated", reason });
  }

  clamp(param: LostParam, reason: string): void {
    this.#add({ param, action: "clamped", reason });
  }

  /** Reports the fields without a neutral name that another protocol than `own` sent. `kept`: fields that have the same meaning here. */
  dropForeign(extensions: Extensions | undefined, own: ProtocolId, place: Place, kept?: ReadonlySet<string>): void {
    if (extensions === undefined) return;
    for (const [protocol, fields] of Object.entries(extensions)) {
      if (protocol === own) continue;
      for (const key of Object.keys(fields)) {
        if (this.#byKey.size >= maxLosses) return;
        const value = fields[key];
        if (
          (kept?.has(key) === true && sharing.has(protocol)) ||
          (place === "request" && protocol === "openai-responses" && servedOfResponses.has(key))
        )
          continue;
        if (place === "request") this.#dropField(key, value);
        else if (hasValue(value) && !echoedFields.has(key)) this.drop(`${place}.${key}`, noField);
      }
    }
  }

  #dropField(key: string, value: unknown): void {
    const inner = partlyKnown.has(key) && isObject(value) ? value : {};
    const names = Object.keys(inner);
    if (names.length === 0) this.#dropParam(key, value);
    for (const name of names) {
      if (this.#byKey.size >= maxLosses) return;
      this.#dropParam(`${key}.${name}`, inner[name]);
    }
  }

  #dropParam(param: string, value: unknown): void {
    if (hasValue(value) && !servedHere.has(param) && !isServedInclude(param, value)) this.drop(`request.${param}`, noField);
  }

  #add(loss: Loss): void {
    if (this.#byKey.size >= maxLosses) return;
    const key = `${loss.action} ${loss.param}`;
    if (!this.#byKey.has(key)) this.#byKey.set(key, loss);
  }
}

/**
 * Fields of messages, blocks and tools that ask nothing of the model, or that the neutral form contains in another way: fields that a client echoes
 * from an earlier answer, marks of its own, and the original form of a block.
 */
const echoedFields: ReadonlySet<string> = new Set([
  "additional_tools",
  "annotations",
  "audio",
  "caller",
  "function_call",
  "instructions",
  "logprobs",
  "obfuscation",
  "parameters",
  "parsed",
  "phase",
  "prompt_cache_breakpoint",
  "response",
  "refusal",
  "status",
  "tool_name",
  "type",
]);

/** Protocols of one vendor, which have fields in common. */
const sharing: ReadonlySet<string> = new Set<ProtocolId>(["openai-chat", "openai-responses"]);

/** Fields of a request that the gateway serves itself, or that the neutral form contains in another way. */
const servedHere: ReadonlySet<string> = new Set([
  "client_metadata",
  "functions",
  "reasoning.generate_summary",
  "reasoning.summary",
  "stream_options",
  "tool_choice",
]);

/** Fields of Responses that the gateway serves if the provider does not. */
const servedOfResponses: ReadonlySet<string> = new Set(["background", "previous_response_id", "store"]);

/** Whether `include` of Responses asks only for what the neutral form asks for: proofs of reasoning, and probabilities. */
function isServedInclude(key: string, value: unknown): boolean {
  return key === "include" && Array.isArray(value) && value.every((item: unknown) => servedIncludes.has(item));
}

const servedIncludes: ReadonlySet<unknown> = new Set(["reasoning.encrypted_content", "message.output_text.logprobs"]);

/** Fields that the neutral form contains in part; what is kept under their name is the rest of them. */
const partlyKnown: ReadonlySet<string> = new Set([
  "reasoning",
  "text",
  "thinking",
  "output_config",
  "metadata",
  "generationConfig",
  "toolConfig",
]);

/** Whether a value asks for something: `false`, `null` and empty values do not. */
function hasValue(value: unknown): boolean {
  if (isAbsent(value) || value === false || value === "") return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

/** The name of an opaque value: its type, or its only key. */
export function nameOfOpaque(value: unknown): string {
  if (!isObject(value)) return "item";
  return typeof value["type"] === "string" ? value["type"] : (Object.keys(value)[0] ?? "item");
}

/** The 400 for a field that can neither be rendered nor omitted, as the client would get another answer. */
export class UnservedError extends GatewayError {
  readonly reason: string;

  /**
   * `param` is the neutral name; the client's dialect replaces it by its own. `upstreamCode` is the vendor's own code of the error, if its SDK acts
   * on it.
   */
  constructor(param: string, reason: string, upstreamCode?: string) {
    super("invalid_request", `"${param}" cannot be served by the provider of this model: ${reason}`, {
      param,
      ...(upstreamCode === undefined ? {} : { upstreamCode }),
    });
    this.reason = reason;
  }
}

export function refuse(param: LostParam, reason: string): UnservedError {
  return new UnservedError(param, reason);
}

/** Fields of one protocol that bring state into the prompt which is not in the request. */
const state: readonly (readonly [ProtocolId, string, string, code?: string])[] = [
  ["openai-responses", "previous_response_id", "it keeps no responses. Send the whole conversation as input."],
  ["openai-responses", "conversation", "it keeps no conversations. Send the whole conversation as input."],
  ["openai-responses", "prompt", "it keeps no prompts. Send the prompt's text."],
  ["anthropic-messages", "compaction", "it makes no compactions of a conversation."],
  // The SDK's tool runner then sends the whole conversation, as it does if the vendor cannot thread a request (@anthropic-ai/sdk 1.12).
  ["anthropic-messages", "thread", "it keeps no conversations. Send the whole conversation as messages.", "thread_unsupported_request"],
  ["anthropic-messages", "mcp_servers", "it runs no MCP servers. Connect the servers on the client's side."],
  ["gemini-generate", "cachedContent", "it keeps no cached content. Send the content itself."],
];

/** @throws UnservedError if several answers are requested: a client that reads the second one would not find it. */
export function refuseSeveralAnswers({ candidateCount }: ChatRequest): void {
  if ((candidateCount ?? 1) > 1)
    throw refuse("candidateCount", "it gives one answer to a request. Send the request as often as answers are needed.");
}

/** @throws UnservedError if several answers are requested as one stream: a translated stream has one answer. */
export function refuseSeveralStreams({ candidateCount }: ChatRequest, { stream }: { readonly stream: boolean }): void {
  if (stream && (candidateCount ?? 1) > 1)
    throw refuse("candidateCount", "a translated stream has one answer. Ask for several answers without a stream.");
}

/** Refuses what only a provider has stored: an estimate of tokens cannot include it. Chat is the protocol whose providers store nothing. */
export function refuseStoredState(request: ChatRequest): void {
  refuseForeignState(request, "openai-chat");
}

/** @throws UnservedError if the request needs something that only another provider stores or does, or a form of answer that only it has. */
export function refuseForeignState(request: ChatRequest, own: ProtocolId): void {
  for (const [protocol, field, reason, code] of state) {
    if (protocol !== own && hasValue(request.extensions?.[protocol]?.[field])) throw new UnservedError(field, reason, code);
  }
  for (const [protocol, path] of forms) {
    if (protocol !== own && hasValue(fieldAt(request.extensions?.[protocol], path)))
      throw refuse("responseFormat", "it has no such form of the answer.");
  }
}

/**
 * The places of answer formats that the neutral form does not know: a grammar, a list of words. Without the format, the answer would be another one.
 */
const forms: readonly (readonly [ProtocolId, readonly string[]])[] = [
  ["openai-chat", ["response_format"]],
  ["openai-responses", ["text", "format"]],
  ["gemini-generate", ["generationConfig", "responseMimeType"]],
];

function fieldAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => (isObject(inner) ? inner[key] : undefined), value);
}
