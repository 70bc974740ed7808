import { compileGlob } from "../core/index.ts";
import type { WireObject } from "./fields.ts";

/**
 * A kind of content beyond text that a server takes. `image-data`: images as data URLs only. `document-url`: documents as `document_url`, in place of
 * OpenAI's `file`.
 */
export type PartKind = "image" | "image-data" | "audio" | "video" | "file" | "document-url";

/** Where a compatible server differs from the vendor. Absent: it does not. */
export interface RenderQuirks {
  // Messages of OpenAI Chat
  readonly noDeveloperRole?: boolean;
  /** One system message, first; then user and assistant in turns: later instructions go as text of the user, and messages of one role in a row as one. */
  readonly strictTurns?: boolean;
  /** A user's message must not follow a tool's: reminders go into the result, other text behind a short message of the assistant. */
  readonly noUserAfterTool?: boolean;
  /** Marks an assistant's message at the end, which the answer continues. */
  readonly prefillField?: "prefix" | "partial";
  /** Ids of calls are nine letters and digits. */
  readonly shortCallIds?: boolean;
  readonly noMessageNames?: boolean;
  /** An assistant's message with calls alone has the content "", not null. */
  readonly noNullContent?: boolean;
  /** Fields of messages beyond OpenAI's required ones are refused, but for the server's own `reasoningField`. */
  readonly strictMessages?: boolean;
  /** The content that the server takes beside text; absent: all kinds. */
  readonly parts?: readonly PartKind[];

  // Fields
  readonly maxTokensField?: "max_tokens" | "max_completion_tokens";
  readonly noStreamOptions?: boolean;
  /** OpenAI Chat: fields that only OpenAI itself has are refused (`prompt_cache_key`, `safety_identifier`, `verbosity`, `store`, `metadata`). */
  readonly noVendorFields?: boolean;
  /** Fields at the top of a request that are refused. */
  readonly refusedFields?: readonly string[];
  /** Fields that the server has under another name: `seed` as `random_seed`. */
  readonly renamedFields?: Readonly<Record<string, string>>;
  /** The model's sampling parameters are fixed: any other value is refused. */
  readonly fixedSampling?: boolean;
  /** Fields that every translated request carries. */
  readonly extraFields?: WireObject;
  /** Largest output the model takes, where known. */
  readonly maxOutputTokens?: number;

  // Tools and formats
  /** OpenAI dialects: only function tools are known; a custom tool becomes a function with one text. */
  readonly noCustomTools?: boolean;
  /** OpenAI dialects: `tool_choice` has no `allowed_tools`; the other tools are left out of the request instead. */
  readonly noAllowedTools?: boolean;
  /** The forms of `tool_choice`. `words`: no named tool. `auto`: that word alone. `none`: the field is refused. Absent: all forms. */
  readonly toolChoice?: "words" | "auto" | "none";
  /** The types of `response_format` beside `text`; absent: both. */
  readonly responseFormats?: readonly ("json_object" | "json_schema")[];
  /** `response_format` is refused beside tools. */
  readonly noFormatWithTools?: boolean;

  // Reasoning
  /** Where the server shows reasoning, and takes it back. `thinking`: parts of the content. */
  readonly reasoningField?: "reasoning_content" | "reasoning" | "reasoning_details" | "thinking";
  /** An assistant's message with calls is refused without its reasoning. */
  readonly echoReasoning?: boolean;
  /** What stands for reasoning that nobody has; "" if absent. */
  readonly reasoningPlaceholder?: string;
  /** OpenAI Chat: a model that has no `reasoning_effort` refuses it, so only models that are known to have one get it. */
  readonly effortOfKnownModels?: boolean;
  /** The efforts that the server takes, from the least; none: the field is not sent. */
  readonly efforts?: readonly string[];
  /**
   * How thinking is switched off: `thinking: {"type":"disabled"}`, `chat_template_kwargs: {"enable_thinking":false}`, `reasoning: {"enabled":false}`,
   * `reasoning_effort: "none"`. `never`: it cannot be.
   */
  readonly thinkingSwitch?: "thinking" | "chat_template_kwargs" | "reasoning" | "reasoning_effort" | "never";
  /** A tool can be forced only while the model does not think, which it does unless told not to. */
  readonly noForcedToolWhileThinking?: boolean;
  /** Anthropic: an effort is refused beside thinking that is switched off. */
  readonly noEffortWithoutThinking?: boolean;

  /** Quirks that hold for translated requests alone: a client that speaks the server's own protocol sends what it likes, as the server is not known to refuse it. */
  readonly translatedOnly?: readonly (keyof RenderQuirks)[];
  /** What is different for some of the server's models. */
  readonly byModel?: readonly ModelQuirks[];
}

export interface ModelQuirks {
  /** A glob. */
  readonly models: string;
  readonly quirks: Omit<RenderQuirks, "byModel">;
}

/** The quirks that hold for a model: those of every glob that it matches lie over the server's. */
export function quirksOfModel(quirks: RenderQuirks, model: string): RenderQuirks {
  if (quirks.byModel === undefined) return quirks;
  const fitting = quirks.byModel.filter(({ models }) => compileGlob(models).matches(model.toLowerCase()));
  return fitting.reduce<RenderQuirks>((all, { quirks: own }) => ({ ...all, ...own }), quirks);
}

/** The quirks that hold for a request of the server's own protocol. */
export function ownQuirksOf(quirks: RenderQuirks): RenderQuirks {
  const { translatedOnly = [], ...all } = quirks;
  if (translatedOnly.length === 0) return all;
  return Object.fromEntries(Object.entries(all).filter(([key]) => !translatedOnly.includes(key as keyof RenderQuirks)));
}
