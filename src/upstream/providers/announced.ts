import { createPeriodic, messageOf, systemClock, type Clock, type Logger, type PeriodicTask } from "../../core/index.ts";
import type { ProtocolId } from "../../ir/index.ts";
import type { Protocol } from "../../protocols/index.ts";
import { fetchJson } from "../transport/fetch-json.ts";
import { nextKeyIndex } from "./next-key-index.ts";
import type { Redactor } from "./redactor.ts";
import type { Provider, ProviderKey, UpstreamClient, UpstreamRequest } from "../types.ts";

/** The parts of a protocol that a listing of models needs. */
export type ListingProtocol = Pick<Protocol, "id" | "upstreamPath" | "requiredHeaders" | "parseModelList" | "wireRules">;

export interface AnnouncedOptions {
  readonly client: UpstreamClient;
  readonly protocol: (id: ProtocolId) => ListingProtocol | undefined;
  readonly providers: readonly Provider[];
  /** The client's clock; the system's by default. */
  readonly clock?: Clock;
  readonly logger: Logger;
  readonly redactor: Redactor;
  /** Called with `names()` when the names of a provider have changed. */
  readonly onChange?: (names: ReadonlyMap<string, readonly string[]>) => void;
  /** Ten minutes by default. */
  readonly refreshMs?: number;
  /** Whether nobody has asked a provider for a while: its models are then listed as a probe. No probes if omitted. */
  readonly isIdle?: (provider: string) => boolean;
  /** How often providers are probed; a minute by default. */
  readonly probeMs?: number;
  /** What a listing has shown of a provider and of the key that it was asked with. */
  readonly onOutcome?: (provider: Provider, key: ProviderKey | undefined, outcome: ListingOutcome) => void;
}

export interface ListingOutcome {
  /** It answered, and did not refuse the key. That it has no list, or does not show it, is no fault. */
  readonly isReachable: boolean;
  readonly latencyMs: number;
  /** Why not; without secrets. */
  readonly message?: string;
}

/** The state of a provider's own listing, for health. */
export interface AnnouncedState {
  readonly provider: string;
  readonly models: number;
  /** Milliseconds since 1970 of the last successful listing; 0: none yet. */
  readonly refreshedAtMs: number;
  /** Why the last listing failed; the previous names are kept. */
  readonly message?: string;
  /** The HTTP status of the last listing, if it was refused. */
  readonly status?: number;
}

/** The names that providers announce, refreshed in the background. No request ever waits for them. */
export interface AnnouncedModels {
  /** Lists now, and again every `refreshMs` until `stop`. */
  start(): void;
  /** Lists the models of all enabled providers, or waits for the active listing. Never throws. */
  refresh(): Promise<void>;
  /** By provider, in the form that `createCatalog` accepts. A new map after each change. */
  names(): ReadonlyMap<string, readonly string[]>;
  snapshot(): readonly AnnouncedState[];
  /** Lists no more, and ends the active calls: a shutdown does not wait for a provider that does not answer. */
  stop(): void;
}

const defaultRefreshMs = 10 * 60_000;
const defaultProbeMs = 60_000;
const mostNames = 5_000;
const longestName = 256;
const maxBytes = 4 * 1024 * 1024;
/** The longest wait for an answer. */
const patienceMs = 15_000;

export function createAnnouncedModels(options: AnnouncedOptions): AnnouncedModels {
  return new BackgroundListing(options);
}

class BackgroundListing implements AnnouncedModels {
  readonly #options: AnnouncedOptions;
  readonly #clock: Clock;
  readonly #providers: readonly Provider[];
  readonly #states = new Map<string, AnnouncedState>();
  readonly #task: PeriodicTask;
  readonly #probes: PeriodicTask;
  #names: ReadonlyMap<string, readonly string[]> = new Map();
  readonly #stopped = new AbortController();

  constructor(options: AnnouncedOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#providers = options.providers.filter((provider) => provider.enabled && !provider.builtin);
    this.#task = createPeriodic({ everyMs: options.refreshMs ?? defaultRefreshMs, run: () => this.#askAll() });
    this.#probes = createPeriodic({ everyMs: options.probeMs ?? defaultProbeMs, run: () => this.#probeIdle() });
  }

