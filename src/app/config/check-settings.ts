import type * as z from "zod";
import { messageOf } from "../../core/index.ts";
import { createPriceCatalogue, readPriceFile } from "../../ledger/index.ts";
import {
  buildProviders,
  closestNames,
  createCatalog,
  loopbackProvider,
  ProviderSettingsError,
  RoutingError,
  type Provider,
} from "../../upstream/index.ts";
import { createSettings } from "./create-settings.ts";
import {
  createProblem,
  createMessageProblem,
  describeValue,
  isTree,
  type PathBase,
  type Problem,
  type Path,
} from "../../settings/index.ts";
import type { Env } from "./expand-text.ts";
import type { Layers } from "./layers.ts";
import { chooseKeys } from "./provider-keys.ts";
import { settingsSchema, type ParsedSettings } from "./schema.ts";
import { nodeAt, type SchemaNode } from "./schema-tree.ts";
import type { Settings } from "./settings.ts";
import { getAt } from "./tree.ts";

/** A configuration is read once or twice in the life of a process: code that is made for many calls would cost more than it saves (a tenth of the start). */
const once = { jitless: true } as const;

export type Checked =
  | { readonly settings: Settings; readonly warnings: readonly string[]; readonly problems?: never }
  | { readonly problems: readonly Problem[]; readonly settings?: never };

/** Checks the layers as a whole: each value, then what belongs together, then whether providers and routes can be built from it. */
export function checkSettings(layers: Layers, env: Env, base: PathBase): Checked {
  // The values are checked even if the environment lacks something, so that one run reports all problems.
  const parsed = settingsSchema.safeParse(layers.tree, once);
  const problems = [...layers.problems];
  if (!parsed.success) {
    problems.push(...parsed.error.issues.flatMap((issue) => problemsOf(issue, layers)));
    return { problems: inOrder([...problems, ...contradictionsOfTheRest(parsed.error.issues, layers, env, base)]) };
  }
  const { settings, warnings, contradictions } = build(parsed.data, layers, env, base);
  problems.push(...contradictions);
  if (problems.length > 0) return { problems: inOrder(problems) };
  return { settings, warnings: [...layers.warnings, ...warnings] };
}

interface Built {
  readonly settings: Settings;
  readonly warnings: readonly string[];
  readonly contradictions: readonly Problem[];
}

function build(parsed: ParsedSettings, layers: Layers, env: Env, base: PathBase): Built {
  const keys = new Map(
    Object.entries(parsed.providers).map(([name, provider]) => [
      name,
      chooseKeys({ name, provider, unset: layers.unsetKeys.get(name) ?? [], env }),
    ]),
  );
  const settings = createSettings(parsed, keys, base);
  return {
    settings,
    warnings: [...keys.values()].flatMap((chosen) => chosen.warnings),
    contradictions: [
      ...checkHost(parsed, layers),
      ...checkDatabase(parsed, layers),
      ...checkSharing(parsed, layers),
      ...checkProviders(settings, layers),
      ...checkPrices(settings, layers),
    ],
  };
}

/**
 * Settings that contradict each other, so that one run reports all problems. A section with a wrong value is not checked: it may be right together with
 * the value that was meant.
 */
function contradictionsOfTheRest(issues: readonly z.core.$ZodIssue[], layers: Layers, env: Env, base: PathBase): readonly Problem[] {
  const tree = structuredClone(layers.tree);
  const suspect = new Set<string>();
  for (const issue of issues) {
    const [section, name] = issue.path as Path;
    if (section === undefined) {
      // An unknown section changes nothing about the others.
      if (issue.code === "unrecognized_keys") for (const key of issue.keys) delete tree[key];
      continue;
    }
    const part = section === "providers" && name !== undefined ? [section, name] : [section];
    suspect.add(JSON.stringify(part));
    const parent = getAt(tree, part.slice(0, -1));
    if (isTree(parent)) delete parent[part.at(-1)!];
  }
  // A route may lead to a provider with an error in it.
  if ([...suspect].some((part) => part.startsWith('["providers"'))) delete tree["model_provider_routes"];
  const parsed = settingsSchema.safeParse(tree, once);
  return parsed.success ? build(parsed.data, { ...layers, tree }, env, base).contradictions : [];
}

