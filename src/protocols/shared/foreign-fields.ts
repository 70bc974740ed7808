import type { ChatRequest, JsonSchema, ReasoningRequest, ResponseFormat } from "../../ir/index.ts";
import { compact, isAbsent, isObject, type WireObject } from "./fields.ts";

/** What fields of other dialects at the top of a request say. */
export interface ForeignFields {
  readonly maxOutputTokens?: number;
  readonly stop?: readonly string[];
  readonly reasoning?: ReasoningRequest;
  readonly responseFormat?: ResponseFormat;
  readonly verbosity?: NonNullable<ChatRequest["verbosity"]>;
  /** Instructions beside the messages: a text, or parts. */
  readonly system?: unknown;
  /** The names of the fields that were read. */
  readonly read: readonly string[];
}

const limits = ["max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens", "maxTokens", "max_new_tokens"] as const;
const stops = ["stop", "stop_sequences", "stopSequences"] as const;
const efforts = ["reasoning_effort", "reasoning", "thinking", "output_config"] as const;
const formats = ["response_format", "text", "output_config", "output_format"] as const;
const instructions = ["system", "instructions"] as const;

/**
 * Reads fields that other dialects have under other names: the output limit, stop sequences, the wish for reasoning (`reasoning` of OpenRouter, `thinking`
 * of Anthropic), the form of the answer, instructions. `own`: the fields of the client's dialect, which win. A value in no known form is not read.
 */
export function readForeignFields(wire: WireObject, own: ReadonlySet<string>): ForeignFields {
  if (!hasForeign(wire, own)) return nothing;
  const read: string[] = [];
  const first = <T>(names: readonly string[], readValue: (value: unknown, name: string) => T | undefined): T | undefined => {
    if (names.some((name) => own.has(name) && !isAbsent(wire[name]))) return undefined;
    for (const name of names) {
      if (isAbsent(wire[name])) continue;
      const value = readValue(wire[name], name);
      if (value === undefined) continue;
      read.push(name);
      return value;
    }
    return undefined;
  };
  const found = compact({
    maxOutputTokens: first(limits, limitOf),
    stop: first(stops, textsOf),
    reasoning: first(efforts, reasoningOf),
    responseFormat: first(formats, formatOf),
    verbosity: first(["verbosity", "text"], verbosityOf),
    system: first(instructions, (value) => (typeof value === "string" || Array.isArray(value) ? (value as unknown) : undefined)),
  });
  return { ...found, read };
}

function verbosityOf(value: unknown): ChatRequest["verbosity"] | undefined {
  const word = isObject(value) ? value["verbosity"] : value;
  return word === "low" || word === "medium" || word === "high" ? word : undefined;
}

const nothing: ForeignFields = { read: [] };
const names: ReadonlySet<string> = new Set([...limits, ...stops, ...efforts, ...formats, ...instructions, "verbosity"]);

function hasForeign(wire: WireObject, own: ReadonlySet<string>): boolean {
  for (const name in wire) if (names.has(name) && !own.has(name)) return true;
  return false;
}

/** A number of tokens, or its decimal text. */
function limitOf(value: unknown): number | undefined {
  const limit = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof limit === "number" && Number.isInteger(limit) && limit > 0 ? limit : undefined;
}

function textsOf(value: unknown): readonly string[] | undefined {
  const list = typeof value === "string" ? [value] : value;
  return Array.isArray(list) && list.every((each) => typeof each === "string") ? list : undefined;
}

function reasoningOf(value: unknown, name: string): ReasoningRequest | undefined {
  if (name === "reasoning_effort") return typeof value === "string" ? { effort: value } : undefined;
  if (!isObject(value)) return undefined;
  if (name === "output_config") return typeof value["effort"] === "string" ? { effort: value["effort"] } : undefined;
  return name === "thinking" ? thinkingOf(value) : openRouterOf(value);
}

/**
 * Chat's `{"type":"json_schema","json_schema":{"name","schema"}}`, Responses' `{"format":{"type":"json_schema","name","schema"}}`, Anthropic's
 * `{"format":{"type":"json_schema","schema"}}`, or the same without `format`.
 */
function formatOf(value: unknown): ResponseFormat | undefined {
  if (!isObject(value)) return undefined;
  const format = isObject(value["format"]) ? value["format"] : value;
  if (format["type"] === "text") return { type: "text" };
  return schemaFormat(format) ?? (format["type"] === "json_object" ? { type: "json-object" } : undefined);
}

/**
 * A format with a schema: in `json_schema`, or beside the type, as Together and Fireworks have it with `json_object` too. `undefined`: it has none.
 */
export function schemaFormat(format: WireObject): ResponseFormat | undefined {
  if (format["type"] !== "json_schema" && format["type"] !== "json_object") return undefined;
  const inner = isObject(format["json_schema"]) ? format["json_schema"] : format;
  const { name, description, schema, strict } = inner;
  if (!isObject(schema)) return undefined;
  return compact({
    type: "json-schema" as const,
    name: typeof name === "string" ? name : undefined,
    description: typeof description === "string" ? description : undefined,
    schema: schema satisfies JsonSchema,
    strict: typeof strict === "boolean" ? strict : undefined,
  });
}

/** Anthropic's `{"type":"enabled","budget_tokens":N}`, `{"type":"adaptive"}`, `{"type":"disabled"}`. */
function thinkingOf({
  type,
  budget_tokens: budget,
}: {
  readonly type?: unknown;
  readonly budget_tokens?: unknown;
}): ReasoningRequest | undefined {
  if (type === "disabled") return { enabled: false };
  if (type === "adaptive") return { adaptive: true };
  if (type !== "enabled") return undefined;
  return typeof budget === "number" ? { enabled: true, budgetTokens: budget } : { enabled: true };
}

/** `{"effort","max_tokens","enabled","exclude"}` (openrouter.ai/docs/guides/best-practices/reasoning-tokens, November 2026). */
function openRouterOf(value: WireObject): ReasoningRequest | undefined {
  const { effort, max_tokens: budget, enabled, exclude } = value;
  const reasoning = compact({
    effort: typeof effort === "string" ? effort : undefined,
    budgetTokens: typeof budget === "number" ? budget : undefined,
    enabled: typeof enabled === "boolean" ? enabled : undefined,
    visibility: exclude === true ? ("none" as const) : undefined,
  });
  return Object.keys(reasoning).length === 0 ? undefined : reasoning;
}
