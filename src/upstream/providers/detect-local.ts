import type { Clock, Logger } from "../../core/index.ts";
import { buildProviders } from "./build-providers.ts";
import { createUpstreamClient } from "../transport/client.ts";
import { fetchJson } from "../transport/fetch-json.ts";
import type { LocalServer, Preset } from "./presets.ts";
import { presets } from "./presets.ts";

/** Requests a path of a server on this machine. @returns JSON, or `undefined` if there was no useful answer in time. Never throws. */
export type LocalProbe = (port: number, path: string, timeoutMs: number) => Promise<unknown>;

/** A model server that runs on this machine. */
export interface LocalModelServer {
  /** Name of its preset. */
  readonly preset: string;
  /** In the form of `base_url`. */
  readonly baseUrl: string;
  readonly models: readonly string[];
}

const probeMs = 300;
const maxBytes = 4 * 1024 * 1024;
const mostModels = 1_000;

type LocalPreset = Preset & { readonly local: LocalServer };

/** Looks for Ollama, LM Studio and vLLM on their usual ports of 127.0.0.1, all at once, with at most 300 ms per question. */
export async function detectLocalServers(deps: { readonly probe: LocalProbe }): Promise<readonly LocalModelServer[]> {
  const rows = presets.filter((preset): preset is LocalPreset => preset.local !== undefined);
  const found = await Promise.all(rows.map((row) => detect(row, rows, deps.probe)));
  return found.filter((server) => server !== undefined);
}

async function detect(row: LocalPreset, rows: readonly LocalPreset[], probe: LocalProbe): Promise<LocalModelServer | undefined> {
  const { port, versionPath } = row.local;
  const [list, version] = await Promise.all([
    probe(port, "/v1/models", probeMs),
    versionPath === undefined ? undefined : probe(port, versionPath, probeMs),
  ]);
  const models = readModelList(list);
  if (models === undefined) return undefined;
  // The server's own name takes precedence over its port: any server may use 8000.
  const owner = rows.find(({ local }) => models.some((model) => model.ownedBy === local.ownedBy));
  const preset = owner ?? (versionPath === undefined || hasVersion(version) ? row : undefined);
  if (preset === undefined) return undefined;
  return { preset: preset.name, baseUrl: `http://127.0.0.1:${port}/v1`, models: models.map((model) => model.id).slice(0, mostModels) };
}

interface ListedModel {
  readonly id: string;
  readonly ownedBy: unknown;
}

/** OpenAI's `{"object":"list","data":[{"id":"m","owned_by":"x"}]}`; Ollama writes `null` for an empty list. */
function readModelList(value: unknown): readonly ListedModel[] | undefined {
  if (!isRecord(value) || value["object"] !== "list") return undefined;
  const data: unknown = value["data"] ?? [];
  if (!Array.isArray(data)) return undefined;
  const models: ListedModel[] = [];
  for (const entry of data) {
    if (!isRecord(entry) || typeof entry["id"] !== "string") return undefined;
    models.push({ id: entry["id"], ownedBy: entry["owned_by"] });
  }
  return models;
}

function hasVersion(value: unknown): boolean {
  return isRecord(value) && typeof value["version"] === "string";
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A probe over the network, through the same client as all requests. */
export function createLocalProbe(deps: { readonly clock: Clock; readonly logger: Logger }): LocalProbe {
  return async (port, path, timeoutMs) => {
    const [provider] = buildProviders([
      {
        name: `port ${port}`,
        enabled: true,
        protocols: ["openai-chat"],
        baseUrl: { "openai-chat": `http://127.0.0.1:${port}` },
        keys: [],
        timeouts: { connectMs: timeoutMs, totalMs: timeoutMs },
      },
    ]).slice(-1);
    const client = createUpstreamClient({
      ...deps,
      providers: [provider!],
      proxyEnv: {},
      credentialHeader: () => ["authorization", ""],
    });
    try {
      // The time to load the HTTP client does not count as the server's.
      await client.warmUp();
      const { status, value } = await fetchJson(
        client,
        {
          provider: provider!,
          protocol: "openai-chat",
          method: "GET",
          path,
          headers: ["accept", "application/json"],
          key: undefined,
          body: undefined,
          stream: false,
        },
        maxBytes,
      );
      return status === 200 ? value : undefined;
    } catch (error) {
      deps.logger.debug({ port, path, error: String(error) }, "no model server was found on the port");
      return undefined;
    } finally {
      await client.close();
    }
  };
}
