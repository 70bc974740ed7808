import type { RedisConnection, RedisScript } from "../store/index.ts";
import {
  mostPeriods,
  nodeLifeMs,
  type Adjustment,
  type Level,
  type LimitRemote,
  type OwnSlots,
  type TakenAnswer,
  type TakenPart,
} from "./remote.ts";

/** All keys have one hash tag, so that they are in one slot of a cluster. */
const prefix = "{tokligence-limits}:";
const nodesKey = `${prefix}nodes`;

/**
 * The state of a rate is the time at which its bucket is full, in milliseconds of the server's clock, which expires then. Slots are a hash of processes, each with
 * its count and the time until which it is believed. A time far in the future comes from a clock that was set back, and counts as the end of its period.
 */
const common = `
local t = redis.call('TIME')
local now = t[1] * 1000 + t[2] / 1000
local function used(key, period)
  local at = tonumber(redis.call('GET', key) or '0')
  return math.max(0, math.min(at - now, period * ${mostPeriods}))
end
local function put(key, ms)
  if ms <= 0 then redis.call('DEL', key) return end
  redis.call('SET', key, string.format('%.3f', now + ms), 'PX', math.ceil(ms) + 1000)
end
local function others(key, node)
  local sum = 0
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    local count, till = string.match(all[i + 1], '^(%d+) (%d+)$')
    if tonumber(till) <= now then redis.call('HDEL', key, all[i])
    elseif all[i] ~= node then sum = sum + tonumber(count) end
  end
  return sum
end
local function own(key, node, count)
  if count <= 0 then redis.call('HDEL', key, node) return end
  redis.call('HSET', key, node, string.format('%d %d', count, now + ${nodeLifeMs}))
  redis.call('PEXPIRE', key, ${nodeLifeMs})
end
`;

/** ARGV: the process; then for each key its period, cost and most. */
const takeScript = `${common}
local node = ARGV[1]
local states = {}
local admitted = 1
for i, key in ipairs(KEYS) do
  local period, cost, most = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  if period == 0 then
    states[i] = others(key, node)
    if states[i] + cost > most then admitted = 0 end
  else
    states[i] = used(key, period)
    if states[i] + math.min(cost, period) > period + 0.001 then admitted = 0 end
  end
end
if admitted == 1 then
  for i, key in ipairs(KEYS) do
    local period, cost = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
    if period == 0 then own(key, node, cost) else
      states[i] = states[i] + cost
      put(key, states[i])
    end
  end
end
local answer = {admitted, redis.call('ZCARD', '${nodesKey}')}
for i, state in ipairs(states) do answer[i + 2] = string.format('%.3f', state) end
return answer
`;

/** ARGV: the process; then for each key its period and change; period 0: its slots. */
const settleScript = `${common}
for i, key in ipairs(KEYS) do
  local period, value = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  if period == 0 then own(key, ARGV[1], value)
  else put(key, math.min(used(key, period) + value, period * ${mostPeriods})) end
end
`;

/** ARGV: for each key how long its bucket takes to be full, at least. */
const raiseScript = `${common}
for i, key in ipairs(KEYS) do
  local least = tonumber(ARGV[i])
  if least > used(key, least) then put(key, least) end
end
`;

/** KEYS: the processes, then slots. ARGV: the process, then the count of each. */
const beatScript = `${common}
redis.call('ZADD', KEYS[1], now + ${nodeLifeMs}, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('PEXPIRE', KEYS[1], ${nodeLifeMs})
for i = 2, #KEYS do own(KEYS[i], ARGV[1], tonumber(ARGV[i])) end
return redis.call('ZRANGE', KEYS[1], 0, -1)
`;

/** Limits in Redis (6.2 or later), each step one script. @param node the name of this process, unlike that of any other. */
export class RedisRemote implements LimitRemote {
  readonly title = "Redis";
  readonly #redis: RedisConnection;
  readonly #node: string;
  readonly #take: RedisScript;
  readonly #settle: RedisScript;
  readonly #raise: RedisScript;
  readonly #beat: RedisScript;

  constructor(redis: RedisConnection, node: string) {
    this.#redis = redis;
    this.#node = node;
    this.#take = redis.script(takeScript);
    this.#settle = redis.script(settleScript);
    this.#raise = redis.script(raiseScript);
    this.#beat = redis.script(beatScript);
  }

  async take(parts: readonly TakenPart[]): Promise<TakenAnswer> {
    const keys = parts.map(({ name }) => prefix + name);
    const answer = await this.#take(keys, [this.#node, ...parts.flatMap(({ periodMs, cost, most }) => [periodMs, cost, most])]);
    const [admitted, processes, ...states] = answer as readonly (number | string)[];
    return { isAdmitted: admitted === 1, states: states.map(Number), processes: Number(processes) };
  }

  settle(adjustments: readonly Adjustment[], slots: readonly OwnSlots[]): void {
    const keys = [...adjustments, ...slots].map(({ name }) => prefix + name);
    const changes = adjustments.flatMap(({ periodMs, deltaMs }) => [periodMs, deltaMs]);
    const counts = slots.flatMap(({ count }) => [0, count]);
    // A server that is away is noticed by the next request.
    this.#settle(keys, [this.#node, ...changes, ...counts]).catch(() => {});
  }

  async raise(levels: readonly Level[]): Promise<void> {
    await this.#raise(
      levels.map(({ name }) => prefix + name),
      levels.map(({ usedMs }) => usedMs),
    );
  }

  async beat(slots: readonly OwnSlots[]): Promise<readonly string[]> {
    if (this.#redis.problem !== undefined) throw new Error(this.#redis.problem);
    const keys = [nodesKey, ...slots.map(({ name }) => prefix + name)];
    return (await this.#beat(keys, [this.#node, ...slots.map(({ count }) => count)])) as readonly string[];
  }

  close(): void {
    void this.#redis.call("zrem", nodesKey, this.#node).catch(() => {});
  }
}
