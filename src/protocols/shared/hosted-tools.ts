import type { ServerTool } from "../../ir/index.ts";
import { compact, isObject, type WireObject } from "./fields.ts";
import type { Losses } from "./losses.ts";

/**
 * A tool that a vendor runs itself, as far as another vendor has the same: Anthropic `web_search_20250305`, `web_fetch_…`, `code_execution_…`; Responses
 * `web_search`, `web_search_preview`, `code_interpreter`; Gemini `googleSearch`, `urlContext`, `codeExecution`; Chat `web_search_options` (SDKs
 * `@anthropic-ai/sdk` 1.12, `openai` 7.57, `@google/genai` 3.1).
 */
export interface HostedTool {
  readonly kind: "web-search" | "web-fetch" | "code-execution";
  readonly allowedDomains?: readonly string[];
  readonly blockedDomains?: readonly string[];
  /** `{"type":"approximate","city"?,"region"?,"country"?,"timezone"?}`. */
  readonly userLocation?: WireObject;
  readonly maxUses?: number;
  /** How much of what is found the model sees: `low`, `medium`, `high`. */
  readonly contextSize?: string;
}

/** `{"type":"web_search_options",…}`: the field of Chat as a tool. */
export const chatSearchType = "web_search_options";

const kindByName: Readonly<Record<string, HostedTool["kind"]>> = {
  googleSearch: "web-search",
  googleSearchRetrieval: "web-search",
  enterpriseWebSearch: "web-search",
  urlContext: "web-fetch",
  codeExecution: "code-execution",
};

/** Reads the declaration of a tool of any protocol; `undefined` if only its own vendor has it. */
export function readHostedTool({ name, protocol, wire }: ServerTool): HostedTool | undefined {
  const isGemini = protocol === "gemini-generate";
  const kind = isGemini ? kindByName[name] : kindOfType(wire["type"]);
  if (kind === undefined) return undefined;
  const inner = isGemini ? wire[name] : wire;
  const options = isObject(inner) ? inner : {};
  const filters = isObject(options["filters"]) ? options["filters"] : {};
  return compact({
    kind,
    allowedDomains: domainsOf(options["allowed_domains"]) ?? domainsOf(filters["allowed_domains"]),
    blockedDomains: domainsOf(options["blocked_domains"]) ?? domainsOf(options["excludeDomains"]),
    userLocation: placeOf(options["user_location"]),
    maxUses: typeof options["max_uses"] === "number" ? options["max_uses"] : undefined,
    contextSize: typeof options["search_context_size"] === "string" ? options["search_context_size"] : undefined,
  });
}

function kindOfType(type: unknown): HostedTool["kind"] | undefined {
  if (typeof type !== "string") return undefined;
  if (/^web_search(?:_preview|_options)?(?:_\d+)*$/.test(type)) return "web-search";
  if (/^web_fetch(?:_\d+)?$/.test(type)) return "web-fetch";
  return /^(?:code_execution(?:_\d+)?|code_interpreter)$/.test(type) ? "code-execution" : undefined;
}

function domainsOf(value: unknown): readonly string[] | undefined {
  const domains = Array.isArray(value) ? value.filter((domain) => typeof domain === "string") : [];
  return domains.length === 0 ? undefined : domains;
}

const placeKeys = ["city", "region", "country", "timezone"] as const;

/** Chat has the fields of a place under `approximate`. */
function placeOf(value: unknown): WireObject | undefined {
  if (!isObject(value)) return undefined;
  const inner = isObject(value["approximate"]) ? value["approximate"] : value;
  const fields = placeKeys.flatMap((key) => (typeof inner[key] === "string" ? [[key, inner[key]] as const] : []));
  return { type: "approximate", ...Object.fromEntries(fields) };
}

const optionNames: Readonly<Record<Exclude<keyof HostedTool, "kind">, string>> = {
  allowedDomains: "allowed_domains",
  blockedDomains: "blocked_domains",
  userLocation: "user_location",
  maxUses: "max_uses",
  contextSize: "search_context_size",
};

/** Reports that another vendor's own tool is used, and its options that this vendor does not have. */
export function reportHosted(tool: HostedTool, kept: readonly (keyof HostedTool)[], losses: Losses): void {
  losses.emulate("tools[]", "The provider's own tool for it is used instead.");
  for (const [key, name] of Object.entries(optionNames) as [keyof HostedTool, string][]) {
    const value = tool[key];
    if (value === undefined || kept.includes(key) || value === "medium") continue;
    losses.drop(`tools[].${name}`, "The provider's own tool has no such option.");
  }
}
