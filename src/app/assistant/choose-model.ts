import { isIP } from "node:net";
import { Secret, silentLogger, systemClock } from "../../core/index.ts";
import { defaultDialect, protocols } from "../../protocols/index.ts";
import { buildProviders, createUpstreamClient, type LocalModelServer, type PooledUpstreamClient } from "../../upstream/index.ts";
import type { AdminClient } from "../../server/index.ts";
import { createSnapshot } from "../compose/snapshot.ts";
import type { LoadedSettings, Settings } from "../config/index.ts";
import { createModelClient, type ModelClient } from "./model-client.ts";

/** The model that answers, and how it was found. */
export interface ChosenModel {
  readonly ask: ModelClient["ask"];
  /** The name that was chosen. */
  readonly model: string;
  /** `through the running gateway on port 8081`, `directly at openai`. */
  readonly way: string;
  readonly reason: string;
  close(): Promise<void>;
}

export interface ChooseInput {
  readonly loaded: LoadedSettings;
  readonly call: AdminClient;
  /** `--model`. */
  readonly model: string | undefined;
  /** The address of the gateway, if it is not on this machine. */
  readonly remoteUrl?: string | undefined;
  readonly mask: (text: string) => string;
  /** Learns of the key that the assistant makes for itself. */
  readonly learn: (secret: string) => void;
  /** Looks for model servers on this machine. */
  readonly detect: () => Promise<readonly LocalModelServer[]>;
  /** The built-in model answers if it is named; it cannot call the assistant's tools. */
  readonly takesBuiltin?: true;
}

/** No model can be used. The message says what to set. */
export class NoModelError extends Error {}

/** Models that call tools well, cheap ones first of each vendor; tried in this order if no model is named. */
const usualModels = ["claude-sonnet-4-5", "gpt-5-mini", "gemini-2.5-flash", "claude-haiku-4-5", "gpt-4o-mini"];
/** Models that are no good for a conversation, by what vendors call them. */
const noChat = /embed|tts|whisper|image|audio|realtime|moderation|transcri|dall|rerank|veo|imagen|sora|babbage|davinci|guard|loopback|ocr/i;
const mostTried = 12;
const keyLifetime = "12h";

/** The running gateway if it has a model, else the providers of the configuration and the environment, else a server on this machine. */
export async function chooseModel(input: ChooseInput): Promise<ChosenModel> {
  const gateway = await findGateway(input.call);
  if (gateway !== undefined) {
    const chosen = await chooseAtGateway(input, gateway.port);
    if (chosen !== undefined) return chosen;
  }
  const direct = await chooseDirect(input);
  if (direct !== undefined) return direct;
  throw new NoModelError(
    input.model === undefined
      ? "There is no model. Set TOKLIGENCE_OPENAI_API_KEY, TOKLIGENCE_ANTHROPIC_API_KEY or TOKLIGENCE_GOOGLE_API_KEY, or start Ollama, vLLM, LM Studio or llama.cpp on this machine."
      : `No provider serves the model "${input.model}". \`tokligence route explain ${input.model}\` says why.`,
  );
}

async function findGateway(call: AdminClient): Promise<{ readonly port: number } | undefined> {
  const { status, port } = await call("status.get");
  return status === "running" && typeof port === "number" ? { port } : undefined;
}

async function chooseAtGateway(input: ChooseInput, port: number): Promise<ChosenModel | undefined> {
  const { call } = input;
  const listed = input.model === undefined ? (await call("models.list")).data.map(({ id }) => id) : [];
  for (const model of candidates(input.model, listed)) {
    const { targets } = await call("routes.explain", { query: { model } });
    const target = targets.find(({ role, kept, lane }) => role === "target" && kept && (lane !== "builtin" || input.takesBuiltin === true));
    if (target === undefined) continue;
    const key = await makeKey(input);
    const url = input.remoteUrl ?? `http://${loopbackOf(input.loaded.settings.gateway.host)}:${port}`;
    return createChosen(input, {
      providers: [
        {
          name: "gateway",
          enabled: true,
          protocols: [defaultDialect],
          baseUrl: `${url}/v1`,
          keys: key === undefined ? [] : [key.secret],
        },
      ],
      model,
      way: `through the running gateway ${input.remoteUrl === undefined ? `on port ${port}` : `at ${input.remoteUrl}`}, which sends it to ${target.provider}`,
      release: async () => {
        if (key !== undefined) await call("keys.revoke", { param: key.id });
      },
    });
  }
  return undefined;
}

