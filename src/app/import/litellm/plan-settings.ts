import type { Note } from "../import-plan.ts";
import { durationOf } from "./plan-models.ts";
import { isTable, valueOf, type Table } from "./read-config.ts";

/** Our settings that a part of LiteLLM's configuration becomes. */
interface Taken {
  routing: Record<string, unknown>;
  timeouts: Record<string, string>;
  fallbacks: Record<string, Record<string, readonly string[]>>;
  cache: Record<string, unknown>;
  redis: Record<string, string>;
  /** An alias → the name it is for. */
  aliases: Record<string, string>;
}

type Take = (value: unknown, taken: Taken) => string | undefined;

/** `undefined`: taken over. A text: why not, or what is different. */
const rows: Readonly<Record<string, Take | string>> = {
  "litellm_settings.drop_params": (value) =>
    value === true ? undefined : "what a provider does not take is left out and reported; gateway.on_loss: refuse refuses it",
  "litellm_settings.num_retries": takeRetries,
  "router_settings.num_retries": takeRetries,
  "litellm_settings.request_timeout": takeTimeout,
  "router_settings.timeout": takeTimeout,
  "litellm_settings.fallbacks": (value, taken) => takeFallbacks(value, "any", taken),
  "router_settings.fallbacks": (value, taken) => takeFallbacks(value, "any", taken),
  "litellm_settings.context_window_fallbacks": (value, taken) => takeFallbacks(value, "context", taken),
  "router_settings.context_window_fallbacks": (value, taken) => takeFallbacks(value, "context", taken),
  "litellm_settings.content_policy_fallbacks": (value, taken) => takeFallbacks(value, "filtered", taken),
  "router_settings.content_policy_fallbacks": (value, taken) => takeFallbacks(value, "filtered", taken),
  "litellm_settings.default_fallbacks": takeDefaultFallbacks,
  "router_settings.default_fallbacks": takeDefaultFallbacks,
  "litellm_settings.cache": (value, taken) => {
    if (value !== true) return undefined;
    taken.cache["enabled"] = true;
    return "answers are kept in memory, and only for keys made with --cache: docs/caching.md";
  },
  "litellm_settings.cache_params": (value, taken) => {
    const ttl = isTable(value) ? Number(value["ttl"]) : Number.NaN;
    if (Number.isFinite(ttl) && ttl >= 60) taken.cache["lifetime"] = durationMinutes(ttl);
    return "answers are kept in memory; type, namespace and the like have no counterpart";
  },
  "litellm_settings.set_verbose": "gateway.logging.level: debug logs more",
  "litellm_settings.max_budget": "no budget for the whole installation: set one for each provider, tokligence budget set provider:NAME",
  "litellm_settings.budget_duration": "see litellm_settings.max_budget",
  "litellm_settings.ssl_verify": "certificates are always checked: NODE_EXTRA_CA_CERTS adds an authority",
  "litellm_settings.callbacks": callbackReason,
  "litellm_settings.success_callback": callbackReason,
  "litellm_settings.failure_callback": callbackReason,
  "litellm_settings.json_logs": "the log is always JSON",
  "router_settings.routing_strategy": takeStrategy,
  "router_settings.model_group_alias": takeGroupAliases,
  "router_settings.allowed_fails": (value, taken) => {
    if (!Number.isInteger(value) || (value as number) < 0) return "it is no whole number";
    taken.routing["breaker"] = { ...(taken.routing["breaker"] as object), in_a_row: Math.min(1000, (value as number) + 1) };
    return undefined;
  },
  "router_settings.cooldown_time": (value, taken) => {
    if (typeof value !== "number" || value <= 0) return "it is no number of seconds";
    taken.routing["breaker"] = { ...(taken.routing["breaker"] as object), open: durationOf(value) };
    return undefined;
  },
  "router_settings.redis_url": (value, taken) => takeText(value, (text) => (taken.redis["url"] = text)),
  "router_settings.redis_host": (value, taken) => takeText(value, (text) => (taken.redis["host"] = text)),
  "router_settings.redis_port": (value, taken) => takeText(value, (text) => (taken.redis["port"] = text)),
  "router_settings.redis_password": (value, taken) => takeText(value, (text) => (taken.redis["password"] = text)),
  "router_settings.enable_tag_filtering": "requests are not routed by tags",
  "general_settings.master_key": "see below: the master key",
  "general_settings.database_url": "LiteLLM's database is only read, with --database; the gateway has its own",
  "general_settings.store_model_in_db": "models are in the configuration; those in LiteLLM's database are encrypted and not read",
  "general_settings.alerting": "alerts go to webhooks and e-mail: docs/alerts.md",
  "general_settings.custom_auth": "code cannot be loaded into the gateway",
  "general_settings.pass_through_endpoints": "only the routes of the known protocols are served",
  "general_settings.proxy_batch_write_at": "usage entries are written within a tenth of a second",
};

