import { Secret } from "../../core/index.ts";
import { closestNames, findPreset, type Preset, type ParsedProvider, type ProviderKeys } from "../../upstream/index.ts";
import { vendorKeyNames } from "./environment.ts";
import type { Env } from "./expand-text.ts";

interface KeyInput {
  readonly name: string;
  readonly provider: ParsedProvider;
  /** Variables that the file names for keys and that are not set. */
  readonly unset: readonly string[];
  readonly env: Env;
}

/**
 * The keys that configuration names; where it names none, the vendor's from the environment. A vendor's key goes only to a provider that bears the
 * vendor's name, or that is at the vendor's own address. A variable that is named and not set disables the provider, unless it is one of the vendor's
 * usual names and another of them is set.
 */
export function chooseKeys({ name, provider, unset, env }: KeyInput): ProviderKeys {
  const named = [...(provider.api_key === undefined ? [] : [provider.api_key]), ...(provider.api_keys ?? [])];
  const keys = [...new Set(named.map((key) => key.trim()).filter((key) => key !== ""))].map((key) => new Secret(key));
  if (keys.length > 0)
    return { keys, warnings: unset.map((variable) => `providers.${name}: ${variable} is not set; its other keys are used`) };
  // An empty text is the answer "none".
  if (named.length > 0 && unset.length === 0) return { keys, warnings: [] };
  const vendorNames = vendorNamesOf(name, provider);
  if (unset.every((variable) => vendorNames.includes(variable))) {
    const found = vendorNames.map((variable) => env[variable]?.trim()).find((value) => value !== undefined && value !== "");
    if (found !== undefined) return { keys: [new Secret(found)], warnings: [] };
  }
  if (unset.length === 0) return { keys, warnings: [] };
  const reason = `${unset.join(", ")} ${unset.length === 1 ? "is" : "are"} not set`;
  const [nearest] = unset.length === 1 ? closestNames(unset[0]!, Object.keys(env), 1) : [];
  return { keys, disabledReason: nearest === undefined ? reason : `${reason}; did you mean ${nearest}?`, warnings: [] };
}

function vendorNamesOf(name: string, provider: ParsedProvider): string[] {
  const preset = findPreset(provider.preset ?? name);
  if (preset === undefined) return [];
  const atVendor = provider.base_url === undefined;
  return atVendor || bearsName(name, preset) ? vendorKeyNames(preset.keyEnv) : [];
}

function bearsName(name: string, preset: Preset): boolean {
  return findPreset(name)?.name === preset.name;
}
