import { Secret } from "../../core/index.ts";
import type { ProtocolId } from "../../ir/index.ts";
import { protocolIds } from "../../ir/index.ts";
import {
  protocols,
  ProviderTraits,
  ServerQuirks,
  type Caching,
  type OperatorTraits,
  type Protocol,
  type ProtocolTable,
  type RenderQuirks,
} from "../../protocols/index.ts";
import type { LimitValues } from "../../settings/index.ts";
import { BaseUrlError, baseUrlStem, normaliseBaseUrl } from "./base-url.ts";
import type { Preset } from "./presets.ts";
import { findPreset, presets } from "./presets.ts";
import { compatible } from "./quirks.ts";
import type { Provider, Quirks, Timeouts } from "../types.ts";

/** The settings of a provider in the configuration. The preset supplies omitted ones. */
export interface ProviderSettings {
  readonly name: string;
  readonly enabled: boolean;
  readonly disabledReason?: string;
  /** Name of a preset; the provider's own name by default. */
  readonly preset?: string;
  readonly protocols?: readonly ProtocolId[];
  /**
   * One URL for all protocols, with the version added or removed as each needs; or one URL per protocol, used as written except for a trailing slash
   * and, for Anthropic and Gemini, the version.
   */
  readonly baseUrl?: string | { readonly [P in ProtocolId]?: string };
  readonly keys: readonly Secret[];
  /** See `Provider.isProbed`. */
  readonly isProbed?: boolean;
  readonly models?: readonly string[];
  readonly headers?: readonly (readonly [string, string])[];
  readonly query?: readonly (readonly [string, string])[];
  readonly timeouts?: Partial<Timeouts>;
  /** See `Quirks.keyHeader`. */
  readonly keyHeader?: string;
  /** These lie over those of the preset. */
  readonly quirks?: RenderQuirks;
  /** What it may be asked at most. */
  readonly limits?: LimitValues;
  /** See `Provider.caching`. */
  readonly caching?: Caching;
  /** See `Provider.hasContextCaches`. If omitted: at the base URL of a preset that has them. */
  readonly hasContextCaches?: boolean;
}

/** A provider that cannot be built. The message names the provider, the setting at fault and the correct form; it contains no secret. */
export class ProviderSettingsError extends Error {
  readonly provider: string;
  /** The setting's name under the provider, as configuration spells it: `base_url`. */
  readonly setting: string;

  constructor(provider: string, setting: string, message: string) {
    super(`Provider ${provider}: ${message}.`);
    this.name = "ProviderSettingsError";
    this.provider = provider;
    this.setting = setting;
  }
}

export const defaultTimeouts: Timeouts = {
  connectMs: 3_000,
  firstByteMs: 60_000,
  idleMs: 120_000,
  totalMs: 600_000,
  streamTotalMs: 3_600_000,
};

/** The provider that is part of the gateway: every protocol, the names `loopback` and `loopback-*`, no key, no network. */
export const loopbackProvider: Provider = {
  name: "loopback",
  enabled: true,
  protocols: protocolIds,
  baseUrls: {},
  keys: [],
  models: ["loopback"],
  modelPatterns: ["loopback", "loopback-*"],
  headers: [],
  query: [],
  timeouts: defaultTimeouts,
  quirks: {},
  modelQuirks: new ServerQuirks({}),
  traits: new ProviderTraits("loopback", true, []),
  builtin: true,
};

/**
 * Builds the providers in the given order, the built-in one first. @param modelTraits what the operator knows of models.
 * @throws ProviderSettingsError for the first one that cannot be built.
 */
export function buildProviders(
  settings: readonly ProviderSettings[],
  modelTraits: readonly OperatorTraits[] = [],
  table: ProtocolTable = protocols,
): Provider[] {
  const providers = [loopbackProvider];
  for (const entry of settings) {
    if (providers.some((provider) => provider.name === entry.name)) {
      const reason = entry.name === loopbackProvider.name ? "the name is taken by the built-in provider" : "the name is used twice";
      throw new ProviderSettingsError(entry.name, "name", `${reason}; choose another`);
    }
    providers.push(buildProvider(entry, modelTraits, table));
  }
  return providers;
}

