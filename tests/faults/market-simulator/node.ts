import { copyFileSync } from "node:fs";
import type { KyselyPlugin, PluginTransformQueryArgs, PluginTransformResultArgs } from "kysely";
import { createIdSource, createSealer, silentLogger, type Clock } from "../../../src/core/index.ts";
import { fakeWorld } from "../../../src/gateway/testing.ts";
import { createMarketAdmin, openMarket, type Market, type MarketAdmin } from "../../../src/market/index.ts";
import { buySchema, readBuy } from "../../../src/market/buy/buy-section.ts";
import type { MarketSection } from "../../../src/market/section.ts";
import { sellSchema } from "../../../src/market/sell/sell-section.ts";
import { readRelay, relaySchema } from "../../../src/market/relay/relay-section.ts";
import { createMarketHandler } from "../../../src/market/sell/listener.ts";
import { createSqliteStore, InstallationKeys, type Store } from "../../../src/store/index.ts";
import { createTargetStates, type PooledUpstreamClient, type UpstreamHandler } from "../../../src/upstream/index.ts";
import type { SimNetwork } from "./network.ts";
import type { SimWorld } from "./world.ts";

/** The process has ended at this statement: nothing of it goes on. */
class Killed extends Error {}

/** How often the process of a node is killed: at one statement of the database in this number; 0: never. */
export interface Crashes {
  oneIn: number;
}

/** A fault that is planted in each process, whenever it starts. */
export interface Plant {
  readonly install?: (market: Market) => void;
  /** Rows of the table are not written, now and then. */
  readonly dropsRow?: (table: string) => boolean;
}

/** How a request of a client has ended. */
export interface Asked {
  readonly node: SimNode;
  readonly requestId: string;
  readonly model: string;
  outcome: "open" | "answered" | "refused" | "failed" | "cancelled" | "killed";
}

/** A process of the shipped market on a database file. It can be killed at each statement, before or after it, and started again. */
export class SimNode {
  readonly name: string;
  readonly url: string;
  readonly path: string;
  readonly isExchange: boolean;
  isUp = false;
  crashes = 0;
  skewMs = 0;
  market!: Market;
  admin!: MarketAdmin;
  readonly #world: SimWorld;
  readonly #network: SimNetwork;
  readonly #crashes: Crashes;
  readonly #plant: Plant | undefined;
  /** Keys, ids and nonces: a seed is played the same way each time. */
  readonly #bytes: (size: number) => Buffer;
  #store!: Store;
  #life = 0;
  #stopTimers: (() => void)[] = [];
  readonly asked: Asked[] = [];

  constructor(options: {
    readonly name: string;
    readonly folder: string;
    readonly isExchange: boolean;
    readonly world: SimWorld;
    readonly network: SimNetwork;
    readonly crashes: Crashes;
    readonly plant: Plant | undefined;
  }) {
    this.name = options.name;
    this.url = `http://${options.name}.sim:8082`;
    this.path = `${options.folder}/${options.name}.db`;
    this.isExchange = options.isExchange;
    this.#world = options.world;
    this.#network = options.network;
    this.#crashes = options.crashes;
    this.#plant = options.plant;
    const dice = options.world.diceOf(options.name);
    this.#bytes = (size) => Buffer.from(Array.from({ length: size }, () => dice(256)));
  }

  /** `undefined` before the first start. */
  get store(): Store {
    return this.#store;
  }

  get clock(): Clock {
    return { now: () => this.#world.nowMs + this.skewMs, monotonic: () => this.#world.nowMs };
  }

  /** @param template a database with the schema, for the first start. */
  async start(template?: string): Promise<void> {
    if (template !== undefined) copyFileSync(template, this.path);
    const life = ++this.#life;
    this.isUp = true;
    const raw = await createSqliteStore({ path: this.path, clock: this.clock });
    const store = this.#guarded(raw, life);
    this.#store = raw;
    const ids = createIdSource(this.clock, this.#bytes);
    const gateway = fakeWorld({
      ids,
      clock: this.clock,
      toolCallGuard: { check: () => undefined } as never,
      toolSampler: { chooses: () => false, spent: () => undefined },
      observe: () => undefined,
      schedule: (delayMs, run) => this.#world.after(delayMs, run),
      activeAttempts: { add: () => undefined, remove: () => undefined } as never,
    }).deps;
    const client: PooledUpstreamClient = {
      dispatch: (request, handler) =>
        this.#life === life ? this.#network.dispatch(this.#place(life), request, handler) : { abort() {}, pause() {}, resume() {} },
      configure: () => undefined,
      warmUp: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    this.market = await openMarket({
      store,
      gateway,
      client,
      states: createTargetStates(),
      sealer: createSealer(await InstallationKeys.open(raw, this.clock, this.#bytes), this.#bytes),
      settings: () => this.#settings(),
      exchangeSettings: () => ({ enabled: this.isExchange, organisation: "", feePpm: 10_000, settleMs: 300_000, windowMs: 60_000 }),
      clock: this.clock,
      ids,
      logger: silentLogger,
      maySell: true,
      maxBodyBytes: () => 1_000_000,
      onChange: () => undefined,
      machine: {
        process: { machine: this.name, pid: life, isRunning: (pid) => pid === this.#life },
        random: () => this.#world.dice(1_000_000) / 1_000_000,
        randomBytes: this.#bytes,
        every: (everyMs, task) => this.#every(everyMs, task, life),
        createListener: (deps) => ({
          listen: () => {
            const handle = createMarketHandler(deps);
            this.#network.listen(this.url, this, (request, response) => {
              if (this.#life === life) handle(request, response);
            });
            return Promise.resolve(8082);
          },
          close: () => Promise.resolve(),
        }),
      },
    });
    this.#plant?.install?.(this.market);
    const { market } = this;
    this.admin = createMarketAdmin({
      open: () => Promise.resolve(market),
      opened: () => Promise.resolve(market),
      catalog: () => gateway.current().catalog,
      ids,
      store: raw,
      clock: this.clock,
    });
    // What a start cannot finish, the timers try again.
    market.start().catch(() => undefined);
  }

  /** As the network knows this process: another one after a restart. */
  #place(life: number): { readonly name: string; readonly isUp: boolean } {
    const alive = (): boolean => this.#life === life && this.isUp;
    return (this.#places[life] ??= {
      name: this.name,
      get isUp() {
        return alive();
      },
    });
  }
  readonly #places: Record<number, { readonly name: string; readonly isUp: boolean }> = {};

  #every(everyMs: number, task: () => void, life: number): () => void {
    let cancel: () => void;
    const next = (): void => {
      cancel = this.#world.after(everyMs * this.#world.slowness, () => {
        if (this.#life !== life || !this.isUp) return;
        task();
        next();
      });
    };
    next();
    const stop = (): void => {
      cancel();
    };
    this.#stopTimers.push(stop);
    return stop;
  }

  #settings(): MarketSection {
    return {
      host: this.name,
      port: 8082,
      reach: this.url,
      name: this.name,
      hold: "0.02",
      leaseMs: 60_000,
      allowPrivate: true,
      maxExposure: "1000",
      sell: sellSchema.parse({}),
      relay: readRelay(relaySchema.parse({})),
      buy: readBuy(buySchema.parse({ tools: true, keyless: "any" })),
      perBuyer: { concurrency: 8, leases: 1000, callsPerSecond: 10_000, tokensPerMinute: undefined, tokensPerDay: undefined },
    };
  }

