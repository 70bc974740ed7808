import assert from "node:assert/strict";
import { once } from "node:events";
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
async function ask(load: Load, urlOf: () => string, key: string): Promise<void> {
  while (!load.isOver) {
    load.sent += 1;
    const stream = load.sent % 2 === 0;
    try {
      const reply = await fetch(`${urlOf()}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify({ model: "@bob/loopback", stream, messages: [{ role: "user", content: "Say this again, please." }] }),
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

/** A buyer and a seller under load, each killed by `kill -9` a number of times. Then their books are compared. */
export async function marketKillRun({
  kills,
  width,
  loadMs,
}: {
  readonly kills: number;
  readonly width: number;
  readonly loadMs: number;
}): Promise<MarketKillFigures> {
  const [alice, bob] = [await createHome(), await createHome()];
  const load: Load = { sent: 0, answered: 0, isOver: false };
  let askers: readonly Promise<void>[] = [];
  try {
    const limits = "per_buyer: { concurrency: 64, leases: 1000, calls_per_second: 5000 }";
    await bob.writeConfig(`market: { listen: "127.0.0.1:${await freePort()}", name: bob, ${limits} }\n`);
    await alice.writeConfig('market: { listen: "127.0.0.1:0", name: alice, lease: 1m }\n');
    const ports = { alice: String(await freePort()), bob: String(await freePort()) };
    const start = { alice: () => alice.start("--port", ports.alice), bob: () => bob.start("--port", ports.bob) };
    const running: Record<"alice" | "bob", RunningProcess> = { alice: await start.alice(), bob: await start.bob() };
    const shared = await runOrFail(
      bob,
      "market",
      "share",
      "loopback",
      "--input",
      "1",
      "--output",
      "2",
      "--concurrency",
      "64",
      "--limit",
      "50",
      "--json",
    );
    await runOrFail(alice, "market", "join", (JSON.parse(shared) as { readonly invite: string }).invite, "--yes");
    askers = Array.from({ length: width }, () => ask(load, () => running.alice.url, running.alice.api_key ?? ""));
    for (let kill = 0; kill < kills * 2; kill++) {
      const who = kill % 2 === 0 ? "alice" : "bob";
      const before = load.answered;
      await waitUntil("the load goes on", () => load.answered > before + width, 60_000);
      await delay(loadMs);
      await endBy(running[who], "SIGKILL");
      const { api_key: key } = running[who];
      running[who] = { ...(await start[who]()), api_key: key };
    }
    load.isOver = true;
    await Promise.all(askers);
    // A graceful end closes the buyer's leases; the next start acknowledges what the killed ones have left.
    await endBy(running.alice, "SIGTERM");
    running.alice = await start.alice();
    await waitUntil(
      "all leases are settled",
      () =>
        read(alice, "select count(*) as n from market_bought")[0]!["n"] === 0 &&
        read(bob, "select count(*) as n from market_leases where state = 'open'")[0]!["n"] === 0,
      150_000,
    );
    for (const home of [alice, bob]) {
      const { data } = JSON.parse(await runOrFail(home, "market", "statement", "--verify", "--json")) as {
        readonly data: readonly { readonly problem: unknown; readonly entries: number; readonly checked_entries: number }[];
      };
      assert.deepEqual(
        data.map(({ problem, entries, checked_entries: checked }) => [problem, checked === entries]),
        [[null, true]],
      );
    }
    for (const process of [running.alice, running.bob]) assert.equal((await endBy(process, "SIGTERM")).code, 0);
    return { kills: kills * 2, sent: load.sent, answered: load.answered, ...compareBooks(alice, bob) };
  } finally {
    load.isOver = true;
    await Promise.allSettled(askers);
    await alice.clear();
    await bob.clear();
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

/** @throws AssertionError if a sum of one side is not that of the other. */
function compareBooks(alice: Home, bob: Home): Omit<MarketKillFigures, "kills" | "sent" | "answered"> {
  const sales = read(
    bob,
    "select lease, seq, cost_nano_usd as cost, receipt, request_id from market_sales order by lease, seq",
  ) as unknown as readonly {
    readonly lease: string;
    readonly seq: number;
    readonly cost: number;
    readonly receipt: string;
    readonly request_id: string;
  }[];
  const leases = read(
    bob,
    "select id, state, charged_nano_usd as charged, paid_nano_usd as paid, contested_nano_usd as contested from market_leases",
  ) as unknown as readonly {
    readonly id: string;
    readonly state: string;
    readonly charged: number;
    readonly paid: number;
    readonly contested: number;
  }[];
  // What a lease charges is the sum of its receipts, and each order has one.
  const sums = new Map<string, number>();
  const numbers = new Set<string>();
  for (const { lease, cost, receipt } of sales) {
    const { n, cum } = (JSON.parse(receipt) as { readonly body: { readonly n: number; readonly cum: string } }).body;
    assert.ok(!numbers.has(`${lease} ${n}`), "an order has two receipts");
    numbers.add(`${lease} ${n}`);
    sums.set(lease, (sums.get(lease) ?? 0) + cost);
    assert.equal(Number(cum), sums.get(lease));
  }
  for (const { id, charged, paid, contested } of leases) {
    assert.deepEqual([charged, paid + contested], [sums.get(id) ?? 0, charged], id);
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
  const charged = leases.reduce((sum, lease) => sum + lease.charged, 0);
  const paid = leases.reduce((sum, lease) => sum + lease.paid, 0);
  const acked = trades.reduce((sum, { cost, state }) => sum + (state === "acked" ? cost : 0), 0);
  const [account] = read(
    bob,
    "select balance_nano_usd as balance, held_nano_usd as held from market_accounts where owner not like '#%' order by balance_nano_usd",
  );
  assert.deepEqual([account?.["balance"], account?.["held"]], [-charged, 0]);
  // What was accepted is paid without waiting for the window, whatever was killed meanwhile.
  assert.ok(paid >= acked && charged >= paid, JSON.stringify({ charged, paid, acked }));
  return { sold: sales.length, leases: leases.length, charged_nano: charged, acknowledged_nano: acked, contested_nano: charged - paid };
}
