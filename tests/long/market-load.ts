import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { createHome, endBy, type Home, type RunningProcess } from "../process/processes.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { writeFigures } from "./figures.ts";

/**
 * Alice buys Bob's built-in model, over loopback: at Bob's own address, and through Plaza as a relay. The same model at the same gateway as an ordinary provider of Alice's is
 * what sales are compared with.
 */

interface Side {
  readonly home: Home;
  readonly running: RunningProcess;
}

/** Sales of the run in which memory is watched; a quarter of them come before the first look. */
const sales = Number(process.env["MARKET_SALES"] ?? 8000);
const longestMs = 240_000;
const width = 16;
const rounds = 300;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function start(config: string): Promise<Side> {
  const home = await createHome();
  await home.writeConfig(config);
  return { home, running: await home.start() };
}

async function run(home: Home, ...args: readonly string[]): Promise<{ readonly invite: string }> {
  const { code, stdout, stderr } = await home.tokligence(...args, "--json");
  assert.equal(code, 0, `${args.join(" ")}: ${stdout}${stderr}`);
  return JSON.parse(stdout) as { readonly invite: string };
}

/** @returns milliseconds to the first byte of the answer, and to its end. */
async function ask(url: string, model: string, stream: boolean): Promise<{ readonly firstMs: number; readonly ms: number }> {
  const began = performance.now();
  const reply = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, stream, messages: [{ role: "user", content: "Say this again, please." }] }),
  });
  const reader = reply.body!.getReader();
  await reader.read();
  const firstMs = performance.now() - began;
  for (let isDone = false; !isDone;) isDone = (await reader.read()).done;
  assert.equal(reply.status, 200);
  return { firstMs, ms: performance.now() - began };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** The models by turns, one request at a time, so that all see the same machine. @returns medians. */
async function compare(url: string, models: readonly string[], stream: boolean): Promise<readonly { firstMs: number; ms: number }[]> {
  const found = models.map(() => [] as { firstMs: number; ms: number }[]);
  for (let round = 0; round < rounds; round++)
    for (const [index, model] of models.entries()) found[index]!.push(await ask(url, model, stream));
  return found.map((all) => ({ firstMs: median(all.map(({ firstMs }) => firstMs)), ms: median(all.map(({ ms }) => ms)) }));
}

interface Loaded {
  readonly per_second: number;
  /** Processor time for each request. */
  readonly buyer_cpu_ms: number;
  readonly seller_cpu_ms: number;
  readonly relay_cpu_ms: number;
}

/** Keeps `width` requests under way. @returns sales a second. */
async function load(url: string, model: string, count: number): Promise<number> {
  const began = performance.now();
  let [begun, done] = [0, 0];
  const work = async (): Promise<void> => {
    while (begun < count && performance.now() - began < longestMs) {
      begun += 1;
      await ask(url, model, begun % 2 === 0);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: width }, work));
  assert.equal(done, count, "within the time");
  return (done / (performance.now() - began)) * 1000;
}

async function residentMib({ running }: Side): Promise<number> {
  const [, kib] = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${running.pid}/status`, "utf8"))!;
  return Number(kib) / 1024;
}

/** Processor time that a process has used, in milliseconds; exact to a tick of the kernel, 10 ms. */
async function cpuMs({ running }: Side): Promise<number> {
  const fields = (await readFile(`/proc/${running.pid}/stat`, "utf8")).split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

const round = (value: number, digits = 2): number => Number(value.toFixed(digits));

test("sales a second, added latency and memory, at a seller's own address and through a relay", async () => {
  const limits = "per_buyer: { concurrency: 64, leases: 1000, calls_per_second: 10000 }";
  const relay = "relay: { peers: true, calls: 1000, calls_per_caller: 1000 }";
  const noKeys = "gateway: { auth: { enabled: false } }\n";
  const market = async (name: string, more = ""): Promise<string> =>
    `market: { listen: "127.0.0.1:${await freePort()}", name: ${name}, hold: "1", ${limits}${more} }\n${noKeys}`;
  const sides: Side[] = [];
  try {
    const [plaza, bob, carol] = [
      await start(await market("plaza", `, ${relay}`)),
      await start(await market("bob")),
      await start(await market("carol")),
    ];
    const provider = `providers: { own: { base_url: "${bob.running.url}/v1", protocols: [openai-chat], models: [loopback] } }\n`;
    const alice = await start(`${await market("alice", ", lease: 15m")}${provider}`);
    sides.push(plaza, bob, carol, alice);
    const terms = ["--input", "1", "--output", "2", "--concurrency", "64", "--limit", "1000"];
    await run(carol.home, "market", "join", (await run(plaza.home, "market", "invite")).invite, "--yes");
    await run(alice.home, "market", "join", (await run(bob.home, "market", "share", "loopback", ...terms)).invite, "--yes");
    const shared = await run(carol.home, "market", "share", "loopback", ...terms, "--relay", "plaza");
    await run(alice.home, "market", "join", shared.invite, "--yes");
    const { url } = alice.running;
    const models = ["own/loopback", "@bob/loopback", "@carol/loopback"] as const;
    for (const model of models) await load(url, model, 200);
    const whole = await compare(url, models, false);
    const streams = await compare(url, models, true);
    // Processor time does not depend on what else the machine does; the other figures do.
    const loaded = async (model: string, seller: Side): Promise<Loaded> => {
      const count = 2000;
      const used = async (): Promise<readonly number[]> => await Promise.all([alice, seller, plaza].map(cpuMs));
      const before = await used();
      const perSecond = Math.round(await load(url, model, count));
      const [buyer, sold, relayed] = (await used()).map((ms, index) => round((ms - before[index]!) / count));
      return { per_second: perSecond, buyer_cpu_ms: buyer!, seller_cpu_ms: sold!, relay_cpu_ms: relayed! };
    };
    const figuresOf = async (index: 0 | 1 | 2, seller: Side): Promise<Loaded & Record<string, number>> => ({
      ...(await loaded(models[index], seller)),
      ms_p50: round(whole[index]!.ms),
      added_ms_p50: round(whole[index]!.ms - whole[0]!.ms),
      added_first_byte_ms_p50: round(streams[index]!.firstMs - streams[0]!.firstMs),
    });
    const asProvider = await figuresOf(0, bob);
    const direct = await figuresOf(1, bob);
    const relayed = await figuresOf(2, carol);
    await load(url, models[2], Math.floor(sales / 4));
    const before = await Promise.all([carol, plaza, alice].map(residentMib));
    await load(url, models[2], Math.ceil((sales * 3) / 4));
    const growth = (await Promise.all([carol, plaza, alice].map(residentMib))).map((mib, index) => Math.round(mib - before[index]!));
    const memory = { sales, seller_growth_mib: growth[0]!, relay_growth_mib: growth[1]!, buyer_growth_mib: growth[2]! };
    for (const mib of growth) assert.ok(mib < 64, JSON.stringify(memory));
    await endBy(alice.running, "SIGTERM");
    await waitUntil("the leases are settled", async () => {
      const { stdout } = await carol.home.tokligence("market", "status", "--json");
      const { peers } = JSON.parse(stdout) as { readonly peers: readonly { readonly reserved_credits: string }[] };
      return peers.every(({ reserved_credits: reserved }) => reserved === "0");
    });
    writeFigures("market-load", { provider: asProvider, direct, relayed, memory });
  } finally {
    for (const { home } of sides) await home.clear();
  }
});
