import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { resolve } from "node:path";
import { GatewayError } from "../../core/index.ts";
import {
  createAdminClient,
  createFetchHandler,
  createLocalSender,
  isHttp2,
  localPrincipal,
  serveHttp2,
  type AdminClient,
  type FetchHandler,
} from "../../server/index.ts";
import { composeGateway, type Gateway } from "../compose/compose-gateway.ts";
import { Config, loadSettings, type LoadedSettings } from "../config/index.ts";
import { takeDaemonLock } from "../daemon/daemon-lock.ts";
import { createFirstAdmin } from "../first-start.ts";
import { openLog, type Log } from "../logging/log.ts";
import { runtimePaths } from "../paths.ts";
import { AdminApi } from "./admin-api.ts";

export interface EmbeddedOptions {
  /** The configuration file. If neither it nor `settings` is given, it is the one that the command line uses. */
  readonly config?: string;
  /** Settings as the file has them, `{ providers: { openai: { api_key: "…" } } }`: above those of the file and of the environment. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Where `${…}` and `TOKLIGENCE_…` are read; by default the environment of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Cut off from the path of each request, as `/ai` of `/ai/v1/models`; not needed if the host program cuts it off itself. */
  readonly basePath?: string;
}

/** Answers a request of a server of `node:http`, or of `node:http2` with its compatible objects, and of frameworks that hand them on. */
export type NodeHandler = (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse) => void;

/** The gateway's server inside another program. */
export interface EmbeddedGateway {
  /** Answers a web request. Rejects only if the request's signal aborts it, or its body fails; everything else is an answer. */
  readonly fetch: FetchHandler;
  readonly handler: NodeHandler;
  /** Users, keys, limits and usage of this gateway. */
  readonly admin: AdminApi;
  /** Of the very first start on a database alone: the key of the user `admin`, which is stored nowhere. */
  readonly apiKey: string | undefined;
  /** Reads the configuration again. @throws ConfigError, and the old one stays. */
  reload(): void;
  /** Refuses new requests, gives active answers up to `graceMs` (30 s) to end, writes the ledger, and releases everything. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const defaultGraceMs = 30_000;

/**
 * Starts a gateway in this process, without a port of its own. It takes no signals, and several may run side by side, each on a database of its own.
 * @throws ConfigError; GatewayError `conflict` if another gateway runs on the database; an Error that says what to do.
 */
export async function createGateway(options: EmbeddedOptions = {}): Promise<EmbeddedGateway> {
  const load = (): LoadedSettings => loadEmbedded(options);
  const loaded = load();
  const paths = runtimePaths(loaded.settings.database.path);
  const lock = await takeDaemonLock(paths);
  let log: Log | undefined;
  try {
    const { level, file } = loaded.settings.gateway.logging;
    log = openLog({ level, file: file ?? paths.log });
    return await serve({ options, load, loaded, log, release: () => lock.release() });
  } catch (error) {
    log?.close();
    lock.release();
    throw error;
  }
}

interface Opened {
  readonly options: EmbeddedOptions;
  readonly load: () => LoadedSettings;
  readonly loaded: LoadedSettings;
  readonly log: Log;
  readonly release: () => void;
}

async function serve({ options, load, loaded, log, release }: Opened): Promise<EmbeddedGateway> {
  for (const warning of loaded.warnings) log.logger.warn({}, warning);
  const startedMs = performance.now();
  let closing: Promise<void> | undefined;
  const reload = (): void => gateway.apply(load());
  const close = (graceMs: number): Promise<void> =>
    (closing ??= (async () => {
      await gateway.close({ graceMs });
      log.close();
      release();
    })());
  const gateway = await composeGateway({
    loaded,
    log,
    status: () => ({ status: "running", pid: process.pid, uptime_seconds: Math.round((performance.now() - startedMs) / 1000) }),
    reload: async () => {
      reload();
      return await Promise.resolve({ status: "reloaded" });
    },
    stop: () => setImmediate(() => void close(defaultGraceMs)),
  });
  const key = await createFirstAdmin(gateway.accounts);
  gateway.setServing(true);
  void gateway.warmUp();
  const { base, cut } = createPathCutter(options.basePath);
  const serveBelow = (request: IncomingMessage, response: ServerResponse): void => {
    const below = cut(request.url ?? "");
    // As Express names it, for messages with addresses.
    if (below !== undefined) Object.assign(request, { url: below, baseUrl: base });
    gateway.edge.serve(request, response);
  };
  const pathOf = (url: string): string => (cut(url) ?? url).split("?")[0]!;
  const fetch = createFetchHandler({ serve: serveBelow, refuseBroken: gateway.edge.refuseBroken });
  return {
    fetch,
    handler: (request, response) => {
      if (isHttp2(request)) serveHttp2({ fetch, pathOf }, request, response as Http2ServerResponse);
      else serveBelow(request, response as ServerResponse);
    },
    admin: new OwnAdmin(gateway, () => closing !== undefined),
    apiKey: key?.key,
    reload,
    close: ({ graceMs = defaultGraceMs } = {}) => close(graceMs),
    [Symbol.asyncDispose]: () => close(defaultGraceMs),
  };
}

function loadEmbedded({ config, settings, env }: EmbeddedOptions): LoadedSettings {
  const input = { ...(config === undefined ? {} : { path: config }), ...(env === undefined ? {} : { env }) };
  if (settings === undefined) return loadSettings(input);
  // Without a file, relative paths begin in the working folder.
  const made = new Config(config === undefined ? { ...input, path: resolve("config.yaml"), text: "" } : input);
  made.update(settings);
  return { settings: made.settings, path: made.path, found: config !== undefined, text: undefined, warnings: [], sources: new Map() };
}

/** The URL without the base path; `undefined`: it is not below it. */
function createPathCutter(basePath = ""): { readonly base: string; readonly cut: (url: string) => string | undefined } {
  const base = basePath.replace(/\/+$/, "");
  return {
    base,
    cut(url) {
      if (base === "" || !url.startsWith(base)) return undefined;
      const rest = url.slice(base.length);
      if (rest !== "" && !/^[/?]/.test(rest)) return undefined;
      return rest.startsWith("/") ? rest : `/${rest}`;
    },
  };
}

/** The operations of this very gateway. */
class OwnAdmin extends AdminApi {
  readonly #call: AdminClient;
  readonly #isClosed: () => boolean;

  constructor({ operations }: Gateway, isClosed: () => boolean) {
    super();
    this.#isClosed = isClosed;
    this.#call = createAdminClient(createLocalSender(operations, localPrincipal));
  }

  /** @internal */
  protected override async run<T>(operation: (call: AdminClient) => Promise<T>): Promise<T> {
    if (this.#isClosed()) throw new GatewayError("shutting_down", "The gateway is closed: make another one with createGateway().");
    return await operation(this.#call);
  }
}
