import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { makeMigratedSqlite } from "../../tests/testbed/migrated-sqlite.ts";
import { silentLogger, type Clock } from "../core/index.ts";
import { createSqliteStore, type Store } from "../store/index.ts";
import { buildProviders, type Provider } from "../upstream/index.ts";
import type { NodeCalls } from "./buy/node-calls.ts";
import { createClearing, type Clearing } from "./clearing/clearing.ts";
import { readEntries } from "./clearing/entries.ts";
import { documentText, readDocument, signDocument, verifyDocument } from "./documents/document.ts";
import { createNodeKey, privateKeyOf, rawPublicKey, type NodeKey } from "./identity/node-key.ts";
import { createAvoided } from "./peers/avoided.ts";
import type { Peer } from "./peers/peers.ts";
import { MarketRefusal } from "./refusal.ts";
import { BuyerLimits, type BuyerLimitSettings } from "./sell/buyer-limits.ts";
import { createLeaseDesk, type LeaseDesk } from "./sell/lease-desk.ts";
import type { SignedOffer } from "./sell/offers.ts";
import type { SellerDeps } from "./sell/seller-deps.ts";

export const sellerKey = createNodeKey(Buffer.alloc(32, 1));
export const buyerKey = createNodeKey(Buffer.alloc(32, 2));
const sealing = rawPublicKey(privateKeyOf("x25519", Buffer.alloc(32, 3))).toString("base64url");
export const transport: Provider = buildProviders([
  { name: "@bob", enabled: true, protocols: ["openai-chat"], baseUrl: "http://127.0.0.1:1", keys: [] },
]).at(-1)!;

/** Where the other side's process, or the line to it, fails. It is used once. */
export type Fault = "before" | "after";

export const usualLimits: BuyerLimitSettings = {
  concurrency: 2,
  leases: 100,
  callsPerSecond: 1000,
  tokensPerMinute: undefined,
  tokensPerDay: undefined,
};

/** A seller's desk on a database of its own, which crashes and starts anew at any point, and the calls of a buyer that reach it. */
export class DeskScene {
  readonly store: Store;
  readonly clearing: Clearing;
  desk: LeaseDesk;
  nowMs = 1_800_000_000_000;
  /** By path, as `/leases`: the next call of it fails before or after the seller has done its work. */
  readonly faults = new Map<string, Fault>();
  /** All calls fail. */
  isAway = false;
  readonly posted: string[] = [];
  limits = usualLimits;
  limit = 5_000_000_000n;
  readonly #folder: string;

  constructor(store: Store, folder: string) {
    this.store = store;
    this.#folder = folder;
    this.clearing = createClearing(store, () => this.nowMs);
    this.desk = this.#newDesk();
  }

  get clock(): Clock {
    return { now: () => this.nowMs, monotonic: () => this.nowMs };
  }

  /** The process of the seller is killed, and starts anew: all that was in memory is lost. */
  async crash(): Promise<void> {
    this.startAnew();
    await this.desk.sweep();
  }

  /** The same, but the new process has not done any of its own work yet. */
  startAnew(): void {
    this.desk = this.#newDesk();
  }

