import { printValue, resolvePath, type PathBase } from "../../settings/index.ts";
import type { ParsedSettings } from "./schema.ts";
import { schemaTree, type SchemaLeaf, type SchemaNode } from "./schema-tree.ts";
import type { Settings } from "./settings.ts";

const masked = "[secret]";

type Shown = Record<string, unknown>;

/**
 * The configuration as JSON, with the file's names: `{"gateway": {"port": 8081, …}, …}`. It is read off the schema, so that a new setting is in it by
 * itself. Every value that may contain a secret is `[secret]`.
 */
export function maskSettings(parsed: ParsedSettings, settings: Omit<Settings, "shown">, base: PathBase): Shown {
  const shown = maskNode(schemaTree, { ...parsed, database: placeOf(parsed, settings) }, base) as Shown;
  const byName = shown["providers"] as Record<string, Shown>;
  const providers = settings.providers.map((provider) => {
    // The key may come from the environment as well: it is one of `api_keys`.
    const { api_key: _, limits = {}, ...row } = byName[provider.name] ?? {};
    const limited = Object.keys(limits as object).length === 0 ? {} : { limits };
    return [provider.name, { ...row, ...limited, ...resolved(provider, base) }];
  });
  const routes = settings.modelProviderRoutes.map(([pattern, names]) => [pattern, [...names]]);
  return { ...shown, providers: Object.fromEntries(providers), model_provider_routes: Object.fromEntries(routes) };
}

/** The database with the defaults of the kind that is used. */
function placeOf({ database }: ParsedSettings, settings: Omit<Settings, "shown">): object {
  const { type, path, postgresql } = settings.database;
  if (postgresql === undefined) return { type, path };
  const { host, port, database: name, username, tls } = postgresql;
  const place = database.url === undefined ? { host, port, database: name, username, password: database.password } : { url: database.url };
  return { type, path, ...place, pool: postgresql.pool, tls: tls === undefined ? false : { ...tls } };
}

/** What a provider's row does not say by itself: whether it is in use, how many keys it has, which times hold. */
function resolved(provider: Settings["providers"][number], base: PathBase): Shown {
  const { enabled, disabledReason, keys, models = [], headers = [], query = [], timeouts = {} } = provider;
  const times = { connect: timeouts.connectMs, first_byte: timeouts.firstByteMs, idle: timeouts.idleMs };
  const totals = { total: timeouts.totalMs, stream_total: timeouts.streamTotalMs };
  return {
    enabled,
    ...(disabledReason === undefined ? {} : { disabled_reason: disabledReason }),
    api_keys: keys.map(() => masked),
    models: [...models],
    headers: Object.fromEntries(headers.map(([name]) => [name, masked])),
    query: Object.fromEntries(query.map(([name]) => [name, masked])),
    timeouts: maskNode(timeoutsNode, { ...times, ...totals }, base),
  };
}

const providersNode = schemaTree.keys.get("providers");
const providerNode = providersNode?.type === "map" ? providersNode.value : undefined;
const timeoutsNode: SchemaNode = (providerNode?.type === "object" ? providerNode.keys.get("timeouts") : undefined)!;

function maskNode(node: SchemaNode, value: unknown, base: PathBase): unknown {
  if (value === undefined) return undefined;
  if (node.type === "leaf") return maskLeaf(node, value, base);
  const below = (key: string): SchemaNode | undefined => (node.type === "map" ? node.value : node.keys.get(key));
  const entries = Object.entries(value as object).flatMap(([key, part]) => {
    const next = below(key);
    const shown = next === undefined ? undefined : maskNode(next, part, base);
    return shown === undefined ? [] : [[key, shown]];
  });
  return Object.fromEntries(entries);
}

function maskLeaf(leaf: SchemaLeaf, value: unknown, base: PathBase): unknown {
  if (leaf.kind === "path") return resolvePath(String(value), base);
  if (leaf.kind === "urls" || leaf.isUrl) return typeof value === "string" ? maskUrl(value) : mapValues(value as object, maskUrl);
  if (!leaf.sensitive) return printValue(leaf, value);
  if (typeof value === "string") return masked;
  return Array.isArray(value) ? value.map(() => masked) : mapValues(value as object, () => masked);
}

function mapValues(value: object, change: (text: string) => string): object {
  return Object.fromEntries(Object.entries(value).flatMap(([key, text]) => (text === undefined ? [] : [[key, change(String(text))]])));
}

/** A URL without its password and query, which may contain a secret too. */
function maskUrl(text: string): string {
  if (!URL.canParse(text)) return masked;
  const url = new URL(text);
  if (url.username === "" && url.password === "" && url.search === "" && url.hash === "") return text;
  const user = url.password === "" ? url.username : `${url.username}:${masked}`;
  const query = url.search === "" ? "" : `?${masked}`;
  return `${url.protocol}//${user === "" ? "" : `${user}@`}${url.host}${url.pathname}${query}`;
}
