import { protocolIds } from "../../../ir/index.ts";
import type { Note } from "../import-plan.ts";
import { findProvider, inferProvider, isProviderName, type ProviderRow } from "./providers.ts";
import { isTable, valueOf, type Table, escapeReference } from "./read-config.ts";

/** An entry of `model_list` that the gateway can serve. */
interface Deployment {
  readonly path: string;
  /** What clients call it. */
  readonly name: string;
  /** The provider's name of it. */
  readonly model: string;
  /** Of LiteLLM. */
  readonly kind: string;
  /** Its provider in our configuration, but for its name. */
  readonly provider: Table;
  readonly params: Table;
  readonly info: Table;
}

/** The parts of our configuration that `model_list` becomes. */
export interface ModelsPlan {
  readonly providers: Readonly<Record<string, Table>>;
  readonly models: Readonly<Record<string, Table>>;
  readonly aliases: Readonly<Record<string, string>>;
  readonly routes: Readonly<Record<string, string>>;
  readonly traits: Readonly<Record<string, Table>>;
  readonly prices: Readonly<Record<string, Table>>;
  /** The names that clients may call, without patterns. */
  readonly names: ReadonlySet<string>;
  readonly notes: readonly Note[];
}

/** Settings of a deployment that are taken over below, or say nothing to the gateway. */
const takenParams = new Set(
  "model api_key api_base base_url custom_llm_provider organization extra_headers headers timeout stream_timeout rpm tpm weight max_parallel_requests input_cost_per_token output_cost_per_token litellm_credential_name".split(
    " ",
  ),
);

const paramReasons: Readonly<Record<string, string>> = {
  api_version: "the gateway uses Azure's v1 API, which needs no version",
  tags: "requests are not routed by tags",
  max_retries: "retries are set for all models: routing.retries",
  drop_params: "what a provider does not take is left out and reported: gateway.on_loss",
  region_name: "requests are not routed by region",
};

const unservedModes = new Set(
  "image_generation image_edit audio_transcription audio_speech rerank moderation batch ocr video_generation search".split(" "),
);

/** Turns `model_list` into providers, models, aliases and routes. */
export function planModels(config: Table): ModelsPlan {
  const notes: Note[] = [];
  const credentials = readCredentials(config, notes);
  const list = Array.isArray(config["model_list"]) ? (config["model_list"] as unknown[]) : [];
  const deployments = list.flatMap((entry, index) => readDeployment(entry, `model_list[${index}]`, { credentials, notes }) ?? []);
  const named = nameProviders(deployments);
  const providers = Object.fromEntries([...named.groups].map(([, { name, members }]) => [name, finishProvider(members, notes)]));
  const plan = { models: {} as Record<string, Table>, aliases: {} as Record<string, string>, routes: {} as Record<string, string> };
  for (const deployment of deployments) {
    if (deployment.name.includes("*") || deployment.model.includes("*")) addRoute(plan.routes, deployment, named.of(deployment), notes);
  }
  const byName = Map.groupBy(
    deployments.filter(({ name, model }) => !name.includes("*") && !model.includes("*")),
    ({ name }) => name,
  );
  for (const [name, members] of byName) {
    const targets = members.map((member) => ({
      model: escapeReference(`${named.of(member)}/${member.model}`),
      weight: weightOf(member, members),
    }));
    const [first] = targets;
    if (targets.length === 1) plan.aliases[name] = first!.model;
    else plan.models[name] = { targets: targets.map((target) => (target.weight === 1 ? target.model : target)) };
  }
  return { ...plan, providers, ...factsOf(deployments, named.of, notes), names: new Set(byName.keys()), notes };
}

function readCredentials(config: Table, notes: Note[]): ReadonlyMap<string, Table> {
  const list = Array.isArray(config["credential_list"]) ? (config["credential_list"] as unknown[]) : [];
  const found = new Map<string, Table>();
  for (const [index, entry] of list.entries()) {
    const name = isTable(entry) ? entry["credential_name"] : undefined;
    if (isTable(entry) && typeof name === "string" && isTable(entry["credential_values"])) found.set(name, entry["credential_values"]);
    else notes.push({ path: `credential_list[${index}]`, reason: "it has no credential_name and credential_values" });
  }
  return found;
}

interface ReadContext {
  readonly credentials: ReadonlyMap<string, Table>;
  readonly notes: Note[];
}