function buildProvider(settings: ProviderSettings, modelTraits: readonly OperatorTraits[], table: ProtocolTable): Provider {
  const { name } = settings;
  if (name === "" || name.includes("/")) throw new ProviderSettingsError(name, "name", 'a name must not be empty or contain a "/"');
  const preset = presetOf(settings);
  const baseUrls = baseUrlsOf(settings, preset, protocolsOf(settings, preset), table);
  const protocols = protocolsOf(settings, preset).filter((protocol) => baseUrls[protocol] !== undefined);
  const keyHeader = settings.keyHeader ?? preset?.quirks.keyHeader;
  const ownQuirks: Quirks = { ...preset?.quirks, ...settings.quirks };
  const quirks: Quirks = {
    ...(preset === undefined ? compatible : {}),
    ...ownQuirks,
    ...(keyHeader === undefined ? {} : { keyHeader: checkedHeader(name, "key_header", keyHeader) }),
  };
  const disabledReason = disabledReasonOf(settings, preset, baseUrls);
  const otherNames = preset === undefined ? [] : [preset.name, ...(preset.aliases ?? [])].filter((other) => other !== name);
  return {
    name,
    ...(otherNames.length === 0 ? {} : { otherNames }),
    enabled: disabledReason === undefined,
    ...(disabledReason === undefined ? {} : { disabledReason }),
    protocols,
    baseUrls,
    keys: settings.keys.map((key, index) => ({ id: `${name}#${index + 1}`, secret: checkedKey(name, key, index) })),
    ...(settings.keys.length > 1 ? { keyTurn: { next: 0 } } : {}),
    models: [...new Set(settings.models)],
    modelPatterns: preset?.modelPatterns ?? [],
    headers: (settings.headers ?? []).map((header) => checkedPair(name, header)),
    query: settings.query ?? [],
    timeouts: { ...defaultTimeouts, ...settings.timeouts },
    quirks,
    modelQuirks: new ServerQuirks(quirks),
    traits: new ProviderTraits(name, quirks.noVendorFields !== true, modelTraits),
    ...(changesBodies(ownQuirks) ? { ownQuirks, ownModelQuirks: new ServerQuirks(ownQuirks) } : {}),
    ...(settings.caching === undefined ? {} : { caching: settings.caching }),
    ...(hasContextCaches(settings, preset, baseUrls) ? { hasContextCaches: true } : {}),
    builtin: false,
    ...(settings.isProbed === undefined ? {} : { isProbed: settings.isProbed }),
  };
}

function hasContextCaches({ hasContextCaches: given }: ProviderSettings, preset: Preset | undefined, baseUrls: BaseUrls): boolean {
  const protocol = preset?.contextCaches;
  return given ?? (protocol !== undefined && baseUrls[protocol] !== undefined && baseUrls[protocol] === preset?.baseUrls[protocol]);
}

/** Quirks that are not about the body of a request. */
const bodilessQuirks: ReadonlySet<string> = new Set([
  "keyHeader",
  "noTokenCounter",
  "answerHeaders",
  "routesItself",
  "reportsDollars",
] satisfies (keyof Quirks)[]);

function changesBodies(quirks: Quirks): boolean {
  return Object.keys(quirks).some((key) => !bodilessQuirks.has(key));
}

function presetOf(settings: ProviderSettings): Preset | undefined {
  const preset = findPreset(settings.preset ?? settings.name);
  if (preset === undefined && settings.preset !== undefined) {
    const known = presets.map((row) => row.name).join(", ");
    throw new ProviderSettingsError(settings.name, "preset", `there is no preset ${JSON.stringify(settings.preset)}; known are ${known}`);
  }
  return preset;
}

function protocolsOf(settings: ProviderSettings, preset: Preset | undefined): readonly ProtocolId[] {
  const protocols = settings.protocols ?? preset?.protocols ?? [];
  if (protocols.length === 0) {
    throw new ProviderSettingsError(
      settings.name,
      "protocols",
      `protocols is required, as there is no preset of that name: list one or more of ${protocolIds.join(", ")}`,
    );
  }
  return [...new Set(protocols)];
}

