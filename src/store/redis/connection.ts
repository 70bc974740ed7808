import { createHash } from "node:crypto";
import type { Redis, RedisOptions } from "ioredis";
import { messageOf, type Logger, type Secret } from "../../core/index.ts";

export type RedisValue = string | number;

/** A script in Redis's Lua: one atomic step. */
export type RedisScript = (keys: readonly string[], values: readonly RedisValue[]) => Promise<unknown>;

/** The connection to Redis of one process. It connects in the background, and again whenever it is lost. */
export interface RedisConnection {
  /** Commands are sent at present. */
  readonly isUp: boolean;
  /** Why it is not connected, without secrets; `undefined` if it is. */
  readonly problem: string | undefined;
  /** Sends one command. It rejects at once while there is no connection; commands under way when a connection is lost are not sent again. */
  call(command: string, ...values: readonly RedisValue[]): Promise<unknown>;
  script(lua: string): RedisScript;
  /** Receives what is published on a channel, over a connection of its own. What is published while it is lost is lost. @returns ends it. */
  subscribe(channel: string, onMessage: (message: string) => void): () => void;
  close(): void;
}

/** The pause before the n-th attempt to connect; a random part keeps the processes of a machine apart. */
function pauseMs(times: number): number {
  return Math.min(500, 50 * times) * (0.75 + Math.random() / 4);
}

const options = {
  // A request does not wait for a server that is away: it is decided without it.
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  connectTimeout: 2000,
  retryStrategy: pauseMs,
  disableClientInfo: true,
  connectionName: "tokligence",
} satisfies RedisOptions;

/** A start waits for a server that does not answer at most this long. */
const firstWaitMs = 1000;

/** Connects; resolves when Redis answers, or has not. The client's package is loaded only here, so that a gateway without Redis does not pay for it. */
export async function connectRedis(url: Secret, logger: Logger): Promise<RedisConnection> {
  const { Redis: Client } = (await import("ioredis")).default;
  const make = (): Redis => new Client(url.reveal(), options);
  const connection = new Connection(make, logger);
  await connection.tried;
  return connection;
}

class Connection implements RedisConnection {
  readonly #make: () => Redis;
  readonly #logger: Logger;
  readonly #main: Redis;
  readonly #subscribers: Redis[] = [];
  #problem: string | undefined = "not connected yet";
  #isReported = false;
  /** Resolves after the first attempt to connect. */
  readonly tried: Promise<void>;

  constructor(make: () => Redis, logger: Logger) {
    this.#make = make;
    this.#logger = logger;
    this.#main = make();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.tried = promise;
    const timer = setTimeout(resolve, firstWaitMs);
    const tried = (): void => {
      clearTimeout(timer);
      resolve();
    };
    this.#main.once("ready", tried).once("close", tried);
    this.#main.on("ready", () => {
      this.#problem = undefined;
      if (this.#isReported) logger.info({}, "Redis answers again");
      this.#isReported = false;
    });
    this.#main.on("error", (error: Error) => {
      this.#lost(messageOf(error) || error.name);
    });
    this.#main.on("close", () => {
      this.#lost(this.#problem ?? "the connection was closed");
    });
  }

  get isUp(): boolean {
    return this.#problem === undefined;
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  call(command: string, ...values: readonly RedisValue[]): Promise<unknown> {
    return this.#main.call(command, ...values);
  }

  script(lua: string): RedisScript {
    const sha = createHash("sha1").update(lua).digest("hex");
    return async (keys, values) => {
      try {
        return await this.call("evalsha", sha, keys.length, ...keys, ...values);
      } catch (error) {
        // The first call after a start of the server.
        if (!messageOf(error).startsWith("NOSCRIPT")) throw error;
        return await this.call("eval", lua, keys.length, ...keys, ...values);
      }
    };
  }

  subscribe(channel: string, onMessage: (message: string) => void): () => void {
    const subscriber = this.#make();
    this.#subscribers.push(subscriber);
    // The main connection reports the same.
    subscriber.on("error", () => {});
    subscriber.on("ready", () => {
      subscriber.subscribe(channel).catch(() => {});
    });
    subscriber.on("message", (_channel: string, message: string) => {
      onMessage(message);
    });
    return () => {
      subscriber.disconnect();
    };
  }

  close(): void {
    this.#isReported = true;
    this.#main.disconnect();
    for (const subscriber of this.#subscribers) subscriber.disconnect();
  }

  #lost(problem: string): void {
    this.#problem = problem;
    if (this.#isReported) return;
    this.#isReported = true;
    this.#logger.warn({ error: problem }, "Redis does not answer: the gateway goes on without it, and tries to connect again");
  }
}