function readDeployment(entry: unknown, path: string, { credentials, notes }: ReadContext): Deployment | undefined {
  const own = isTable(entry) && isTable(entry["litellm_params"]) ? entry["litellm_params"] : undefined;
  const name = isTable(entry) ? entry["model_name"] : undefined;
  const refuse = (reason: string): undefined => void notes.push({ path, reason });
  if (own === undefined || typeof name !== "string" || typeof own["model"] !== "string")
    return refuse("it has no model_name and litellm_params.model");
  if (name === "__proto__") return refuse("a model cannot have this name here");
  const credential = own["litellm_credential_name"];
  const params = { ...(typeof credential === "string" ? credentials.get(credential) : undefined), ...own };
  if (typeof credential === "string" && !credentials.has(credential)) {
    notes.push({
      path: `${path}.litellm_params.litellm_credential_name`,
      reason: `"${credential}" is not in credential_list: set the provider's api_key`,
    });
  }
  const info = isTable(entry) && isTable(entry["model_info"]) ? entry["model_info"] : {};
  const mode = info["mode"];
  if (typeof mode === "string" && unservedModes.has(mode)) return refuse(`the gateway does not serve models of mode ${mode}`);
  const { kind, model } = splitModel(own["model"], params["custom_llm_provider"]);
  if (kind === undefined) return refuse(`the provider of "${model}" is not named: write provider/model`);
  const row = findProvider(kind);
  if (row === undefined) return refuse(`the gateway has no way to LiteLLM's provider "${kind}" yet`);
  const provider = providerOf(row, params);
  if (provider === undefined) return refuse(`a provider "${kind}" needs an api_base`);
  for (const key of Object.keys(own)) {
    if (takenParams.has(key)) continue;
    const reason = paramReasons[key] ?? "no counterpart: the gateway adds no values to requests, clients send them";
    notes.push({ path: `${path}.litellm_params.${key}`, reason });
  }
  return { path, name, model, kind, provider, params, info };
}

function splitModel(text: string, custom: unknown): { readonly kind: string | undefined; readonly model: string } {
  const slash = text.indexOf("/");
  const prefix = slash < 0 ? "" : text.slice(0, slash);
  const rest = text.slice(slash + 1);
  if (typeof custom === "string" && custom !== "") return { kind: custom, model: prefix === custom ? rest : text };
  if (isProviderName(prefix)) return { kind: prefix, model: rest };
  return { kind: inferProvider(text), model: text };
}

/** A provider's settings without timeouts and limits; `undefined` if its base URL is missing. */
function providerOf(row: ProviderRow, params: Table): Table | undefined {
  const base = valueOf(params["api_base"] ?? params["base_url"]);
  const key = valueOf(params["api_key"]);
  const organization = valueOf(params["organization"]);
  const extra = [params["extra_headers"], params["headers"]].find(isTable) ?? {};
  const headers = {
    ...(organization === undefined ? {} : { "OpenAI-Organization": organization }),
    ...Object.fromEntries(Object.entries(extra).flatMap(([name, value]) => (valueOf(value) === undefined ? [] : [[name, valueOf(value)]]))),
  };
  // A server that only speaks OpenAI's Chat protocol does not have OpenAI's Responses.
  const isForeign = row.ownHost !== undefined && base?.startsWith(row.ownHost) === false;
  const preset = isForeign ? undefined : row.preset;
  const url = baseUrlOf(row, base ?? row.baseUrl);
  if (url === undefined && (preset === undefined || row.needsBase === true)) return undefined;
  const apiKey = key ?? (preset === undefined ? variableOf(row.keyEnv) : undefined);
  return {
    ...(preset === undefined ? { protocols: [protocolIds[0]] } : { preset }),
    ...(url === undefined ? {} : { base_url: url }),
    ...(apiKey === undefined ? {} : { api_key: apiKey }),
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
  };
}

function variableOf(name: string | undefined): string | undefined {
  return name === undefined ? undefined : `\${${name}}`;
}

function baseUrlOf({ path }: ProviderRow, base: string | undefined): string | undefined {
  if (base === undefined || base.startsWith("${")) return base;
  const plain = base.replace(/\/+$/, "");
  return path === undefined ? plain : plain.replace(path.cut, "") + path.end;
}

interface Group {
  readonly name: string;
  readonly members: readonly Deployment[];
}

/** Deployments with the same address, key and headers are one provider: `openai`, `openai-2`. */
function nameProviders(deployments: readonly Deployment[]): {
  readonly groups: ReadonlyMap<string, Group>;
  readonly of: (deployment: Deployment) => string;
} {
  const keyOf = ({ provider }: Deployment): string => JSON.stringify(provider);
  const taken = new Set<string>();
  const groups = new Map<string, Group>();
  for (const [key, members] of Map.groupBy(deployments, keyOf)) {
    const wanted = members[0]!.kind.replaceAll("_", "-");
    let name = wanted;
    for (let count = 2; taken.has(name); count++) name = `${wanted}-${count}`;
    taken.add(name);
    groups.set(key, { name, members });
  }
  return { groups, of: (deployment) => groups.get(keyOf(deployment))!.name };
}

