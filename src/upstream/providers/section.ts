import * as z from "zod";
import type { Secret } from "../../core/index.ts";
import { protocolIds } from "../../ir/index.ts";
import type { ProviderSettings } from "./build-providers.ts";
import type { Timeouts } from "../types.ts";
import { choice, duration, flag, leaf, limitValues, readLimitValues, secret, text, texts } from "../../settings/index.ts";
import { cachingModes } from "../../protocols/index.ts";
import { quirksSetting, readQuirks } from "./quirks-setting.ts";

const providerTimeouts = z.strictObject({
  connect: duration("As gateway.timeouts.connect, for this provider.").optional(),
  first_byte: duration("As gateway.timeouts.first_byte, for this provider.").optional(),
  idle: duration("As gateway.timeouts.idle, for this provider.").optional(),
  total: duration("As gateway.timeouts.total, for this provider.").optional(),
  stream_total: duration("As gateway.timeouts.stream_total, for this provider.").optional(),
});

const baseUrlAllowed = `a URL that starts with https:// or http://, or a map of such URLs for some of ${protocolIds.join(", ")}`;

const provider = z.strictObject({
  enabled: flag("Whether it is used.").prefault(true),
  preset: text(
    "The preset that the other settings are taken from, such as openai, azure, ollama; the provider's own name if omitted.",
  ).optional(),
  protocols: leaf(z.array(z.enum(protocolIds)).min(1), {
    kind: "list",
    description: "The protocols that it speaks: the client's own is preferred, then the first listed. Required if there is no preset.",
    allowed: `a list of one or more of ${protocolIds.join(", ")}`,
  }).optional(),
  base_url: leaf(z.union([z.string().min(1), z.partialRecord(z.enum(protocolIds), z.string().min(1))]), {
    kind: "urls",
    description:
      "Where it is, ending where the vendor's SDK's base ends: with /v1 for the OpenAI protocols. One URL, or one for each protocol.",
    allowed: baseUrlAllowed,
    sensitive: true,
  }).optional(),
  api_key: secret('Its key, best as ${VARIABLE}: where that is not set, the provider is disabled. "" means that it needs none.').optional(),
  api_keys: texts("Several keys, taken in turn.", "a list of texts, best as ${VARIABLE}", true).optional(),
  models: texts("Models that it serves, by their exact names.", "a list of model names").optional(),
  headers: leaf(z.record(z.string().min(1), z.string()), {
    kind: "map",
    description: "Headers added to every request to it.",
    allowed: "a map of header names and texts",
    sensitive: true,
  }).optional(),
  query: leaf(z.record(z.string().min(1), z.string()), {
    kind: "map",
    description: "Query parameters added to every request to it.",
    allowed: "a map of parameter names and texts",
    sensitive: true,
  }).optional(),
  timeouts: providerTimeouts.describe("Times for this provider alone.").prefault({}),
  key_header: text(
    "Header that carries the bare key, where it is not the protocol's own, as in api-key.",
    "the name of a header",
  ).optional(),
  probe: flag(
    "Whether the gateway asks it for its models each minute while no request goes to it, so that its state is known; true if omitted.",
  ).optional(),
  quirks: quirksSetting.optional(),
  limits: limitValues(
    "What it may be asked at most: its own quota. A request waits up to a second for a free place, then goes to the next target.",
  ).prefault({}),
  caching: choice(
    "How prompts are prepared for its cache: auto sets marks, or makes context caches at Google, where a prompt is expected to be used again, client keeps to the client's own, off sets none. If omitted, auto for translated requests; others go as they are. See docs/caching.md.",
    cachingModes,
  ).optional(),
});

export const providersSchema = z
  .record(z.string().regex(/^[A-Za-z0-9][\w.-]{0,63}$/), provider)
  .describe("Who serves models, by a name of your choice. openai, anthropic and google are there without being named.")
  .prefault({});

export const modelRoutesSchema = leaf(z.record(z.string().min(1), z.union([z.string().min(1), z.array(z.string().min(1)).min(1)])), {
  kind: "routes",
  description:
    "Which provider serves which models: a pattern with * and [0-9], then a provider or a list of them, best first. The first pattern that fits wins. Without routes the presets' own patterns hold.",
  allowed: "a map of patterns, each with a provider's name or a list of them",
}).prefault({});

export const modelAliasesSchema = leaf(z.record(z.string().min(1), z.string().min(1)), {
  kind: "map",
  description: "Other names for models: the name that clients use, then a model or provider/model.",
  allowed: "a map of names, each with a model or provider/model",
}).prefault({});

/** The keys of a provider, or why it can have none. */
export interface ProviderKeys {
  readonly keys: readonly Secret[];
  readonly disabledReason?: string;
  /** Of several keys, those that are not used. */
  readonly warnings: readonly string[];
}

export type ParsedProvider = z.output<typeof provider>;

/** @param gateway the times that hold where the provider has none of its own. */
export function readProvider(name: string, provider: ParsedProvider, keys: ProviderKeys | undefined, gateway: Timeouts): ProviderSettings {
  const { timeouts } = provider;
  const limits = readLimitValues(provider.limits);
  const reason = keys?.disabledReason;
  return {
    name,
    enabled: provider.enabled && reason === undefined,
    ...(provider.enabled && reason !== undefined ? { disabledReason: reason } : {}),
    ...(provider.preset === undefined ? {} : { preset: provider.preset }),
    ...(provider.protocols === undefined ? {} : { protocols: provider.protocols }),
    ...(provider.base_url === undefined ? {} : { baseUrl: provider.base_url }),
    keys: keys?.keys ?? [],
    models: provider.models ?? [],
    headers: Object.entries(provider.headers ?? {}),
    query: Object.entries(provider.query ?? {}),
    timeouts: {
      connectMs: timeouts.connect ?? gateway.connectMs,
      firstByteMs: timeouts.first_byte ?? gateway.firstByteMs,
      idleMs: timeouts.idle ?? gateway.idleMs,
      totalMs: timeouts.total ?? gateway.totalMs,
      streamTotalMs: timeouts.stream_total ?? gateway.streamTotalMs,
    },
    ...(provider.key_header === undefined ? {} : { keyHeader: provider.key_header }),
    ...(provider.probe === false ? { isProbed: false } : {}),
    ...(provider.caching === undefined ? {} : { caching: provider.caching }),
    ...(provider.quirks === undefined ? {} : { quirks: readQuirks(provider.quirks) }),
    ...(limits === undefined ? {} : { limits }),
  };
}
