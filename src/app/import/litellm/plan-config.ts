import type { ConfigPlan, Note } from "../import-plan.ts";
import { planModels } from "./plan-models.ts";
import { planSettings } from "./plan-settings.ts";
import { escapeReference, isTable, type Table } from "./read-config.ts";

/** What behaves otherwise for everybody who comes from LiteLLM. */
const always: readonly Note[] = [
  { path: "port", reason: "LiteLLM listens on 4000, the gateway on 8081: change the clients' base URL, or set gateway.port" },
  {
    path: "model names",
    reason:
      "a name that is not in model_list but that a provider serves can be called, too: tokligence apikey create --models limits a key",
  },
  { path: "/key, /team, /user", reason: "LiteLLM's management routes are not served: docs/admin-api.md" },
];

/** LiteLLM's configuration as ours. Pure. */
export function planConfig(config: Table): ConfigPlan {
  const models = planModels(config);
  const { taken, notes: settingNotes } = planSettings(config);
  const notes = [...models.notes, ...settingNotes];
  const aliases: Record<string, string> = { ...models.aliases };
  const groups: Record<string, Table> = { ...models.models };
  for (const [alias, name] of Object.entries(taken.aliases)) {
    if (alias === "__proto__")
      notes.push({ path: "router_settings.model_group_alias", reason: "a model cannot have the name __proto__ here" });
    else if (Object.hasOwn(groups, name)) groups[alias] = Object.hasOwn(groups, alias) ? groups[alias]! : groups[name]!;
    else if (Object.hasOwn(aliases, name)) aliases[alias] = Object.hasOwn(aliases, alias) ? aliases[alias]! : aliases[name]!;
    else
      notes.push({ path: `router_settings.model_group_alias.${alias}`, reason: `"${name}" is not in model_list, or was not taken over` });
  }
  const known = new Set([...Object.keys(aliases), ...Object.keys(groups)]);
  const redis = redisUrl(taken.redis);
  const tree = {
    gateway: Object.keys(taken.timeouts).length === 0 ? {} : { timeouts: taken.timeouts },
    providers: models.providers,
    model_provider_routes: models.routes,
    model_aliases: aliases,
    models: groups,
    fallbacks: keepKnown(taken.fallbacks, known, notes),
    model_traits: models.traits,
    routing: taken.routing,
    response_cache: taken.cache,
    redis: redis === undefined ? {} : { url: redis },
    prices: models.prices,
  };
  return {
    tree: Object.fromEntries(Object.entries(tree).filter(([, value]) => Object.keys(value).length > 0)),
    notes: [...notes, ...always],
  };
}

/** Fallbacks to names that were not taken over would make the configuration invalid. */
function keepKnown(
  fallbacks: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>,
  known: ReadonlySet<string>,
  notes: Note[],
): Record<string, Record<string, string[]>> {
  const kept: Record<string, Record<string, string[]>> = {};
  for (const [name, lists] of Object.entries(fallbacks)) {
    for (const [reason, models] of Object.entries(lists)) {
      const found = models.filter((model) => known.has(model));
      for (const model of models) {
        if (!known.has(model)) notes.push({ path: `fallbacks.${name}`, reason: `"${model}" is not in model_list, or was not taken over` });
      }
      if (found.length > 0 && name !== "__proto__")
        kept[name] = { ...(Object.hasOwn(kept, name) ? kept[name] : {}), [reason]: found.map(escapeReference) };
    }
  }
  return kept;
}

function redisUrl({ url, host, port = "6379", password }: Readonly<Record<string, string>>): string | undefined {
  if (url !== undefined) return url;
  return host === undefined ? undefined : `redis://${password === undefined ? "" : `:${password}@`}${host}:${port}`;
}

/** The master key's own text: as written, or from the variable that it names. */
export function readMasterKey(config: Table, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const general = config["general_settings"];
  const value = isTable(general) ? general["master_key"] : undefined;
  if (value === undefined) return env["LITELLM_MASTER_KEY"];
  if (typeof value !== "string") return undefined;
  return value.startsWith("os.environ/") ? env[value.slice("os.environ/".length)] : value;
}
