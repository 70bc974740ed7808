import type * as z from "zod";
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
import type { PathBase } from "./resolve-path.ts";
import type { Env } from "./expand.ts";
import type { Layers } from "./layers.ts";
import { createProblem, createToldProblem, describeValue, type Problem } from "./problems.ts";
import { chooseKeys } from "./provider-keys.ts";
import { settingsSchema, type ParsedSettings } from "./schema.ts";
import { nodeAt, type SchemaNode } from "./schema-tree.ts";
import type { Settings } from "./settings.ts";
import { getAt } from "./tree.ts";
import type { Path } from "./value.ts";

export type Checked =
  | { readonly settings: Settings; readonly warnings: readonly string[]; readonly problems?: never }
  | { readonly problems: readonly Problem[]; readonly settings?: never };

/** Checks the layers as a whole: each value, then what belongs together, then whether providers and routes can be built from it. */
export function checkSettings(layers: Layers, env: Env, base: PathBase): Checked {
  // The values are checked even if the environment lacks something, so that one run reports all problems.
  const parsed = settingsSchema.safeParse(layers.tree);
  const problems = [...layers.problems];
  if (!parsed.success) problems.push(...parsed.error.issues.flatMap((issue) => problemsOf(issue, layers)));
  if (!parsed.success || problems.length > 0) return { problems: inOrder(problems) };

  const keys = new Map(
    Object.entries(parsed.data.providers).map(([name, provider]) => [
      name,
      chooseKeys({ name, provider, unset: layers.unsetKeys.get(name) ?? [], env }),
    ]),
  );
  const settings = createSettings(parsed.data, keys, base);
  const contradictions = [...checkHost(parsed.data, layers), ...checkDatabase(parsed.data, layers), ...checkProviders(settings, layers)];
  if (contradictions.length > 0) return { problems: contradictions };
  return { settings, warnings: [...layers.warnings, ...[...keys.values()].flatMap((chosen) => chosen.warnings)] };
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
  // A text where a section belongs may be a key that slipped a line.
  const sensitive = node?.type !== "leaf" || node.sensitive;
  const shown = raw === undefined ? describeValue(value, sensitive) : raw;
  const found = issue.code === "custom" && issue.params?.["isReason"] === true ? `${shown} ${issue.message}` : shown;
  return [createProblem({ origin, path, found, allowed: allowedAt(node, value) })];
}

function allowedAt(node: SchemaNode | undefined, value: unknown): string {
  if (node?.type !== "leaf") return node?.type === "object" ? `a map of ${[...node.keys.keys()].join(", ")}` : "a map of settings";
  const wantsText =
    node.kind !== "integer" && node.kind !== "flag" && node.kind !== "duration" && node.kind !== "size" && node.kind !== "choice";
  const unquoted = (typeof value === "number" || typeof value === "boolean") && wantsText;
  return unquoted ? `${node.allowed} (a number or true and false need quotes around them to be a text)` : node.allowed;
}

function unknownKey(path: Path, layers: Layers): Problem {
  const key = String(path.at(-1));
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

function checkProviders(settings: Settings, layers: Layers): Problem[] {
  const problems: Problem[] = [];
  const providers: Provider[] = [];
  for (const entry of settings.providers) {
    try {
      providers.push(...buildProviders([entry]).filter((provider) => !provider.builtin));
    } catch (error) {
      if (!(error instanceof ProviderSettingsError)) throw error;
      const path = ["providers", entry.name, ...(error.setting === "name" ? [] : [error.setting])];
      problems.push(createToldProblem(layers.locate(path), path, error.message.replace(`Provider ${entry.name}: `, "")));
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
    createCatalog({ providers: [loopbackProvider, ...providers], routes: settings.modelProviderRoutes, aliases: settings.modelAliases });
    return [];
  } catch (error) {
    if (!(error instanceof RoutingError)) throw error;
    const path = [error.setting];
    return [createToldProblem(layers.locate(path), path, error.message.replace(`${error.setting}: `, ""))];
  }
}
