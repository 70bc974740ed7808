import { compileGlob, type Glob } from "../core/index.ts";

/**
 * What models accept, as data: each protocol folder has one table in `model-traits.ts` (both OpenAI dialects share one), with a source and a date for each
 * row. A name that no row mentions has the traits of the vendor's newest generation; rows describe what differs. `docs/model-traits.md` is made from the
 * tables. An operator sets the traits of a model with `model_traits`.
 */
export interface TraitTable<T extends object> {
  readonly vendor: string;
  /** The traits of the newest generation. */
  readonly newest: TraitSource & { readonly traits: T };
  /** Each row that fits a name is applied over `newest`, a later one over an earlier one. */
  readonly families: readonly ModelFamily<T>[];
  /** For models of other vendors that are served with this protocol; absent: every model is one of the vendor's. */
  readonly others?: TraitSource & { readonly traits: T };
  /** The names of the vendor's own models (see `bareName`); other names are the vendor's only at the vendor itself. */
  readonly ownNames: RegExp;
  /** The version in a name: `claude-opus-4-6` → 406; infinite if it has none, as an alias of the newest model has. */
  readonly versionOf: (name: string) => number;
  /** The values that an operator may set, by trait; a trait that is not listed is a boolean or a number. */
  readonly choices: Readonly<Partial<Record<keyof T, readonly string[]>>>;
}

interface TraitSource {
  /** For people: `Opus 4.5 and older`. */
  readonly family: string;
  readonly source: string;
  /** The month in which the source was read: `2026-11`. */
  readonly readOn: string;
}

/** Models with traits of their own: those with such a name and a version in the range. An absent limit limits nothing. */
export interface ModelFamily<T> extends TraitSource {
  readonly names?: RegExp;
  /** The first version. */
  readonly from?: number;
  /** The first version that is not one of them. */
  readonly before?: number;
  readonly traits: Partial<T>;
}

/** `model_traits` of the configuration: a glob for names of models, and what is known of them. */
export interface OperatorTraits {
  /** For the provider's own name of a model, with or without the provider in front: `gpt-prod-*`, `azure/gpt-prod-*`. */
  readonly models: string;
  /** The model has the traits of the model with this name. */
  readonly like?: string;
  readonly traits: Readonly<Record<string, unknown>>;
}

/** The model of a request, and what is known of its server. */
export interface TraitsTarget {
  readonly model: string;
  readonly quirks: { readonly noVendorFields?: boolean };
  readonly traits?: ProviderTraits;
}

/** The traits of a request's model. */
export function readTraits<T extends object>(table: TraitTable<T>, { model, quirks, traits }: TraitsTarget): T {
  if (traits !== undefined) return traits.of(table, model);
  return findTraits(table, model, { isVendor: quirks.noVendorFields !== true, provider: "", settings: [] });
}

interface FoundAt {
  /** The provider is the vendor itself, or one that serves the vendor's models under any name (Azure). */
  readonly isVendor: boolean;
  readonly provider: string;
  readonly settings: readonly CompiledTraits[];
}

interface CompiledTraits extends OperatorTraits {
  readonly glob: Glob;
}

/** More names are not kept: a client may choose the names of models at some providers. */
const maxKnown = 500;

/** The traits of one provider's models. Each model's are found once. */
export class ProviderTraits {
  readonly #at: FoundAt;
  readonly #known = new Map<object, Map<string, object>>();

  constructor(provider: string, isVendor: boolean, settings: readonly OperatorTraits[]) {
    this.#at = { provider, isVendor, settings: settings.map((row) => ({ ...row, glob: compileGlob(row.models.toLowerCase()) })) };
  }

  of<T extends object>(table: TraitTable<T>, model: string): T {
    let known = this.#known.get(table) as Map<string, T> | undefined;
    if (known === undefined) this.#known.set(table, (known = new Map<string, T>()));
    const given = known.get(model);
    if (given !== undefined) return given;
    if (known.size >= maxKnown) known.clear();
    const found = findTraits(table, model, this.#at);
    known.set(model, found);
    return found;
  }
}

function findTraits<T extends object>(table: TraitTable<T>, model: string, { isVendor, provider, settings }: FoundAt): T {
  const lower = model.toLowerCase();
  const own = settings.filter(({ glob }) => glob.matches(lower) || glob.matches(`${provider.toLowerCase()}/${lower}`));
  const like = own.findLast((row) => row.like !== undefined)?.like;
  const found = traitsOfName(table, like ?? model, isVendor || like !== undefined);
  return own.reduce<T>((traits, row) => ({ ...traits, ...settable(table, row.traits) }), found);
}

function traitsOfName<T extends object>(table: TraitTable<T>, model: string, isVendor: boolean): T {
  const name = bareName(model);
  const isOwn = table.ownNames.test(name);
  if (!isOwn && table.others !== undefined && (!isVendor || otherVendors.test(name))) return table.others.traits;
  const version = table.versionOf(name);
  return table.families
    .filter(({ names, from = 0, before }) => names?.test(name) !== false && version >= from && (before === undefined || version < before))
    .reduce<T>((traits, row) => ({ ...traits, ...row.traits }), table.newest.traits);
}

/** The traits that a table has, with values that it knows: one setting may name those of several protocols. */
function settable<T extends object>(table: TraitTable<T>, traits: OperatorTraits["traits"]): Partial<T> {
  const entries = Object.entries(traits).filter(([key, value]) => {
    if (!Object.hasOwn(table.newest.traits, key)) return false;
    const choices = table.choices[key as keyof T];
    // What is not known of the newest models is a number.
    if (choices === undefined) return typeof value === typeof (table.newest.traits[key as keyof T] ?? 0);
    return [value].flat().every((each) => choices.includes(String(each)));
  });
  return Object.fromEntries(entries) as Partial<T>;
}

/**
 * The name of a model in lower case, without what hosts add: `us.anthropic.claude-opus-4-6-v1:0` (Bedrock), `claude-opus-4@20250514` (Vertex AI),
 * `anthropic/claude-opus-4.6:free` (OpenRouter), `models/gemini-2.5-pro` and `ft:gpt-4o-2024-08-06:org::id` (a fine-tuned model of OpenAI).
 */
export function bareName(model: string): string {
  const lower = model.toLowerCase();
  const last = lower.slice(lower.lastIndexOf("/") + 1);
  const name = last.startsWith("ft:") ? last.slice("ft:".length) : last;
  return name.replace(/[:@].*$/s, "").replace(/^(?:[a-z-]+\.)+(?=[a-z])/, "");
}

/** Names of other vendors' models: a server that serves one vendor's models under names of the operator's choice may have these as well (Azure). */
const otherVendors =
  /claude|gpt-oss|gpt-?\d|chatgpt|gemini|gemma|llama|mi[sx]tral|ministral|codestral|devstral|magistral|pixtral|deepseek|grok|qwen|qwq|kimi|moonshot|glm|minimax|command|cohere|jamba|phi-?\d|nova-|nemotron|granite|hermes|mimo|doubao|seed-|ernie|hunyuan|step-|longcat|baichuan|internlm|yi-\d/;