/** Where a gateway that listens on this host is reached from this machine. */
function loopbackOf(host: string): string {
  if (host === "0.0.0.0" || host === "localhost") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return isIP(host) === 6 ? `[${host}]` : host;
}

/** A key of the first admin with the rights of a user, for model requests alone; revoked at the end. `undefined`: the gateway asks for none. */
async function makeKey({
  call,
  loaded,
  learn,
  remoteUrl,
}: ChooseInput): Promise<{ readonly id: string; readonly secret: Secret } | undefined> {
  if (remoteUrl === undefined && !loaded.settings.gateway.auth.enabled) return undefined;
  const { data } = await call("users.list");
  const owner = data.find(({ role, disabled_at }) => role === "admin" && disabled_at === null);
  if (owner === undefined) throw new NoModelError("The gateway has no admin. `tokligence user create NAME --role admin` makes one.");
  const made = await call("keys.create", { body: { user: owner.id, role: "user", name: "assistant", expires: keyLifetime } });
  learn(made.key);
  return { id: made.id, secret: new Secret(made.key) };
}

async function chooseDirect(input: ChooseInput): Promise<ChosenModel | undefined> {
  const { settings } = input.loaded;
  const configured = await chooseOf(
    input,
    settings,
    (provider) => `directly at ${provider}, by its key in the configuration or the environment`,
  );
  if (configured !== undefined) return configured;
  const servers = await input.detect();
  const taken = new Set(settings.providers.filter(({ enabled }) => enabled).map(({ name }) => name));
  const found = servers.filter(({ preset }) => !taken.has(preset));
  const providers = found.map(({ preset, baseUrl, models }) => ({ name: preset, enabled: true, preset, baseUrl, keys: [], models }));
  if (providers.length === 0) return undefined;
  const names = new Set(providers.map(({ name }) => name));
  const all = [...settings.providers.filter(({ name }) => !names.has(name)), ...providers];
  return await chooseOf(input, { ...settings, providers: all }, (provider) => `at ${provider} on this machine`);
}

/** A model of these providers that can be used; `undefined`: none. */
async function chooseOf(input: ChooseInput, settings: Settings, wayTo: (provider: string) => string): Promise<ChosenModel | undefined> {
  const snapshot = createSnapshot(settings, { protocols, clock: systemClock, logger: silentLogger, announced: false });
  try {
    const { catalog } = snapshot;
    for (const model of candidates(
      input.model,
      catalog.models().map(({ id }) => id),
    )) {
      const [target] = catalog.resolve(model).targets;
      const provider = target && catalog.provider(target.provider);
      if (target === undefined || provider === undefined || provider.builtin || !provider.enabled) continue;
      return await createChosen(input, {
        providers: settings.providers.filter(({ name }) => name === provider.name),
        model,
        upstreamModel: target.upstreamModel,
        way: wayTo(provider.name),
        release: () => Promise.resolve(),
      });
    }
    return undefined;
  } finally {
    await snapshot.close();
  }
}

/** The names to try. Anthropic's names have hyphens where people write dots: `claude-sonnet-4.5`. */
function candidates(model: string | undefined, listed: readonly string[]): readonly string[] {
  if (model !== undefined) return [model.startsWith("claude-") ? model.replaceAll(/(?<=\d)\.(?=\d)/g, "-") : model];
  const others = listed.filter((name) => !noChat.test(name));
  return [...usualModels, ...others.slice(0, mostTried)];
}

interface Choice {
  readonly providers: Parameters<typeof buildProviders>[0];
  readonly model: string;
  readonly upstreamModel?: string;
  readonly way: string;
  readonly release: () => Promise<void>;
}

async function createChosen(
  { mask, model: named }: ChooseInput,
  { providers, model, upstreamModel = model, way, release }: Choice,
): Promise<ChosenModel> {
  const provider = buildProviders(providers).at(-1)!;
  const network: PooledUpstreamClient = createUpstreamClient({
    providers: [provider],
    clock: systemClock,
    logger: silentLogger,
    proxyEnv: process.env,
    credentialHeader: (protocol, key) => protocols.get(protocol)!.credentialHeader(key),
  });
  await network.warmUp();
  const client = createModelClient({ provider, protocol: provider.protocols[0]!, upstreamModel, client: network, mask });
  return {
    ask: (request, options) => client.ask(request, options),
    model,
    way,
    reason: named === undefined ? "the first that can be used; --model names another" : "named by --model",
    async close() {
      try {
        await release();
      } catch {
        // The gateway has been stopped meanwhile. The key ends by itself.
      }
      await network.close();
    },
  };
}