  #newDesk(): LeaseDesk {
    const offer = this.offer();
    const peer = { node: buyerKey.id, name: "alice", url: undefined, limit: this.limit, isBlocked: false, joinedMs: 0 } as unknown as Peer;
    const share = { model: "m", terms: {} } as unknown as SignedOffer["share"];
    const deps = {
      store: this.store,
      keys: { node: sellerKey },
      peers: { byNode: (node: string) => Promise.resolve(node === buyerKey.id ? { ...peer, limit: this.limit } : undefined) },
      offers: { current: () => Promise.resolve([{ document: offer, share }]), byHash: () => ({ document: offer, share }) },
      clearing: this.clearing,
      clock: this.clock,
      logger: silentLogger,
      limits: new BuyerLimits(
        () => this.limits,
        () => this.nowMs,
      ),
      avoided: createAvoided(this.store, this.clock),
      sells: () => true,
      exchanges: () => [],
      maxExposure: () => 5_000_000_000n,
      ackedTo: () => Promise.resolve(0n),
    };
    return createLeaseDesk(deps as unknown as SellerDeps);
  }

  offer() {
    return signDocument(sellerKey, "offer/1", {
      offer: "ofr_01890000-0000-7000-8000-000000000000",
      seq: 1,
      seller: sellerKey.id,
      at: this.nowMs,
      until: this.nowMs + 120_000,
      model: "m",
      weights: "",
      quantization: "",
      context: 1000,
      max_output: 100,
      dialects: ["openai-chat"],
      features: [],
      unit: "credit",
      price: { input: "1000000000", output: "2000000000", cache_read: "0" },
      free: 2,
      limits: { hold: "1000000000", ttl_s: 300, unacked: 2 },
      policy: { retention: "none", training: false, region: "" },
      source: "self-hosted",
      licence: "",
      audience: ["*"],
    });
  }

  /** The offer as a buyer's book has it. */
  known() {
    const offer = this.offer();
    return { body: offer.body, hash: verifyDocument(offer, sellerKey.id) };
  }

  seller() {
    const seal = [{ kid: "d1", x25519: sealing, until: this.nowMs + 1 }];
    return {
      peer: { node: sellerKey.id, name: "bob" },
      node: { node: sellerKey.id, seal },
      offers: new Map(),
      transport,
      clearingTransport: transport,
    } as never;
  }

  /** The buyer's calls. */
  calls(): NodeCalls {
    const through = async (path: string, run: () => Promise<string>): Promise<string> => {
      const [kind = ""] = /^\/leases(?=\/|$)|^\/[a-z]+/.exec(path) ?? [];
      const action = path.startsWith("/leases/") ? path.split("/").at(-1)!.split("?")[0]! : kind;
      if (this.isAway) throw new MarketRefusal("unavailable", "connection refused");
      const fault = this.faults.get(action);
      this.faults.delete(action);
      if (fault === "before") throw new MarketRefusal("unavailable", "the line was cut");
      this.posted.push(action);
      const answer = await run();
      if (fault === "after") throw new MarketRefusal("unavailable", "the line was cut");
      return answer;
    };
    return {
      register: () => undefined,
      get: (_transport, _node, path) => through(path, () => this.#get(path)),
      post: (_transport, path, text) => through(path, () => this.#post(path, text)),
      serve: () => {
        throw new Error("no requests here");
      },
    };
  }

  async #post(path: string, text: string): Promise<string> {
    const [, lease, action] = /^\/leases\/(lse_[0-9a-f]{32})\/(ack|contest)$/.exec(path) ?? [];
    if (lease === undefined) return await this.desk.open(text);
    return action === "ack" ? await this.desk.close(lease, text) : await this.desk.contest(lease, text);
  }

  async #get(path: string): Promise<string> {
    const url = new URL(path, "http://bob");
    const after = Number(url.searchParams.get("after") ?? "0");
    if (path === "/statement") return documentText(await this.statement());
    if (url.pathname === "/entries") return JSON.stringify({ entries: await readEntries(this.store, buyerKey.id, after) });
    const lease = url.pathname.split("/")[2]!;
    const receipts = await this.desk.receipts(lease, after, buyerKey.id);
    return JSON.stringify({ receipts: receipts.map((text) => readDocument("receipt/1", text)) });
  }

  async statement(key: NodeKey = sellerKey) {
    const { balance, held, seq, head } = await this.clearing.account(buyerKey.id);
    return signDocument(key, "statement/1", {
      clearing: sellerKey.id,
      owner: buyerKey.id,
      unit: "credit",
      seq,
      balance: String(balance),
      held: String(held),
      limit: "0",
      head: `sha256:${head}`,
      at: this.nowMs,
    });
  }

  async close(): Promise<void> {
    await this.store.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

export async function deskScene(): Promise<DeskScene> {
  const folder = await mkdtemp(join(tmpdir(), "tokligence-market-"));
  const clock = { now: () => 1_800_000_000_000, monotonic: () => 0 };
  const path = join(folder, "gateway.db");
  await makeMigratedSqlite(path);
  return new DeskScene(await createSqliteStore({ path, clock }), folder);
}

export const randomOf = (size: number): Uint8Array => randomBytes(size);
