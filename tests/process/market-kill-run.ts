import assert from "node:assert/strict";
import { once } from "node:events";
import { readdir, readFile, readlink } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { waitUntil } from "../testbed/wait-until.ts";
import { createHome, endBy, type Home, type RunningProcess } from "./processes.ts";

/** What was found after the kills. */
export interface MarketKillFigures {
  readonly kills: number;
  readonly sent: number;
  /** Answers that came whole. */
  readonly answered: number;
  readonly sold: number;
  readonly leases: number;
  readonly charged_nano: number;
  readonly acknowledged_nano: number;
  /** Charged, but not acknowledged: it waits for the window. */
  readonly contested_nano: number;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

interface Load {
  sent: number;
  answered: number;
  isOver: boolean;
}

/** Keeps asking, JSON and streams by turns, whatever becomes of it. */
async function ask(load: Load, urlOf: () => string): Promise<void> {
  while (!load.isOver) {
    load.sent += 1;
    const stream = load.sent % 2 === 0;
    const model = load.sent % 3 === 0 ? "@bob/loopback" : "@plaza/loopback";
    try {
      const reply = await fetch(`${urlOf()}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model, stream, messages: [{ role: "user", content: "Say this again, please." }] }),
        signal: AbortSignal.timeout(5000),
      });
      const text = await reply.text();
      if (reply.status === 200 && (!stream || text.includes("data: [DONE]"))) load.answered += 1;
      else await delay(20);
    } catch {
      // It was killed; the next one is on its way.
      await delay(20);
    }
  }
}

async function runOrFail(home: Home, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await home.tokligence(...args);
  assert.equal(code, 0, `${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

type Who = "alice" | "bob" | "plaza";

/** Each side has a home, and is started again at the same port. */
class Sides {
  readonly homes: Readonly<Record<Who, Home>>;
  readonly running: Partial<Record<Who, RunningProcess>> = {};
  readonly #ports = new Map<Who, string>();

  constructor(homes: Readonly<Record<Who, Home>>) {
    this.homes = homes;
  }

  async start(who: Who): Promise<void> {
    const port = this.#ports.get(who) ?? String(await freePort());
    this.#ports.set(who, port);
    this.running[who] = await this.homes[who].start("--port", port);
  }

  async end(who: Who, how: "SIGKILL" | "SIGTERM"): Promise<number | null> {
    return (await endBy(this.running[who]!, how)).code;
  }
}

async function writeConfigs({ homes: { alice, bob, plaza } }: Sides): Promise<void> {
  const limits = "per_buyer: { concurrency: 64, leases: 1000, calls_per_second: 5000 }";
  const market = async (name: Who, more: string): Promise<string> =>
    `market: { listen: "127.0.0.1:${await freePort()}", name: ${name}, allow_private: true, max_exposure: "1000", ${limits}${more} }\n`;
  const relay = ", relay: { calls: 100, calls_per_caller: 100 }";
  await plaza.writeConfig(`${await market("plaza", relay)}exchange: { settle: 2m }\n`);
  await bob.writeConfig(await market("bob", ""));
  // Without keys, and all requests may go to an exchange.
  await alice.writeConfig(`${await market("alice", ", lease: 1m, buy: { keyless: any }")}gateway: { auth: { enabled: false } }\n`);
}

/** Alice is a friend of Bob's, and both are members of the exchange. */
async function introduce({ homes: { alice, bob, plaza } }: Sides, isRelayed: boolean): Promise<void> {
  const inviteOf = (text: string): string => (JSON.parse(text) as { readonly invite: string }).invite;
  const terms = ["--input", "1", "--output", "2", "--concurrency", "64", "--limit", "50", "--json"];
  await runOrFail(plaza, "exchange", "start");
  for (const home of [bob, alice])
    await runOrFail(home, "market", "join", inviteOf(await runOrFail(plaza, "exchange", "invite", "--limit", "50", "--json")), "--yes");
  const relay = isRelayed ? ["--relay", "plaza"] : [];
  await runOrFail(alice, "market", "join", inviteOf(await runOrFail(bob, "market", "share", "loopback", ...relay, ...terms)), "--yes");
}

/** The ports on which a process listens, as Linux says. */
async function listeningPorts(pid: number): Promise<readonly number[]> {
  const sockets = new Set<string>();
  for (const file of await readdir(`/proc/${pid}/fd`)) {
    const [, inode] = /^socket:\[(\d+)\]$/.exec(await readlink(`/proc/${pid}/fd/${file}`).catch(() => "")) ?? [];
    if (inode !== undefined) sockets.add(inode);
  }
  const lines = [...(await readFile("/proc/net/tcp", "utf8")).split("\n"), ...(await readFile("/proc/net/tcp6", "utf8")).split("\n")];
  const rows = lines.map((line) => line.trim().split(/\s+/));
  // 0A: it listens.
  const listening = rows.filter((row) => row[3] === "0A" && sockets.has(row[9] ?? ""));
  return listening.map((row) => Number.parseInt(row[1]!.split(":")[1]!, 16));
}

/** Whether all leases are over, and each buyer's last word has arrived. */
function isSettled({ homes: { alice, bob, plaza } }: Sides): boolean {
  const open = (home: Home, table: string): boolean => read(home, `select count(*) as n from ${table} where state = 'open'`)[0]!["n"] !== 0;
  const left = read(alice, "select count(*) as n from market_bought")[0]!["n"];
  return left === 0 && !open(bob, "market_leases") && !open(bob, "market_served") && !open(plaza, "market_leases");
}

async function checkStatements({ homes: { alice, bob, plaza } }: Sides): Promise<void> {
  for (const home of [alice, bob]) {
    const { data } = JSON.parse(await runOrFail(home, "market", "statement", "--verify", "--json")) as {
      readonly data: readonly { readonly problem: unknown; readonly entries: number; readonly checked_entries: number }[];
    };
    for (const { problem, entries, checked_entries: checked } of data) assert.deepEqual([problem, checked], [null, entries]);
    assert.ok(data.length > 0);
  }
  assert.equal((JSON.parse(await runOrFail(plaza, "exchange", "check", "--json")) as { readonly ok: boolean }).ok, true);
}

/**
 * A buyer, a seller and an exchange under load, each killed by `kill -9` a number of times. Then their books are compared.
 * @param isRelayed whether the seller listens on nothing, and the exchange is its relay.
 */
export async function marketKillRun({
  kills,
  width,
  loadMs,
  isRelayed = false,
}: {
  readonly kills: number;
  readonly width: number;
  readonly loadMs: number;
  readonly isRelayed?: boolean;
}): Promise<MarketKillFigures> {
  const sides = new Sides({ alice: await createHome(), bob: await createHome(), plaza: await createHome() });
  const { alice, bob, plaza } = sides.homes;
  const all: readonly Who[] = ["alice", "bob", "plaza"];
  const load: Load = { sent: 0, answered: 0, isOver: false };
  let askers: readonly Promise<void>[] = [];
  try {
    await writeConfigs(sides);
    for (const who of all) await sides.start(who);
    await introduce(sides, isRelayed);
    const { pid, port } = sides.running.bob!;
    // One port serves Bob's own clients.
    const others = new Set((await listeningPorts(pid)).filter((one) => one !== port));
    assert.equal(others.size, isRelayed ? 0 : 1);
    askers = Array.from({ length: width }, () => ask(load, () => sides.running.alice!.url));
    for (let kill = 0; kill < kills * all.length; kill++) {
      const who = all[kill % all.length]!;
      const before = load.answered;
      await waitUntil("the load goes on", () => load.answered > before + width, 60_000);
      await delay(loadMs);
      await sides.end(who, "SIGKILL");
      await sides.start(who);
    }
    load.isOver = true;
    await Promise.all(askers);
    // A graceful end closes the buyer's leases; the next start acknowledges what the killed ones have left.
    await sides.end("alice", "SIGTERM");
    await sides.start("alice");
    // A lease that nobody has used is void after its minute and the two to settle it.
    await waitUntil("all leases are settled", () => isSettled(sides), 300_000);
    await checkStatements(sides);
    for (const who of all) assert.equal(await sides.end(who, "SIGTERM"), 0);
    const books = compareBooks(alice, bob, [bob, plaza]);
    return { kills: kills * all.length, sent: load.sent, answered: load.answered, ...books };
  } finally {
    load.isOver = true;
    await Promise.allSettled(askers);
    for (const who of all) await sides.homes[who].clear();
  }
}

function read(home: Home, query: string): readonly Record<string, number>[] {
  const database = new DatabaseSync(home.database, { readOnly: true });
  try {
    return database.prepare(query).all() as Record<string, number>[];
  } finally {
    database.close();
  }
}

interface LeaseSums {
  readonly id: string;
  readonly state: string;
  readonly charged: number;
  readonly paid: number;
  readonly contested: number;
}

/** @param clearings whose books the leases are in. @throws AssertionError if a sum of one side is not that of the other. */
function compareBooks(alice: Home, bob: Home, clearings: readonly Home[]): Omit<MarketKillFigures, "kills" | "sent" | "answered"> {
  const sales = read(
    bob,
    "select lease, seq, cost_nano_usd as cost, receipt, request_id from market_sales order by lease, seq",
  ) as unknown as readonly Sale[];
  const sums = sumsOf(sales);
  const columns = "id, state, charged_nano_usd as charged, paid_nano_usd as paid, contested_nano_usd as contested";
  let [charged, paid, leases] = [0, 0, 0];
  for (const clearing of clearings) {
    const found = read(clearing, `select ${columns} from market_leases`) as unknown as readonly LeaseSums[];
    let due = 0;
    for (const lease of found) {
      const { id, charged: sum } = lease;
      // Also a lease that is void: nothing was served on it.
      assert.deepEqual([sum, lease.paid + lease.contested], [sums.get(id) ?? 0, sum], `${id} ${lease.state}`);
      due += sum;
      paid += lease.paid;
    }
    charged += due;
    leases += found.length;
    const [account] = read(
      clearing,
      "select balance_nano_usd as balance, held_nano_usd as held from market_accounts where owner not like '#%' order by balance_nano_usd",
    );
    assert.deepEqual([account?.["balance"], account?.["held"]], [-due, 0]);
  }
  // Each sale has its entry in the seller's ledger, once.
  const entries = new Map(bob.rows().map((row) => [row.request_id, row]));
  for (const { request_id: id } of sales) assert.equal(entries.get(id)?.direction, "supply", id);
  // Each request that the buyer has acknowledged is one that was sold, at that cost.
  const sold = new Map(sales.map(({ lease, seq, cost }) => [`${lease} ${seq}`, cost]));
  const trades = read(alice, "select lease, seq, cost_nano_usd as cost, state from market_trades") as unknown as readonly {
    readonly lease: string;
    readonly seq: number;
    readonly cost: number;
    readonly state: string;
  }[];
  for (const { lease, seq, cost } of trades) assert.equal(sold.get(`${lease} ${seq}`), cost);
  const acked = trades.reduce((sum, { cost, state }) => sum + (state === "acked" ? cost : 0), 0);
  // What was accepted is paid without waiting for the window, whatever was killed meanwhile.
  assert.ok(paid >= acked && charged >= paid, JSON.stringify({ charged, paid, acked }));
  return { sold: sales.length, leases, charged_nano: charged, acknowledged_nano: acked, contested_nano: charged - paid };
}

interface Sale {
  readonly lease: string;
  readonly seq: number;
  readonly cost: number;
  readonly receipt: string;
  readonly request_id: string;
}

/** What each lease charges is the sum of its receipts, and each order has one. */
function sumsOf(sales: readonly Sale[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  const numbers = new Set<string>();
  for (const { lease, cost, receipt } of sales) {
    const { n, cum } = (JSON.parse(receipt) as { readonly body: { readonly n: number; readonly cum: string } }).body;
    assert.ok(!numbers.has(`${lease} ${n}`), "an order has two receipts");
    numbers.add(`${lease} ${n}`);
    sums.set(lease, (sums.get(lease) ?? 0) + cost);
    assert.equal(Number(cum), sums.get(lease));
  }
  return sums;
}
