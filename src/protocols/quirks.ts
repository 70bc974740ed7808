import { compileGlob, type Glob } from "../core/index.ts";
import { compact, type WireObject } from "./shared/fields.ts";

/**
 * A kind of content beyond text that a server accepts. `image-data`: images only as data URLs. `document-url`: documents as `document_url`, in place
 * of OpenAI's `file`.
 */
export type PartKind = "image" | "image-data" | "audio" | "video" | "file" | "document-url";

/** The differences of a compatible server from the vendor. An absent field means no difference. */
export interface RenderQuirks {
  // Messages of OpenAI Chat
  readonly noDeveloperRole?: boolean;
  /**
   * One system message, first; then user and assistant alternate: later instructions become text of the user, and consecutive messages of one role
   * are merged.
   */
  readonly strictTurns?: boolean;
  /** A user's message must not follow a tool's: a reminder is added to the result, other text follows a short message of the assistant. */
  readonly noUserAfterTool?: boolean;
  /** The field that marks an assistant's message at the end, which the answer continues. */
  readonly prefillField?: "prefix" | "partial";
  /** Ids of calls are nine letters and digits. */
  readonly shortCallIds?: boolean;
  readonly noMessageNames?: boolean;
  /** An assistant's message with only calls has the content "", not null. */
  readonly noNullContent?: boolean;
  /** Fields of messages beyond OpenAI's required ones are refused, except the server's own `reasoningField`. */
  readonly strictMessages?: boolean;
  /** Anthropic: messages of the role `system` are refused; they go as a user's text in `<system-reminder>`. */
  readonly noSystemTurns?: boolean;
  /** The content that the server accepts beside text; absent: all kinds. */
  readonly parts?: readonly PartKind[];
  /** OpenAI Chat: the values of `input_audio.format`; absent: OpenAI's two at OpenAI, all at other servers. */
  readonly audioFormats?: readonly string[];

  // Fields
  readonly maxTokensField?: "max_tokens" | "max_completion_tokens";
  readonly noStreamOptions?: boolean;
  /** OpenAI Chat: fields that only OpenAI itself has are refused (`prompt_cache_key`, `safety_identifier`, `verbosity`, `store`, `metadata`). */
  readonly noVendorFields?: boolean;
  /** Fields at the top of a request that are refused. */
  readonly refusedFields?: readonly string[];
  /** Fields that have another name at the server: `seed` is `random_seed`. */
  readonly renamedFields?: Readonly<Record<string, string>>;
  /** The model's sampling parameters are fixed: any other value is refused. */
  readonly fixedSampling?: boolean;
  /** Fields that every translated request carries. */
  readonly extraFields?: WireObject;
  /** The largest output of the model in tokens, if known. */
  readonly maxOutputTokens?: number;

  // Tools and formats
  /** OpenAI dialects: only function tools are known; a custom tool becomes a function with one string. */
  readonly noCustomTools?: boolean;
  /** OpenAI dialects: `tool_choice` has no `allowed_tools`; the other tools are omitted from the request instead. */
  readonly noAllowedTools?: boolean;
  /** The accepted forms of `tool_choice`. `words`: no named tool. `auto`: only that word. `none`: the field is refused. Absent: all forms. */
  readonly toolChoice?: "words" | "auto" | "none";
  /** The types of `response_format` beside `text`; absent: both. */
  readonly responseFormats?: readonly ("json_object" | "json_schema")[];
  /** `response_format` is refused beside tools. */
  readonly noFormatWithTools?: boolean;

  // Reasoning
  /** The field in which the server shows reasoning, and accepts it. `thinking`: parts of the content. */
  readonly reasoningField?: "reasoning_content" | "reasoning" | "reasoning_details" | "thinking";
  /** An assistant's message with calls is refused without its reasoning. */
  readonly echoReasoning?: boolean;
  /** The text in place of unknown reasoning; "" if absent. */
  readonly reasoningPlaceholder?: string;
  /** OpenAI Chat: a model without `reasoning_effort` refuses it, so only models that are known to have one get it. */
  readonly effortOfKnownModels?: boolean;
  /** The efforts that the server accepts, the lowest first; empty: the field is not sent. */
  readonly efforts?: readonly string[];
  /**
   * How thinking is switched off: `thinking: {"type":"disabled"}`, `chat_template_kwargs: {"enable_thinking":false}`, `reasoning: {"enabled":false}`,
   * `reasoning_effort: "none"`. `never`: it cannot be switched off.
   */
  readonly thinkingSwitch?: "thinking" | "chat_template_kwargs" | "reasoning" | "reasoning_effort" | "never";
  /** A tool can be forced only while the model does not think, and it thinks by default. */
  readonly noForcedToolWhileThinking?: boolean;
  /** Anthropic: an effort is refused beside thinking that is switched off. */
  readonly noEffortWithoutThinking?: boolean;

  /**
   * Quirks that apply only to translated requests: the body of a client that speaks the server's own protocol is not changed, as the server is not
   * known to refuse it.
   */
  readonly translatedOnly?: readonly (keyof RenderQuirks)[];
  /** The differences of some of the server's models. */
  readonly byModel?: readonly ModelQuirks[];
}

/** The server's own quirks are those of its newest models; rows describe what differs for others. `undefined`: these models have no such quirk. */
export interface ModelQuirks {
  /** A glob. */
  readonly models: string;
  readonly quirks: { readonly [K in Exclude<keyof RenderQuirks, "byModel">]?: RenderQuirks[K] | undefined };
}

interface CompiledModels {
  readonly glob: Glob;
  readonly quirks: ModelQuirks["quirks"];
}

/** The quirks of a server by model, built once for each provider. */
export class ServerQuirks {
  readonly #quirks: RenderQuirks;
  readonly #byModel: readonly CompiledModels[];
  /** The model that was asked for last: most requests to a server are for one model. */
  #last: QuirksOfModel | undefined;

  constructor(quirks: RenderQuirks) {
    this.#quirks = quirks;
    this.#byModel = (quirks.byModel ?? []).map((row) => ({ glob: compileGlob(row.models), quirks: row.quirks }));
  }

  /** The quirks of a model: those of every glob that it matches override the server's. */
  of(model: string): RenderQuirks {
    return this.#find(model).all;
  }

  /** Those of them that apply to requests of the server's own protocol. */
  ownOf(model: string): RenderQuirks {
    return this.#find(model).own;
  }

  #find(model: string): QuirksOfModel {
    const last = this.#last;
    if (last !== undefined && (last.model === model || this.#byModel.length === 0)) return last;
    const name = model.toLowerCase();
    const fitting = this.#byModel.filter(({ glob }) => glob.matches(name));
    const all: RenderQuirks =
      fitting.length === 0
        ? this.#quirks
        : compact(fitting.reduce<ModelQuirks["quirks"]>((merged, { quirks }) => ({ ...merged, ...quirks }), this.#quirks));
    this.#last = { model, all, own: withoutTranslated(all) };
    return this.#last;
  }
}

interface QuirksOfModel {
  readonly model: string;
  readonly all: RenderQuirks;
  readonly own: RenderQuirks;
}

function withoutTranslated(quirks: RenderQuirks): RenderQuirks {
  const { translatedOnly = [], ...all } = quirks;
  if (translatedOnly.length === 0) return all;
  return Object.fromEntries(Object.entries(all).filter(([key]) => !translatedOnly.includes(key as keyof RenderQuirks)));
}
