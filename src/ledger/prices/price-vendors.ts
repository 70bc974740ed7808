import type { MatchLogic, ModelInfo, Provider } from "@pydantic/genai-prices";

/** The catalogue's way to find a vendor: by id, or by the URL that its API is called at. */
export type FindVendor = (query: { providerId?: string; providerApiUrl?: string }) => Provider | undefined;

/** What is known of a provider of this gateway. */
export interface ProviderFacts {
  /** Name of the preset that it was built from. */
  readonly preset?: string | undefined;
  readonly baseUrls?: readonly string[] | undefined;
  /** Answers in the process itself: costs nothing. */
  readonly builtin?: boolean | undefined;
}

/** Vendors whose name here is not their id in the catalogue: letters and digits only, as in presets. */
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

/** Those who make the models they sell. Resellers charge other prices for the same names, so a bare name never means them. */
const makers = ["anthropic", "cohere", "deepseek", "google", "minimax", "mistral", "moonshotai", "openai", "voyageai", "x-ai", "zhipuai"];

/**
 * Who is paid for a provider's models: the vendor its preset names, else the one whose API its base URLs are. A server of one's own is neither, and a
 * name that only contains a vendor's (`my-openai`) proves nothing.
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

/** The one maker that a bare model name can only mean (`gpt-…`: OpenAI); `undefined` where there is none, or more than one. */
export function makerOf(find: FindVendor, model: string): Provider | undefined {
  const name = normalize(model);
  const found = makers
    .map((id) => find({ providerId: id }))
    .filter((maker) => maker?.model_match !== undefined && matches(maker.model_match, name));
  return found.length === 1 ? found[0] : undefined;
}

/**
 * A vendor's model by the name on the wire: by the catalogue's rules, case ignored, a date in one word also read with dashes; then among the vendors
 * whose models this one sells at their prices.
 */
export function findModel(find: FindVendor, vendor: Provider, model: string): { vendor: Provider; model: ModelInfo } | undefined {
  const name = normalize(model);
  const dashed = name.replace(/(?<=-)(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)/g, "$1-$2-$3");
  const vendors = [vendor, ...(vendor.fallback_model_providers ?? []).flatMap((id) => find({ providerId: id }) ?? [])];
  for (const spelling of new Set([name, dashed])) {
    for (const candidate of vendors) {
      const found = candidate.models.find((entry) => matches(entry.match, spelling));
      if (found !== undefined) return { vendor: candidate, model: found };
    }
  }
  return undefined;
}

function normalize(model: string): string {
  return model.toLowerCase().trim();
}

/** Whether a rule of the catalogue takes a name, which is in lower case already. */
function matches(rule: MatchLogic, name: string): boolean {
  if ("or" in rule) return rule.or.some((part) => matches(part, name));
  if ("and" in rule) return rule.and.every((part) => matches(part, name));
  if ("equals" in rule) return name === rule.equals.toLowerCase();
  if ("starts_with" in rule) return name.startsWith(rule.starts_with.toLowerCase());
  if ("ends_with" in rule) return name.endsWith(rule.ends_with.toLowerCase());
  if ("contains" in rule) return name.includes(rule.contains.toLowerCase());
  return new RegExp(rule.regex).test(name);
}