/** Whether the prices can be used: the file is read, and the first entry that is no price is named. */
function checkPrices({ prices, pricesFile }: Settings, layers: Layers): Problem[] {
  const refuse = (path: Path, error: unknown): Problem[] => [createMessageProblem(layers.locate(path), path, messageOf(error))];
  try {
    createPriceCatalogue({ overrides: prices });
  } catch (error) {
    return refuse(["prices"], error);
  }
  try {
    if (pricesFile !== undefined) readPriceFile(pricesFile);
  } catch (error) {
    return refuse(["prices_file"], error);
  }
  return [];
}

function problemsOf(issue: z.core.$ZodIssue, layers: Layers): Problem[] {
  const path = issue.path as Path;
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey([...path, key], layers));
  const origin = layers.locate(path);
  if (issue.code === "invalid_key" && nodeAt(path.slice(0, -1))?.type === "map") {
    const allowed = "a name of letters, digits, dots, dashes and underscores, at most 64";
    return [createProblem({ origin, path, found: "a name that cannot be used", allowed })];
  }
  const node = nodeAt(path);
  const value = getAt(layers.tree, path);
  const raw = layers.rawAt(path);
  // A text in place of a section may be a key in the wrong line.
  const sensitive = node?.type !== "leaf" || node.sensitive;
  const shown = raw === undefined ? describeValue(value, sensitive) : raw;
  const found = issue.code === "custom" && issue.params?.["isReason"] === true ? `${shown} ${issue.message}` : shown;
  return [createProblem({ origin, path, found, allowed: allowedAt(node, value) })];
}

function allowedAt(node: SchemaNode | undefined, value: unknown): string {
  if (node?.type !== "leaf") return node?.type === "object" ? `a map of ${[...node.keys.keys()].join(", ")}` : "a map of settings";
  const wantsText =
    node.kind !== "integer" &&
    node.kind !== "flag" &&
    node.kind !== "duration" &&
    node.kind !== "size" &&
    node.kind !== "percent" &&
    node.kind !== "choice";
  const unquoted = (typeof value === "number" || typeof value === "boolean") && wantsText;
  return unquoted ? `${node.allowed} (a number or true and false need quotes around them to be a text)` : node.allowed;
}

/** The sections of a LiteLLM proxy's configuration (docs.litellm.ai, config.yaml, November 2026). */
const liteLlmSections = new Set(["model_list", "litellm_settings", "general_settings", "router_settings", "environment_variables"]);

function unknownKey(path: Path, layers: Layers): Problem {
  const key = String(path.at(-1));
  if (path.length === 1 && liteLlmSections.has(key)) {
    const message =
      "a section of LiteLLM's configuration, which this gateway does not read; servers go under providers, names under model_aliases";
    return createMessageProblem(layers.locate(path), path, message);
  }
  const node = nodeAt(path.slice(0, -1));
  const known = node?.type === "object" ? [...node.keys.keys()] : [];
  const [nearest] = closestNames(key, known, 1);
  const allowed = node?.type === "leaf" ? node.allowed : known.join(", ");
  return createProblem({
    origin: layers.locate(path),
    path,
    found: nearest === undefined ? "an unknown key" : `an unknown key (did you mean ${nearest}?)`,
    allowed,
  });
}

/** Each once; those of the file first, from top to bottom. */
function inOrder(problems: readonly Problem[]): Problem[] {
  const line = ({ origin }: Problem): number => (origin?.kind === "file" ? origin.line : Number.MAX_SAFE_INTEGER);
  return [...new Map(problems.map((problem) => [problem.message, problem])).values()].toSorted((a, b) => line(a) - line(b));
}

const loopbackHost = /^(?:localhost|127(?:\.\d{1,3}){3}|::1|\[::1\])$/i;

function checkHost({ gateway }: ParsedSettings, layers: Layers): Problem[] {
  if (gateway.auth.enabled) return [];
  if (!gateway.trust_loopback) {
    const path = ["gateway", "trust_loopback"];
    const found = "false while gateway.auth.enabled is false, so that no one could call";
    return [createProblem({ origin: layers.locate(path), path, found, allowed: "true; or turn gateway.auth.enabled on" })];
  }
  if (loopbackHost.test(gateway.host)) return [];
  const path = ["gateway", "host"];
  const found = `${JSON.stringify(gateway.host)} while gateway.auth.enabled is false`;
  return [
    createProblem({ origin: layers.locate(path), path, found, allowed: "localhost, 127.0.0.1 or ::1; or turn gateway.auth.enabled on" }),
  ];
}