  /** The store as a process sees it that may be killed before and after each statement. */
  #guarded(store: Store, life: number): Store {
    const check = (): void => {
      if (this.#life !== life || !this.isUp) throw new Killed();
      if (this.#crashes.oneIn > 0 && this.#world.dice(this.#crashes.oneIn) === 0) {
        this.kill();
        throw new Killed();
      }
    };
    const isDropped = (table: string): boolean => this.#plant?.dropsRow?.(table) === true && this.#world.chance(30);
    const plugin: KyselyPlugin = {
      transformQuery({ node }: PluginTransformQueryArgs) {
        check();
        return node;
      },
      // oxlint-disable-next-line typescript/require-await -- the interface is asynchronous
      async transformResult({ result }: PluginTransformResultArgs) {
        check();
        return result;
      },
    };
    return {
      ...store,
      dialect: store.dialect,
      db: store.db.withPlugin(plugin),
      async insertRows(...rows) {
        check();
        if (isDropped(rows[0])) return rows[2].length;
        const added = await store.insertRows(...rows);
        check();
        return added;
      },
    };
  }

  /** kill -9, and a start soon after. */
  kill(): void {
    if (!this.isUp) return;
    this.isUp = false;
    this.crashes += 1;
    for (const stop of this.#stopTimers) stop();
    this.#stopTimers = [];
    for (const asked of this.asked) if (asked.outcome === "open") asked.outcome = "killed";
    this.#network.kill(this);
    this.#network.kill(this.#place(this.#life));
    const store = this.#store;
    this.#world.after(500 + this.#world.dice(20_000), () => {
      const started = store
        .close()
        .then(() => this.start())
        .catch((error: unknown) => {
          if (!(error instanceof Killed)) throw error;
        });
      this.#world.waitFor(started);
    });
  }

  /** A client of this node asks for a model of another one. */
  ask(provider: string): Asked | undefined {
    const found = this.market.providers().find(({ name }) => name === provider);
    const model = found?.models[0];
    if (!this.isUp || found === undefined || model === undefined) return undefined;
    const requestId = `req_${this.name}_${this.#life}_${this.asked.length}`;
    const asked: Asked = { node: this, requestId, model: `${provider}/${model}`, outcome: "open" };
    this.asked.push(asked);
    let status = 0;
    const end = (outcome: Asked["outcome"]): void => {
      if (asked.outcome === "open") asked.outcome = outcome;
    };
    const handler: UpstreamHandler = {
      onHead: (code) => void (status = code),
      onData: () => undefined,
      onEnd: () => {
        end(status === 200 ? "answered" : "refused");
      },
      onFailure: () => {
        end("failed");
      },
    };
    const stream = this.#world.chance(50);
    const text = "word ".repeat(1 + this.#world.dice(30));
    const body = JSON.stringify({ model, stream, max_tokens: 100, messages: [{ role: "user", content: text }] });
    const request = {
      provider: found,
      protocol: "openai-chat",
      method: "POST",
      path: "/chat/completions",
      headers: [],
      key: undefined,
    } as const;
    const call = this.market.purchasing.dispatch({ ...request, body, stream, model, requestId, market: "any" }, handler);
    if (this.#world.chance(8))
      this.#world.after(this.#world.dice(300), () => {
        if (asked.outcome !== "open" || !this.isUp) return;
        end("cancelled");
        call.abort();
      });
    return asked;
  }
}