function finishProvider(members: readonly Deployment[], notes: Note[]): Table {
  const [first] = members;
  const timeouts: Record<string, string> = {};
  for (const [param, setting] of [
    ["timeout", "total"],
    ["stream_timeout", "first_byte"],
  ] as const) {
    const given = members.filter(({ params }) => params[param] !== undefined);
    if (given.length === 0) continue;
    const values = new Set(members.map(({ params }) => Number(params[param])));
    const [value] = values;
    if (values.size === 1 && Number.isFinite(value) && value! > 0) timeouts[setting] = durationOf(value!);
    else
      for (const { path } of given)
        notes.push({ path: `${path}.litellm_params.${param}`, reason: "times are set by provider (timeouts), and its models differ here" });
  }
  return { ...first!.provider, ...(Object.keys(timeouts).length === 0 ? {} : { timeouts }), ...limitsOf(members, notes) };
}

const limitNames = { rpm: "requests_per_minute", tpm: "tokens_per_minute", max_parallel_requests: "concurrent" } as const;

function limitsOf(members: readonly Deployment[], notes: Note[]): Table {
  const limits: Record<string, number> = {};
  for (const [param, setting] of Object.entries(limitNames)) {
    for (const { path, params } of members) {
      const value = Number(params[param]);
      if (params[param] === undefined) continue;
      if (members.length === 1 && Number.isInteger(value) && value > 0) limits[setting] = value;
      else
        notes.push({
          path: `${path}.litellm_params.${param}`,
          reason: "limits are for a provider, and this one has several models: tokligence limit set model:NAME",
        });
    }
  }
  return Object.keys(limits).length === 0 ? {} : { limits };
}

/** LiteLLM shares requests by `weight`, else by `rpm`, else by `tpm`, if the first deployment has it. */
function weightOf(member: Deployment, group: readonly Deployment[]): number {
  const by = ["weight", "rpm", "tpm"].find((param) => group[0]!.params[param] !== undefined);
  if (by === undefined) return 1;
  const values = group.map(({ params }) => amount(params[by]));
  const least = Math.min(...values.filter((value) => value > 0));
  const own = amount(member.params[by]);
  return Number.isFinite(least) ? Math.min(1000, Math.max(1, Math.round(own / least))) : 1;
}

/** 0 for what is no number that can be counted with: YAML has `.inf` and `.nan`. */
function amount(value: unknown): number {
  const number = Number(value ?? 0);
  return Number.isFinite(number) ? Math.max(0, number) : 0;
}

function addRoute(routes: Record<string, string>, { path, name, model, kind }: Deployment, provider: string, notes: Note[]): void {
  if (name === model) routes[name] = provider;
  else if (name === `${kind}/${model}` && kind === provider && model === "*") return;
  else if (name === "*" && model === "*") routes["*"] = provider;
  else
    notes.push({
      path: `${path}.model_name`,
      reason: `"${name}" cannot be turned into "${kind}/${model}": clients call ${provider}/MODEL`,
    });
}

function factsOf(
  deployments: readonly Deployment[],
  providerName: (deployment: Deployment) => string,
  notes: Note[],
): { readonly traits: Record<string, Table>; readonly prices: Record<string, Table> } {
  const traits: Record<string, Table> = {};
  const prices: Record<string, Table> = {};
  for (const deployment of deployments) {
    const { path, model, params, info } = deployment;
    const name = `${providerName(deployment)}/${model}`;
    const base = info["base_model"];
    if (typeof base === "string") traits[name] = { like: escapeReference(base.slice(base.indexOf("/") + 1)) };
    const rates = ["input", "output"].flatMap((side) => {
      const value = Number(params[`${side}_cost_per_token`] ?? info[`${side}_cost_per_token`] ?? Number.NaN);
      return Number.isFinite(value) && value >= 0 ? [[side, String(Number((value * 1e6).toFixed(6)))]] : [];
    });
    if (rates.length > 0) prices[name] = Object.fromEntries(rates) as Table;
    for (const key of Object.keys(info)) {
      if (!["id", "mode", "base_model", "input_cost_per_token", "output_cost_per_token", "description"].includes(key)) {
        notes.push({
          path: `${path}.model_info.${key}`,
          reason: "no counterpart: the gateway knows models by name (docs/model-traits.md)",
        });
      }
    }
  }
  return { traits, prices };
}

export function durationOf(seconds: number): string {
  const capped = Math.min(seconds, 86_400);
  return Number.isInteger(capped) ? `${capped}s` : `${Math.max(1, Math.round(capped * 1000))}ms`;
}