type BaseUrls = { [P in ProtocolId]?: string };

function baseUrlsOf(
  settings: ProviderSettings,
  preset: Preset | undefined,
  protocols: readonly ProtocolId[],
  table: ProtocolTable,
): BaseUrls {
  const baseUrls: BaseUrls = {};
  for (const protocol of protocols) {
    try {
      const url = baseUrlOf(settings, preset, protocols[0]!, table.get(protocol)!);
      if (url !== undefined) baseUrls[protocol] = url;
    } catch (error) {
      if (error instanceof BaseUrlError) throw new ProviderSettingsError(settings.name, "base_url", error.message);
      throw error;
    }
    if (baseUrls[protocol] === undefined && (settings.protocols !== undefined || settings.baseUrl === undefined)) {
      const example = preset?.baseUrlExample === undefined ? "" : `, e.g. ${preset.baseUrlExample}`;
      throw new ProviderSettingsError(settings.name, "base_url", `base_url is required for ${protocol}${example}`);
    }
  }
  return baseUrls;
}

/**
 * `undefined`: this protocol is not served with this configuration. If the operator has configured another host, the key must not be sent to the
 * vendor.
 */
function baseUrlOf(
  settings: ProviderSettings,
  preset: Preset | undefined,
  first: ProtocolId,
  { id, wireRules }: Pick<Protocol, "id" | "wireRules">,
): string | undefined {
  const given = settings.baseUrl;
  const known = preset?.baseUrls[id];
  if (given === undefined) return known;
  if (typeof given !== "string") {
    const url = given[id];
    return url === undefined ? undefined : normaliseBaseUrl(wireRules, url);
  }
  const vendor = preset?.baseUrls[first];
  const vendorStem = vendor === undefined ? undefined : baseUrlStem(vendor);
  if (known !== undefined && baseUrlStem(given) === vendorStem) return known;
  const elsewhere = known !== undefined && baseUrlStem(known) !== vendorStem;
  if (elsewhere && settings.protocols === undefined) return undefined;
  return normaliseBaseUrl(wireRules, given, preset?.barePath ?? "/v1");
}

function disabledReasonOf(settings: ProviderSettings, preset: Preset | undefined, baseUrls: BaseUrls): string | undefined {
  if (!settings.enabled) return settings.disabledReason ?? "enabled is false in the configuration";
  if (settings.keys.length > 0 || preset === undefined || preset.keyEnv.length === 0) return undefined;
  // A self-hosted server may need no key, or get it from `headers`.
  const atVendor = Object.values(preset.baseUrls).some((url) => Object.values(baseUrls).includes(url));
  if (!atVendor || (settings.headers ?? []).length > 0) return undefined;
  return `it has no key: set api_key, or ${preset.keyEnv.join(" or ")} in the environment`;
}

const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// Tab, and all printable characters of latin1.
const headerValue = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;
const ownHeaders = new Set(["connection", "content-length", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"]);

function checkedHeader(provider: string, setting: string, name: string): string {
  if (!headerName.test(name) || ownHeaders.has(name.toLowerCase())) {
    throw new ProviderSettingsError(provider, setting, `${JSON.stringify(name)} cannot be used as a header`);
  }
  return name.toLowerCase();
}

function checkedPair(provider: string, [name, value]: readonly [string, string]): readonly [string, string] {
  const checked = checkedHeader(provider, "headers", name);
  if (!headerValue.test(value)) {
    throw new ProviderSettingsError(provider, "headers", `the value of ${checked} contains characters that a header cannot carry`);
  }
  return [checked, value];
}

/** Keys that are read from files often end in a line break, which a header cannot carry. */
function checkedKey(provider: string, key: Secret, index: number): Secret {
  const value = key.reveal().trim();
  if (value === "" || !headerValue.test(value)) {
    throw new ProviderSettingsError(provider, "api_key", `key ${index + 1} is empty or contains characters that a header cannot carry`);
  }
  return new Secret(value);
}
