import { once } from "node:events";
import { Agent, request, type IncomingMessage } from "node:http";
import { startGateway, type TestGateway } from "../e2e/harness.ts";
import { newRedis } from "../testbed/shared-redis.ts";
import type { RedisServer } from "../testbed/redis-server.ts";
import { waitUntil } from "../testbed/wait-until.ts";

/** What two gateways on one Redis have done with requests for which there was one limit. */
export interface LimitFigures {
  readonly requests: number;
  readonly seconds: number;
  readonly admitted: number;
  /** `limit` + a second's share × `seconds`. */
  readonly allowed: number;
  readonly serverErrors: number;
  /** A gateway has found Redis silent, as on a machine that is busy with something else, and has used its own part of the limit meanwhile. */
  readonly wasSilent: boolean;
  /** 99th percentiles, milliseconds, of the second after each time that Redis was killed, or would have been: the median of them, and the worst. */
  readonly secondP99Ms: number;
  readonly worstSecondP99Ms: number;
}

export interface LimitLoad {
  readonly limit: number;
  readonly requests: number;
  /** Evenly, in each second. */
  readonly perSecond: number;
  /** How often Redis is killed, and started again after a moment. */
  readonly kills: number;
  /** Redis is not killed at these times, so that there is something to compare with. */
  readonly isSpared?: boolean;
}

interface Seen {
  readonly status: number;
  readonly atMs: number;
  readonly tookMs: number;
}

/** Two gateways, a user with one limit, and requests to both in turn. */
export async function limitOverRedis(load: LimitLoad): Promise<LimitFigures> {
  const redis = await newRedis();
  const config = `redis: { url: "${redis.url}" }\nlimits: { store: redis }\n`;
  const one = await startGateway({ config });
  const other = await startGateway({ config, database: one.database });
  try {
    const { key } = await one.createKey("limited");
    await setLimit(one, load.limit);
    for (const gateway of [one, other]) await waitUntil("limits are shared, and known", () => isReady(gateway, key));
    const figures = await run([one, other], key, redis, load);
    const logs = await Promise.all([one.logText(), other.logText()]);
    return { ...figures, wasSilent: logs.some((log) => log.includes("limits cannot be shared")) };
  } finally {
    await other.stop();
    await one.stop();
    await redis.close();
  }
}

async function setLimit({ url, adminKey }: TestGateway, limit: number): Promise<void> {
  const body = JSON.stringify({ subject: "limited", requests_per_minute: limit });
  await fetch(`${url}/api/v1/limits`, { method: "POST", headers: { authorization: `Bearer ${adminKey}` }, body });
}

/** Asked with a request that fails, and so gives back what it took. */
async function isReady({ url }: TestGateway, key: string): Promise<boolean> {
  const health = (await (await fetch(`${url}/health`)).json()) as { dependencies: { name: string; state: string }[] };
  const isShared = health.dependencies.some(({ name, state }) => name === "limits" && state === "up");
  const body = JSON.stringify({ model: "loopback", messages: "none" });
  const reply = await fetch(`${url}/v1/chat/completions`, { method: "POST", headers: { authorization: `Bearer ${key}` }, body });
  await reply.text();
  return isShared && reply.headers.has("x-ratelimit-limit-requests");
}

async function run(
  gateways: readonly TestGateway[],
  key: string,
  redis: RedisServer,
  load: LimitLoad,
): Promise<Omit<LimitFigures, "wasSilent">> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const startMs = performance.now();
  const pending: Promise<Seen>[] = [];
  const killedMs: number[] = [];
  const everyMs = (load.requests / load.perSecond / (load.kills + 1)) * 1000;
  const killing = killAndStart(load.isSpared === true ? undefined : redis, load.kills, everyMs, killedMs);
  for (let index = 0; index < load.requests; index++) {
    const dueMs = startMs + (index / load.perSecond) * 1000;
    await waitUntil("the next request is due", () => performance.now() >= dueMs);
    pending.push(ask(gateways[index % gateways.length]!, key, agent));
  }
  const answers = await Promise.all(pending);
  const seconds = (performance.now() - startMs) / 1000;
  await killing;
  agent.destroy();
  const ofSecond = (atMs: number): Seen[] => answers.filter((seen) => seen.atMs >= atMs - 50 && seen.atMs < atMs + 1000);
  const seconds99 = killedMs.map((atMs) => p99(ofSecond(atMs))).toSorted((a, b) => a - b);
  return {
    requests: answers.length,
    seconds: Math.round(seconds * 1000) / 1000,
    admitted: answers.filter(({ status }) => status === 200).length,
    allowed: Math.round(load.limit + (load.limit / 60) * seconds),
    serverErrors: answers.filter(({ status }) => status >= 500).length,
    secondP99Ms: seconds99[Math.floor(seconds99.length / 2)] ?? 0,
    worstSecondP99Ms: seconds99.at(-1) ?? 0,
  };
}

/** At even times within the run. */
async function killAndStart(redis: RedisServer | undefined, kills: number, everyMs: number, killedMs: number[]): Promise<void> {
  for (let kill = 0; kill < kills; kill++) {
    await new Promise((resolve) => setTimeout(resolve, everyMs * 0.7));
    killedMs.push(performance.now());
    await redis?.kill();
    await new Promise((resolve) => setTimeout(resolve, everyMs * 0.3));
    await redis?.start();
  }
}

async function ask({ port }: TestGateway, key: string, agent: Agent): Promise<Seen> {
  const atMs = performance.now();
  const body = '{"model":"loopback","messages":[{"role":"user","content":"hi"}]}';
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const sent = request({ port, host: "127.0.0.1", method: "POST", path: "/v1/chat/completions", headers, agent });
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  response.resume();
  await once(response, "end");
  return { status: response.statusCode!, atMs, tookMs: performance.now() - atMs };
}

function p99(answers: readonly Seen[]): number {
  const sorted = answers.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
  return Math.round((sorted[Math.floor(sorted.length * 0.99)] ?? 0) * 10) / 10;
}