  start(): void {
    if (this.#stopped.signal.aborted) return;
    this.#task.start();
    if (this.#options.isIdle !== undefined) this.#probes.start();
    void this.refresh();
  }

  refresh(): Promise<void> {
    return this.#task.runNow();
  }

  names(): ReadonlyMap<string, readonly string[]> {
    return this.#names;
  }

  snapshot(): readonly AnnouncedState[] {
    return [...this.#states.values()];
  }

  stop(): void {
    this.#stopped.abort();
    void this.#task.stop();
    void this.#probes.stop();
  }

  async #askAll(): Promise<void> {
    await Promise.all(this.#providers.map((provider) => this.#ask(provider)));
  }

  async #probeIdle(): Promise<void> {
    const idle = this.#providers.filter(({ name, isProbed }) => isProbed !== false && this.#options.isIdle?.(name) === true);
    await Promise.all(idle.map((provider) => this.#ask(provider)));
  }

  async #ask(provider: Provider): Promise<void> {
    const { name } = provider;
    const protocol = listingProtocol(provider, this.#options.protocol);
    const key = provider.keys[nextKeyIndex(provider)];
    const beganMs = this.#clock.monotonic();
    const report = (isReachable: boolean, message?: string): void => {
      const outcome = { isReachable, latencyMs: this.#clock.monotonic() - beganMs };
      if (protocol !== undefined) this.#options.onOutcome?.(provider, key, message === undefined ? outcome : { ...outcome, message });
    };
    try {
      if (protocol === undefined) throw new Error("none of its protocols has a listing of models");
      const request = listRequest(provider, protocol, key, beganMs + patienceMs);
      const listed = await listModelNames(request, protocol, this.#options, this.#stopped.signal);
      if (this.#stopped.signal.aborted) return;
      report(true);
      this.#states.set(name, { provider: name, models: listed.length, refreshedAtMs: this.#clock.now() });
      const known = this.#names.get(name) ?? [];
      if (known.length === listed.length && known.every((model, index) => model === listed[index])) return;
      this.#names = new Map([...this.#names, [name, listed]]);
      this.#options.onChange?.(this.#names);
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      const message = this.#options.redactor.text(messageOf(error), provider);
      const { models, refreshedAtMs } = this.#states.get(name) ?? { models: 0, refreshedAtMs: 0 };
      const refused = error instanceof ListingRefused ? { status: error.status } : {};
      report(isAnswer(error), message);
      this.#states.set(name, { provider: name, models, refreshedAtMs, message, ...refused });
      this.#options.logger.debug({ provider: name, error: message }, "the provider's models could not be listed");
    }
  }
}

class ListingRefused extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`it answered ${status} when asked for its models`);
    this.status = status;
  }
}

/** It has answered, although not with a list: it works, as far as can be seen. */
function isAnswer(error: unknown): boolean {
  return error instanceof ListingRefused && error.status !== 401 && error.status < 500;
}

async function listModelNames(
  request: UpstreamRequest,
  protocol: ListingProtocol,
  options: AnnouncedOptions,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { provider } = request;
  const { status, value } = await fetchJson(options.client, request, maxBytes, signal);
  if (status !== 200) throw new ListingRefused(status);
  const listed = new Set<string>();
  for (const name of protocol.parseModelList(value)) {
    // A name that contains a secret of the provider is not a model.
    if (name !== "" && name.length <= longestName && options.redactor.whole(name, provider) === name) listed.add(name);
    if (listed.size >= mostNames) break;
  }
  return [...listed];
}

function listingProtocol(provider: Provider, find: AnnouncedOptions["protocol"]): ListingProtocol | undefined {
  for (const id of provider.protocols) {
    const protocol = find(id);
    if (protocol !== undefined) return protocol;
  }
  return undefined;
}

function listRequest(provider: Provider, protocol: ListingProtocol, key: ProviderKey | undefined, deadlineAt: number): UpstreamRequest {
  const route = { method: "GET", path: "", operation: "list-models" } as const;
  const { method, path } = protocol.upstreamPath({ route, param: "", query: "" }, "");
  const query = protocol.wireRules.listQuery;
  return {
    provider,
    protocol: protocol.id,
    method,
    path: query === undefined ? path : `${path}?${query}`,
    headers: ["accept", "application/json", ...protocol.requiredHeaders.flat()],
    key,
    body: undefined,
    stream: false,
    deadlineAt,
  };
}
