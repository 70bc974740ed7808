import { GatewayError } from "../core/index.ts";
import type { ChatRequest, Extensions, MediaBlock, ProtocolId } from "../ir/index.ts";
import { isAbsent, isObject } from "./fields.ts";
import type { Loss } from "./translation.ts";

/**
 * What of a request a rendering may lose, by the neutral form's names. A client is told of it in its own words: every dialect has a name for each
 * (`param-names.ts` in its folder).
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

/** Where a field stands that only the client's protocol has a name for. `items[]`: what of a conversation only its vendor understands. */
export type Place = "request" | "tools[]" | "messages[]" | "content[]" | "items[]";

/** A parameter, or a field of the client's own at a place: `content[].citations`, `request.container`. */
export type LostParam = Param | `${Place}.${string}`;

const noField = "The provider's protocol has no such field.";

/** Different losses of one rendering that are collected; a client may send as many fields as it likes. */
export const maxLosses = 1000;

/** Collects what a rendering loses; the same thing is listed once, however often it occurs, and at most `maxLosses` things are. */
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

  /** Fields that have no neutral name, as another protocol than `own` has them. `kept`: those that mean the same here. */
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
 * Fields of messages, blocks and tools that ask nothing of the model, or that the neutral form tells in another way: what a client echoedFields of an earlier
 * answer, marks of its own, and the form that something had.
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

/** Protocols of one vendor, which share fields. */
const sharing: ReadonlySet<string> = new Set<ProtocolId>(["openai-chat", "openai-responses"]);

/** Fields of a request that the gateway sees to itself, or that the neutral form tells in another way. */
const servedHere: ReadonlySet<string> = new Set([
  "client_metadata",
  "reasoning.generate_summary",
  "reasoning.summary",
  "stream_options",
  "tool_choice",
]);

/** Fields of Responses that the gateway sees to where the provider does not. */
const servedOfResponses: ReadonlySet<string> = new Set(["background", "previous_response_id", "store"]);

/** `include` of Responses, where it asks for no more than the neutral form asks for: proofs of reasoning, and probabilities. */
function isServedInclude(key: string, value: unknown): boolean {
  return key === "include" && Array.isArray(value) && value.every((item: unknown) => servedIncludes.has(item));
}

const servedIncludes: ReadonlySet<unknown> = new Set(["reasoning.encrypted_content", "message.output_text.logprobs"]);

/** Fields that the neutral form tells in part; what is kept under their name is the rest of them. */
const partlyKnown: ReadonlySet<string> = new Set([
  "reasoning",
  "text",
  "thinking",
  "output_config",
  "metadata",
  "generationConfig",
  "toolConfig",
]);

/** `false`, `null` and what is empty ask for nothing. */
function hasValue(value: unknown): boolean {
  if (isAbsent(value) || value === false || value === "") return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

/** What an opaque value is called: its type, or the one key that it has. */
export function nameOfOpaque(value: unknown): string {
  if (!isObject(value)) return "item";
  return typeof value["type"] === "string" ? value["type"] : (Object.keys(value)[0] ?? "item");
}

/** The 400 for what can neither be kept nor left out: a client's answer would be another one. */
export class UnservedError extends GatewayError {
  readonly reason: string;

  /**
   * `param` by its neutral name; whoever knows the client's dialect spells it in its words. `upstreamCode` is what the vendor itself would call the error,
   * where its SDK goes on by it.
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

/** What a field of another protocol brings into the prompt that is not in the request. */
const state: readonly (readonly [ProtocolId, string, string, code?: string])[] = [
  ["openai-responses", "previous_response_id", "it keeps no responses. Send the whole conversation as input."],
  ["openai-responses", "conversation", "it keeps no conversations. Send the whole conversation as input."],
  ["openai-responses", "prompt", "it keeps no prompts. Send the prompt's text."],
  ["anthropic-messages", "compaction", "it makes no compactions of a conversation."],
  // The SDK's tool runner then sends the whole conversation, as it does where the vendor cannot thread a request (@anthropic-ai/sdk 1.12).
  ["anthropic-messages", "thread", "it keeps no conversations. Send the whole conversation as messages.", "thread_unsupported_request"],
  ["anthropic-messages", "mcp_servers", "it runs no MCP servers. Connect the servers on the client's side."],
  ["gemini-generate", "cachedContent", "it keeps no cached content. Send the content itself."],
];

/** @throws UnservedError where several answers are asked for: a client that reads the second one would find none. */
export function refuseSeveralAnswers({ candidateCount }: ChatRequest): void {
  if ((candidateCount ?? 1) > 1)
    throw refuse("candidateCount", "it gives one answer to a request. Send the request as often as answers are needed.");
}

/** @throws UnservedError where several answers are to come as one stream, whose translation tells one. */
export function refuseSeveralStreams({ candidateCount }: ChatRequest, { stream }: { readonly stream: boolean }): void {
  if (stream && (candidateCount ?? 1) > 1)
    throw refuse("candidateCount", "a translated stream tells one answer. Ask for several without a stream.");
}

/** @throws UnservedError where the request leans on something that only another provider keeps or does, or asks for a form that only it has. */
export function refuseForeignState(request: ChatRequest, own: ProtocolId): void {
  for (const [protocol, field, reason, code] of state) {
    if (protocol !== own && hasValue(request.extensions?.[protocol]?.[field])) throw new UnservedError(field, reason, code);
  }
  for (const [protocol, path] of forms) {
    if (protocol !== own && hasValue(fieldAt(request.extensions?.[protocol], path)))
      throw refuse("responseFormat", "it has no such form of the answer.");
  }
}

/** Where a form of the answer stands that the neutral form does not know: a grammar, a list of words. Without it the answer would be another one. */
const forms: readonly (readonly [ProtocolId, readonly string[]])[] = [
  ["openai-chat", ["response_format"]],
  ["openai-responses", ["text", "format"]],
  ["gemini-generate", ["generationConfig", "responseMimeType"]],
];

function fieldAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => (isObject(inner) ? inner[key] : undefined), value);
}
