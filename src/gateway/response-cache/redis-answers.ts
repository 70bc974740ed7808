import { latin1OfUtf8, utf8OfLatin1, type Clock, type Schedule } from "../../core/index.ts";
import type { RedisConnection, RedisScript } from "../../store/index.ts";
import { largestShare, type AnswerCache, type AnswerStoreLimits, type CachedAnswer } from "./answer-store.ts";

/** All keys have one hash tag, so that they are in one slot of a cluster. */
const prefix = "{tokligence-answers}:";
/** By the time of their last use (microseconds of the server's clock), by the time at which they expire (milliseconds), and by name their sizes; and the sum of the sizes. */
const indexKeys = [`${prefix}used`, `${prefix}expiring`, `${prefix}sizes`, `${prefix}total`];

const common = `
local t = redis.call('TIME')
local used = t[1] * 1000000 + t[2]
local now = math.floor(used / 1000)
local function drop(name)
  redis.call('DEL', '${prefix}answer:' .. name)
  redis.call('ZREM', KEYS[1], name)
  redis.call('ZREM', KEYS[2], name)
  local size = redis.call('HGET', KEYS[3], name)
  if size then
    redis.call('HDEL', KEYS[3], name)
    redis.call('DECRBY', KEYS[4], size)
  end
end
`;

/** KEYS: those of the index, and the answer's. ARGV: its name. */
const getScript = `${common}
local text = redis.call('GET', KEYS[5])
if text then redis.call('ZADD', KEYS[1], 'XX', used, ARGV[1]) end
return text
`;

/** KEYS: the same. ARGV: the name, the text, its size, the lifetime in milliseconds, the most bytes of all. What has expired goes first, then what was not used for the longest time. */
const putScript = `${common}
drop(ARGV[1])
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 100)) do drop(name) end
redis.call('SET', KEYS[5], ARGV[2], 'PX', ARGV[4])
redis.call('ZADD', KEYS[1], used, ARGV[1])
redis.call('ZADD', KEYS[2], now + ARGV[4], ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
local total = redis.call('INCRBY', KEYS[4], ARGV[3])
while total > tonumber(ARGV[5]) do
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
  if not oldest then redis.call('SET', KEYS[4], 0) break end
  drop(oldest)
  total = tonumber(redis.call('GET', KEYS[4]))
end
return total
`;

/** A request waits for Redis at most this long. If it does not answer in time, it is not asked again for `quietMs`. */
const longestWaitMs = 50;
const quietMs = 1000;
/** Answers that are on their way to Redis, at most: further ones are not kept. */
const mostWrites = 32;
/** Beside the text of an answer. */
const overheadBytes = 500;

export interface RedisAnswersDeps {
  readonly redis: RedisConnection;
  readonly clock: Pick<Clock, "monotonic">;
  readonly schedule: Schedule;
}

/** Answers in Redis, for several gateways. If Redis is away, or slow, no answer is found, and none is kept. */
export class RedisAnswers implements AnswerCache {
  hits = 0;
  /** None of them is in this process. */
  readonly sizeBytes = 0;
  readonly #deps: RedisAnswersDeps;
  readonly #get: RedisScript;
  readonly #put: RedisScript;
  #writes = 0;
  #quietUntilMs = -Infinity;

  constructor(deps: RedisAnswersDeps) {
    this.#deps = deps;
    this.#get = deps.redis.script(getScript);
    this.#put = deps.redis.script(putScript);
  }

  /** Never rejects. */
  get(key: string): Promise<CachedAnswer | undefined> | undefined {
    const { redis, clock, schedule } = this.#deps;
    if (!redis.isUp || clock.monotonic() < this.#quietUntilMs) return undefined;
    return new Promise((resolve) => {
      const cancel = schedule(longestWaitMs, () => {
        this.#quietUntilMs = clock.monotonic() + quietMs;
        resolve(undefined);
      });
      const end = (answer: CachedAnswer | undefined): void => {
        cancel();
        resolve(answer);
      };
      this.#get(keysOf(key), [key]).then(
        (text) => {
          end(typeof text === "string" ? decodeAnswer(text) : undefined);
        },
        () => {
          end(undefined);
        },
      );
    });
  }

  put(key: string, answer: CachedAnswer, { lifetimeMs, maxBytes }: AnswerStoreLimits): void {
    const text = encodeAnswer(answer);
    if (text === undefined || !this.#deps.redis.isUp || this.#writes >= mostWrites) return;
    const sizeBytes = Buffer.byteLength(text) + overheadBytes;
    if (sizeBytes > maxBytes * largestShare) return;
    this.#writes += 1;
    const end = (): void => {
      this.#writes -= 1;
    };
    // An answer that could not be kept is asked for again.
    this.#put(keysOf(key), [key, text, sizeBytes, lifetimeMs, maxBytes]).then(end, end);
  }
}

function keysOf(name: string): readonly string[] {
  return [...indexKeys, `${prefix}answer:${name}`];
}

/** The form of the texts; others are of another version of the gateway. */
const version = 1;

/** `undefined`: it is not UTF-8. */
function encodeAnswer({ costNanoUsd, body, ...answer }: CachedAnswer): string | undefined {
  const text = utf8OfLatin1(body);
  if (latin1OfUtf8(text) !== body) return undefined;
  return JSON.stringify({ version, ...answer, cost: costNanoUsd?.toString(), body: text });
}

/** `undefined`: the gateway has not written it. */
function decodeAnswer(json: string): CachedAnswer | undefined {
  const read = parseMembers(json);
  const { form, contentType, body, includesUsage, provider, upstreamModel, modelServed, storedMs, cost } = read;
  const isForm = form === "json" || form === "events" || form === "array";
  const isTexts = isText(contentType) && isText(body) && isText(provider) && isText(upstreamModel) && isText(modelServed);
  const isCost = cost === undefined || (isText(cost) && /^\d{1,18}$/.test(cost));
  if (read["version"] !== version || !isForm || !isTexts || !isCost) return undefined;
  if (typeof includesUsage !== "boolean" || typeof storedMs !== "number") return undefined;
  return {
    form,
    contentType,
    body: latin1OfUtf8(body),
    includesUsage,
    provider,
    upstreamModel,
    modelServed,
    storedMs,
    costNanoUsd: cost === undefined ? undefined : BigInt(cost),
  };
}

/** Without members: it is no JSON object. */
function parseMembers(json: string): Readonly<Record<string, unknown>> {
  try {
    const read: unknown = JSON.parse(json);
    return typeof read === "object" && read !== null ? (read as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
