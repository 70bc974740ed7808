import type { MatchLogic, ModelInfo, Provider } from "@pydantic/genai-prices";

/** Finds a vendor of the catalogue by its id, or by the URL of its API. */
export type FindVendor = (query: { providerId?: string; providerApiUrl?: string }) => Provider | undefined;

/** The facts about a provider of this gateway. */
export interface ProviderFacts {
  /** Name of the preset that it was built from. */
  readonly preset?: string | undefined;
  readonly baseUrls?: readonly string[] | undefined;
  /** Whether the gateway itself answers: then it costs nothing. */
  readonly builtin?: boolean | undefined;
  /** The server reports what it bills in US dollars, and is believed. */
  readonly reportsDollars?: boolean | undefined;
}

/** Vendors whose name here differs from their id in the catalogue: letters and digits only, as in presets. */
const vendorIds: Readonly<Record<string, string>> = {
  azureopenai: "azure",
  bedrock: "aws",
  gemini: "google",
  glm: "zhipuai",
  grok: "x-ai",
  moonshot: "moonshotai",
  togetherai: "together",
  vertex: "google",
  voyage: "voyageai",
  xai: "x-ai",
  zhipu: "zhipuai",
};

/** Vendors that make the models they sell. Resellers charge other prices for the same names, so a bare name never means them. */
const makers = ["anthropic", "cohere", "deepseek", "google", "minimax", "mistral", "moonshotai", "openai", "voyageai", "x-ai", "zhipuai"];

/**
 * The vendor that is paid for a provider's models: the one that its preset names, else the one of its base URLs. A self-hosted server has neither,
 * and a name that only contains a vendor's name (`my-openai`) proves nothing.
 */
export function vendorOf(find: FindVendor, facts: ProviderFacts): Provider | undefined {
  const preset = facts.preset?.toLowerCase();
  if (preset !== undefined) {
    const plain = preset.replaceAll(/[^a-z0-9]/g, "");
    const id = Object.hasOwn(vendorIds, plain) ? vendorIds[plain]! : preset;
    const vendor = find({ providerId: id });
    if (vendor?.id === id) return vendor;
  }
  for (const url of facts.baseUrls ?? []) {
    const vendor = find({ providerApiUrl: url });
    if (vendor !== undefined) return vendor;
  }
  return undefined;
}

/** The one maker that a bare model name can mean (`gpt-…`: OpenAI); `undefined` if there is none, or more than one. */
export function makerOf(find: FindVendor, model: string): Provider | undefined {
  const name = normalize(model);
  const found = makers
    .map((id) => find({ providerId: id }))
    .filter((maker) => maker?.model_match !== undefined && matches(maker.model_match, name));
  return found.length === 1 ? found[0] : undefined;
}

/**
 * Finds a vendor's model by the name on the wire: by the catalogue's rules, ignoring case, also with dashes added to a date without them; then among
 * the vendors whose models this vendor sells at their prices. A rule for the beginning of names only finds versions of its model (`isVersion`).
 */
export function findModel(find: FindVendor, vendor: Provider, model: string): { vendor: Provider; model: ModelInfo } | undefined {
  const name = normalize(model);
  const dashed = name.replace(/(?<=-)(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)/g, "$1-$2-$3");
  const vendors = [vendor, ...(vendor.fallback_model_providers ?? []).flatMap((id) => find({ providerId: id }) ?? [])];
  for (const spelling of new Set([name, dashed])) {
    for (const candidate of vendors) {
      const found = candidate.models.find(
        (entry) => matches(entry.match, spelling, isVersion) || (entry.id.toLowerCase() === spelling && matches(entry.match, spelling)),
      );
      if (found !== undefined) return { vendor: candidate, model: found };
    }
  }
  return undefined;
}

const version =
  /^(?:[-@:._]?(?:20\d{2}-?\d{2}-?\d{2}|\d{2}-20\d{2}|\d{2}-\d{2}|\d{3,4}|latest|preview|exp|experimental|instruct|it|default|v\d{1,2}(?:\.\d+)?)|:\d{1,2})*$/;

/**
 * Whether what follows a model's name only says which version of it is meant: a date, a revision, `-latest`, `-preview`. `-5` behind `claude-sonnet-5` is another
 * model, with a price of its own, and so is `-lite` behind `gemini-3.5-flash`.
 */
export function isVersion(rest: string): boolean {
  return version.test(rest);
}

/** The name without the day of its version; `undefined` if it has none. */
export function withoutDate(name: string): string | undefined {
  const short = name.replace(/[-@]20\d{2}-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])$/, "");
  return short === name ? undefined : short;
}

const anyRest = (): boolean => true;

function normalize(model: string): string {
  return model.toLowerCase().trim();
}

/**
 * Whether a rule of the catalogue matches a name, which is in lower case.
 * @param isRest whether the rest of a name that a rule for its beginning leaves may be there; by default any.
 */
function matches(rule: MatchLogic, name: string, isRest: (rest: string) => boolean = anyRest): boolean {
  if ("or" in rule) return rule.or.some((part) => matches(part, name, isRest));
  // Such rules name what must not follow.
  if ("and" in rule) return rule.and.every((part) => matches(part, name, isRest));
  if ("equals" in rule) return name === rule.equals.toLowerCase();
  if ("regex" in rule) return new RegExp(rule.regex).test(name);
  if ("starts_with" in rule) {
    const start = rule.starts_with.toLowerCase();
    // Fine-tuned models have names of their owners' choice.
    return name.startsWith(start) && (start.startsWith("ft:") || isRest(name.slice(start.length)));
  }
  const part = ("ends_with" in rule ? rule.ends_with : rule.contains).toLowerCase();
  const at = name.lastIndexOf(part);
  if (at < 0) return false;
  // What is before it is a place: `us.anthropic.`, `publishers/anthropic/models/`.
  return (
    (at === 0 || /[./:]/.test(name[at - 1]!) || isRest === anyRest) &&
    isRest(name.slice(at + part.length)) &&
    ("contains" in rule || at + part.length === name.length)
  );
}