const postgresqlParts = ["host", "port", "database", "username", "password"] as const;

function checkDatabase({ database }: ParsedSettings, layers: Layers): Problem[] {
  const problem = (key: string, found: string, allowed: string): Problem => {
    const path = ["database", key];
    return createProblem({ origin: layers.locate(path), path, found, allowed });
  };
  const given = (["url", ...postgresqlParts] as const).filter((key) => database[key] !== undefined);
  if (database.type === "sqlite") {
    return given.map((key) => problem(key, `a setting of PostgreSQL while database.type is sqlite`, "it with database.type: postgresql"));
  }
  if (database.url === undefined) return [];
  const parts = given.filter((key) => key !== "url");
  if (parts.length > 0) return parts.map((key) => problem(key, "it beside database.url", "one or the other"));
  if (URL.canParse(database.url) && /^postgres(?:ql)?:$/.test(new URL(database.url).protocol)) return [];
  return [
    problem("url", "[secret]", "a URL as in postgresql://user@host:5432/database; in a password # is %23, / is %2F, ? is %3F, @ is %40"),
  ];
}

/** Where limits are counted must be there, and Redis is at a URL of its own kind. */
function checkSharing({ limits, redis, database, response_cache: cache }: ParsedSettings, layers: Layers): Problem[] {
  const problem = (found: string, allowed: string, path = ["limits", "store"]): Problem[] => [
    createProblem({ origin: layers.locate(path), path, found, allowed }),
  ];
  if (redis.url !== undefined && !/^rediss?:\/\/[^/]/.test(redis.url)) {
    const url = ["redis", "url"];
    const allowed = "a URL as in redis://user:password@host:6379/0 or rediss://host";
    return [createProblem({ origin: layers.locate(url), path: url, found: "[secret]", allowed })];
  }
  if (redis.url === undefined) {
    const [found, allowed] = ["redis while redis.url is not set", "it with redis.url"] as const;
    if (limits.store === "redis") return problem(found, allowed);
    if (cache.store === "redis") return problem(found, allowed, ["response_cache", "store"]);
  }
  if (limits.store === "postgresql" && database.type !== "postgresql")
    return problem(`postgresql while database.type is ${database.type}`, "it with database.type: postgresql");
  return [];
}

function checkProviders(settings: Settings, layers: Layers): Problem[] {
  const problems: Problem[] = [];
  const providers: Provider[] = [];
  for (const entry of settings.providers) {
    try {
      providers.push(...buildProviders([entry]).filter((provider) => !provider.builtin));
    } catch (error) {
      if (!(error instanceof ProviderSettingsError)) throw error;
      const path = ["providers", entry.name, ...(error.setting === "name" ? [] : [error.setting])];
      problems.push(createMessageProblem(layers.locate(path), path, error.message.replace(`Provider ${entry.name}: `, "")));
    }
  }
  const names = [loopbackProvider.name, ...settings.providers.map((provider) => provider.name)];
  for (const [pattern, targets] of settings.modelProviderRoutes) {
    for (const target of targets.filter((name) => !names.includes(name))) {
      const [nearest] = closestNames(target, names, 1);
      const path = ["model_provider_routes", pattern];
      const found =
        nearest === undefined
          ? `the provider ${JSON.stringify(target)}`
          : `the provider ${JSON.stringify(target)} (did you mean ${nearest}?)`;
      problems.push(createProblem({ origin: layers.locate(path), path, found, allowed: names.join(", ") }));
    }
  }
  if (problems.length > 0) return problems;
  try {
    createCatalog({
      providers: [loopbackProvider, ...providers],
      routes: settings.modelProviderRoutes,
      aliases: settings.modelAliases,
      targets: settings.routing.targets,
    });
    return [];
  } catch (error) {
    if (!(error instanceof RoutingError)) throw error;
    const path = [error.setting];
    return [createMessageProblem(layers.locate(path), path, error.message.replace(`${error.setting}: `, ""))];
  }
}
