import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/core/index.ts";
import { createInvite, joinBy } from "../../../src/market/join.ts";
import { createSqliteStore } from "../../../src/store/index.ts";
import { checkEnd } from "./check-end.ts";
import { fair, SimNetwork } from "./network.ts";
import { SimNode, type Crashes, type Plant } from "./node.ts";
import { SimWorld } from "./world.ts";

export interface SimulationFigures {
  readonly asked: number;
  readonly answered: number;
  readonly bought: number;
  readonly crashes: number;
  readonly calls: number;
  readonly lost: number;
  readonly cut: number;
  readonly repeated: number;
  /** Of all requests and their ends: a seed has one. */
  readonly digest: string;
}

export interface SimulationOptions {
  readonly seed: number;
  /** Twelve nodes beside the exchange if omitted. */
  readonly nodes?: number;
  readonly requests?: number;
  readonly plant?: Plant;
}

let template: Promise<string> | undefined;
const folder = mkdtempSync(join(tmpdir(), "tokligence-market-simulator-"));
process.on("exit", () => {
  rmSync(folder, { recursive: true, force: true });
});

async function makeTemplate(): Promise<string> {
  const path = join(folder, "template.db");
  await (await createSqliteStore({ path, clock: systemClock })).close();
  return path;
}

/**
 * Nodes and one exchange trade in bad weather: calls are lost, cut, delayed and repeated, parts of the network do not reach each other, processes are killed at any statement of
 * their databases, and clocks differ. Then the weather is fair again, and all books are compared.
 * @throws AssertionError if a promise of the market is not kept.
 */
export async function simulateMarket({ seed, nodes: count = 12, requests = 60, plant }: SimulationOptions): Promise<SimulationFigures> {
  template ??= makeTemplate();
  const own = mkdtempSync(join(folder, "seed-"));
  const world = new SimWorld(seed);
  const network = new SimNetwork(world);
  const crashes: Crashes = { oneIn: 0 };
  const make = (name: string, isExchange: boolean): SimNode =>
    new SimNode({ name, folder: own, isExchange, world, network, crashes, plant });
  const exchange = make("plaza", true);
  const nodes = Array.from({ length: count }, (_, index) => make(`n${index + 1}`, false));
  const all = [exchange, ...nodes];
  try {
    for (const node of all) {
      node.skewMs = world.dice(80_000) - 40_000;
      await node.start(await template);
    }
    await world.pass(1000);
    const links = await introduce(world, exchange, nodes);
    const planned = trade(world, links, requests);
    await storm(world, network, { nodes: all, crashes, lastMs: planned });
    network.weather = fair;
    network.groups.clear();
    crashes.oneIn = 0;
    await world.pass(30_000);
    await calm(world, all);
    const bought = await checkEnd(all, world);
    const asked = nodes.flatMap((node) => node.asked);
    const answered = asked.filter(({ outcome }) => outcome === "answered").length;
    const crashed = all.reduce((sum, node) => sum + node.crashes, 0);
    const digest = createHash("sha256").update(
      JSON.stringify([network.figures, crashed, asked.map(({ requestId, outcome }) => [requestId, outcome])]),
    );
    return { asked: asked.length, answered, bought, crashes: crashed, ...network.figures, digest: digest.digest("hex").slice(0, 12) };
  } catch (error) {
    if (error instanceof Error) error.message = `seed ${seed}: ${error.message}`;
    throw error;
  } finally {
    await Promise.allSettled(all.filter(({ isUp }) => isUp).map((node) => node.store.close()));
    rmSync(own, { recursive: true, force: true });
  }
}

interface Link {
  readonly buyer: SimNode;
  readonly provider: string;
}

/** Two thirds of the nodes trade over the exchange, half of them sell; the others are pairs of friends, who sell to each other. */
async function introduce(world: SimWorld, exchange: SimNode, nodes: readonly SimNode[]): Promise<readonly Link[]> {
  const members = nodes.slice(0, Math.ceil((nodes.length * 2) / 3));
  const friends = nodes.slice(members.length);
  const links: Link[] = [];
  const share = (node: SimNode): Promise<unknown> =>
    world.until(node.admin.share({ model: "loopback", input: "1", output: "2", concurrency: 8 }, "root"));
  const join = async (node: SimNode, host: SimNode, role: "peer" | "member"): Promise<void> => {
    const invite = await world.until(createInvite(host.market, 50_000_000_000n, role));
    await world.until(joinBy(node.market, invite, undefined));
  };
  for (const [index, node] of members.entries()) {
    if (index % 2 === 0) await share(node);
    else links.push({ buyer: node, provider: "@plaza" });
    await join(node, exchange, "member");
  }
  // Two know each other both ways: as friends, and over the exchange.
  await join(members[1]!, members[0]!, "peer");
  links.push({ buyer: members[1]!, provider: `@${members[0]!.name}` });
  for (let index = 0; index + 1 < friends.length; index += 2) {
    const [one, other] = [friends[index]!, friends[index + 1]!];
    await share(one);
    await share(other);
    await join(one, other, "peer");
    await join(other, one, "peer");
    links.push({ buyer: one, provider: `@${other.name}` }, { buyer: other, provider: `@${one.name}` });
  }
  await world.pass(60_000);
  return links;
}

/** @returns when the last request is asked, in milliseconds from now. */
function trade(world: SimWorld, links: readonly Link[], requests: number): number {
  let atMs = 0;
  for (let request = 0; request < requests; request++) {
    atMs += world.dice(4000);
    const { buyer, provider } = world.pick(links);
    world.after(atMs, () => buyer.ask(provider));
  }
  return atMs;
}

interface Storm {
  readonly nodes: readonly SimNode[];
  readonly crashes: Crashes;
  readonly lastMs: number;
}

async function storm(world: SimWorld, network: SimNetwork, { nodes, crashes, lastMs }: Storm): Promise<void> {
  for (let left = lastMs; left > 0;) {
    network.weather = { lost: world.dice(15), answerLost: world.dice(15), cut: world.dice(20), repeated: world.dice(15) };
    crashes.oneIn = world.chance(70) ? 50 + world.dice(1500) : 0;
    const parts = world.chance(40) ? 2 : 1;
    for (const { name } of nodes) network.groups.set(name, world.dice(parts));
    // Clocks are set now and then.
    const node = world.pick(nodes);
    if (world.chance(30)) node.skewMs = world.dice(80_000) - 40_000;
    const step = Math.min(left, 5000 + world.dice(20_000));
    await world.pass(step);
    left -= step;
  }
}

/** Until all leases are over and settled, and all windows of the exchange have passed. */
async function calm(world: SimWorld, nodes: readonly SimNode[]): Promise<void> {
  await world.pass(60_000);
  for (const node of nodes) assert.ok(node.isUp, `${node.name} was not started again`);
  world.slowness = 5;
  await world.pass(8 * 60_000);
}
