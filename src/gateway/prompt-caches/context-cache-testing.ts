import { GeminiCaches } from "../../../tests/testbed/gemini-caches.ts";
import type { JsonObject } from "../../../tests/testbed/json.ts";
import type { Principal } from "../../accounts/index.ts";
import { GatewayError, Secret } from "../../core/index.ts";
import { costsNothing, createLedger, createPriceCatalogue, type CloseRecord, type LedgerSink } from "../../ledger/index.ts";
import {
  buildProviders,
  createCatalog,
  createProviderHealth,
  defaultResilience,
  type Plan,
  type UpstreamClient,
} from "../../upstream/index.ts";
import { receive } from "../admission/receive.ts";
import { createAttemptRegistry } from "../answers/attempt-registry.ts";
import type { GatewayDeps } from "../deps.ts";
import { planRequest } from "../failover/plan-request.ts";
import { sendWithFailover } from "../failover/send-with-failover.ts";
import { FakeExchange, fakeCall, fakeWorld, principal, routeOf, type FakeWorld } from "../testing.ts";
import { settleCaching } from "./caching-of.ts";
import { ContextCacheMemory } from "./context-cache-memory.ts";

export const model = "gemini-3.8-flash";
/** The vendor's, November 2026. */
const rates = { input: "0.75", output: "3.75", cache_read: "0.075", cache_storage: "0.5" };

interface SceneOptions {
  readonly caching?: "auto" | "off";
  readonly prices?: Readonly<Record<string, string>>;
  readonly baseUrl?: string;
  readonly deps?: Partial<GatewayDeps>;
}

/** A gateway before the vendor's own base URL, whose place the stand-in takes, and a clock that the test moves. Nothing of it waits for anything but itself. */
export class CacheScene {
  readonly world: FakeWorld;
  readonly caches: GeminiCaches;
  readonly #registry;
  #lastPlan: Plan | undefined;

  constructor({ caching = "auto", prices = rates, baseUrl, deps = {} }: SceneOptions = {}) {
    const catalogue = createPriceCatalogue({ overrides: { [model]: prices } });
    this.world = fakeWorld({ ids: idSource(), ...deps });
    const { world } = this;
    const { clock } = world.deps;
    this.caches = new GeminiCaches(() => clock.now());
    this.#registry = createAttemptRegistry(clock);
    const providers = buildProviders([
      { name: "google", enabled: true, keys: [new Secret("AIza-1")], caching, ...(baseUrl === undefined ? {} : { baseUrl }) },
    ]);
    const client: UpstreamClient = { dispatch: (request, handler) => this.#dispatch(request, handler), close: () => Promise.resolve() };
    const snapshot = {
      ...world.deps.current(),
      resilience: defaultResilience,
      catalog: createCatalog({ providers, routes: [], aliases: new Map() }),
      client,
    };
    const ledger = createLedger({ sink: {} as LedgerSink, prices: () => catalogue, clock, logger: world.deps.logger });
    const cost = ledger.cost.bind(ledger);
    Object.assign(world.deps, {
      activeAttempts: this.#registry,
      providerHealth: createProviderHealth({ clock }),
      keyHealth: createProviderHealth({ clock }),
      ledger: {
        ...world.deps.ledger,
        cost,
      },
      contextCaches: { memory: new ContextCacheMemory(clock), table: freeTable },
      current: () => snapshot,
    });
    const costOf = (record: CloseRecord): number =>
      costsNothing(record) ? 0 : Number(cost(record.provider, record.modelServed, record.usage, record.timeMs));
    this.cost = () => world.closed.reduce((sum, record) => sum + costOf(record), 0);
    scenes.push(this);
  }

  /** All that was recorded, nano-USD. */
  readonly cost: () => number;

  /** One request. @returns the answer's content. */
  async ask(body: JsonObject, sender: Principal = principal): Promise<JsonObject> {
    const exchange = new FakeExchange(JSON.stringify(body));
    const call = fakeCall(this.world, exchange, routeOf("gemini-generate", "generate", model), sender);
    await receive(call);
    call.plan = planRequest(call);
    this.#lastPlan = call.plan;
    try {
      await sendWithFailover(call, call.plan.attempts);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      exchange.sent.push(`${error.status} - ${JSON.stringify({ error: error.message })}`);
    }
    settleCaching(call);
    for (let turn = 0; turn < 40; turn++) await Promise.resolve();
    const sent = exchange.sent.join("");
    return JSON.parse(sent.slice(sent.indexOf("{"))) as JsonObject;
  }

  pass(ms: number): void {
    this.world.nowMs += ms;
  }

  /** `context-cache ok 10000+0`: the entries as they were closed. */
  get entries(): readonly string[] {
    return this.world.closed.map(({ lane, status, errorCode, attempt }) => `${attempt} ${lane} ${errorCode ?? status}`);
  }

  /** How often the provider and its key have failed, and whether something keeps requests from them. */
  get health(): readonly unknown[] {
    const { providerHealth, keyHealth } = this.world.deps;
    const failures = [providerHealth, keyHealth].flatMap((health) => health.snapshot().map((state) => state.failures));
    return [...failures, this.#isClear()];
  }

  #isClear(): boolean {
    return this.#lastPlan?.attempts.every(({ states }) => states.every((state) => state.isClear)) === true;
  }

  close(): void {
    this.#registry.close();
  }

  #dispatch(...[request, handler]: Parameters<UpstreamClient["dispatch"]>): ReturnType<UpstreamClient["dispatch"]> {
    const body = JSON.parse(Buffer.concat(request.body as readonly Buffer[]).toString()) as JsonObject;
    const answer = this.caches.answer(request.method, request.path.split("?")[0]!, request.key?.secret.reveal() ?? "", body);
    queueMicrotask(() => {
      handler.onHead(answer.status, ["content-type", "application/json"]);
      handler.onData(Buffer.from(JSON.stringify(answer.body)));
      handler.onEnd();
    });
    return { abort: () => undefined, pause: () => undefined, resume: () => undefined };
  }
}

const freeTable = {
  claim: () => Promise.resolve("claimed"),
  publish: () => Promise.resolve(),
  extend: () => Promise.resolve(true),
  find: () => Promise.resolve(undefined),
  drop: () => Promise.resolve(),
};

function idSource(): GatewayDeps["ids"] {
  let count = 0;
  return { next: (prefix) => `${prefix}_own_${++count}` };
}

const scenes: CacheScene[] = [];

/** Called after each test that makes scenes. */
export function closeCacheScenes(): void {
  for (const scene of scenes.splice(0)) scene.close();
}