/** Parts of the file that have no counterpart as a whole. */
const sections: Readonly<Record<string, string>> = {
  environment_variables: "set it in the environment of the gateway",
  guardrails: "the gateway has no guardrails",
  mcp_servers: "the gateway serves no MCP",
  mcp_tools: "the gateway serves no MCP",
  vector_store_registry: "the gateway has no vector stores",
  search_tools: "the gateway has no search tools of its own",
  finetune_settings: "fine-tuning is not served",
  files_settings: "files are not served",
};
const withEachKey = new Set(["environment_variables"]);
const settingSections = new Set(["litellm_settings", "router_settings", "general_settings"]);

/** Turns everything but `model_list` into our settings; what is not turned is a note with its path. */
export function planSettings(config: Table): { readonly taken: Taken; readonly notes: readonly Note[] } {
  const taken: Taken = { routing: { strategy: "weighted" }, timeouts: {}, fallbacks: {}, cache: {}, redis: {}, aliases: {} };
  const notes: Note[] = [];
  for (const [section, value] of Object.entries(config)) {
    if (section === "model_list" || section === "credential_list" || section === "include") continue;
    if (!settingSections.has(section)) {
      const reason = sections[section] ?? "no counterpart";
      const keys = withEachKey.has(section) && isTable(value) ? Object.keys(value) : [];
      for (const path of keys.length === 0 ? [section] : keys.map((key) => `${section}.${key}`)) notes.push({ path, reason });
      continue;
    }
    for (const [key, each] of Object.entries(isTable(value) ? value : {})) {
      const path = `${section}.${key}`;
      const row = Object.hasOwn(rows, path) ? rows[path]! : "no counterpart";
      const reason = typeof row === "string" ? row : row(each, taken);
      if (reason !== undefined) notes.push({ path, reason });
    }
  }
  return { taken, notes };
}

function takeText(value: unknown, take: (text: string) => void): string | undefined {
  const text = valueOf(value);
  if (text === undefined) return "it is empty";
  take(text);
  return undefined;
}

function takeRetries(value: unknown, taken: Taken): string | undefined {
  if (!Number.isInteger(value) || (value as number) < 0) return "it is no whole number";
  taken.routing["retries"] = Math.min(10, value as number);
  return "other targets are asked before one is tried again, and retries have a budget: docs/routing.md";
}

function takeTimeout(value: unknown, taken: Taken): string | undefined {
  if (typeof value !== "number" || value <= 0) return "it is no number of seconds";
  taken.timeouts["total"] = durationOf(value);
  return undefined;
}

function takeStrategy(value: unknown, taken: Taken): string | undefined {
  const strategies: Readonly<Record<string, string>> = {
    "simple-shuffle": "weighted",
    "least-busy": "least-busy",
    "latency-based-routing": "fastest",
    "cost-based-routing": "cheapest",
  };
  const found = typeof value === "string" && Object.hasOwn(strategies, value) ? strategies[value] : undefined;
  if (found === undefined) return "no such strategy: weighted is used (docs/routing.md)";
  taken.routing["strategy"] = found;
  return undefined;
}

function takeFallbacks(value: unknown, reason: string, taken: Taken): string | undefined {
  if (!Array.isArray(value)) return "it is no list of maps";
  for (const entry of value as unknown[]) {
    for (const [name, models] of Object.entries(isTable(entry) ? entry : {})) {
      const names = (Array.isArray(models) ? (models as unknown[]) : []).filter((each) => typeof each === "string");
      if (names.length > 0) taken.fallbacks[name] = { ...taken.fallbacks[name], [reason]: names };
    }
  }
  return undefined;
}

function takeDefaultFallbacks(value: unknown, taken: Taken): string | undefined {
  return takeFallbacks([{ "*": value }], "any", taken);
}

function takeGroupAliases(value: unknown, taken: Taken): string | undefined {
  for (const [alias, target] of Object.entries(isTable(value) ? value : {})) {
    const name = isTable(target) ? target["model"] : target;
    if (typeof name === "string") taken.aliases[alias] = name;
  }
  return undefined;
}

function callbackReason(value: unknown): string {
  const names = Array.isArray(value) ? (value as unknown[]).filter((each) => typeof each === "string") : [];
  if (names.includes("langfuse") || names.includes("otel"))
    return "traces go to OpenTelemetry or Langfuse by telemetry.otlp: docs/telemetry.md";
  if (names.includes("prometheus")) return "GET /metrics is always there: docs/metrics.md";
  return "code cannot be loaded into the gateway: docs/telemetry.md and docs/alerts.md have what it sends";
}

function durationMinutes(seconds: number): string {
  return `${Math.max(1, Math.round(seconds / 60))}m`;
}
