import { randomBytes } from "node:crypto";
import type { Store } from "../store/index.ts";
import { createClearing, type Clearing } from "./clearing/clearing.ts";
import { documentText, readDocument, signDocument, verifyDocument, type MarketDocument } from "./documents/document.ts";
import type { DocumentBody } from "./documents/kinds.ts";
import { Exchange } from "./exchange/exchange.ts";
import type { ExchangeSection } from "./exchange/section.ts";
import { createNodeKey, type NodeKey } from "./identity/node-key.ts";
import { createPeers } from "./peers/peers.ts";

export const exchangeKey = createNodeKey(Buffer.alloc(32, 9));
const hash = `sha256:${"b".repeat(64)}`;
let seeds = 0;

/** A node with a key of its own. */
export function newNode(): NodeKey {
  return createNodeKey(Buffer.alloc(32).fill(`node ${++seeds}`));
}

export function nodeDocumentOf(key: NodeKey, at: number, seq = 1): MarketDocument<"node/1"> {
  return signDocument(key, "node/1", {
    node: key.id,
    name: "member",
    seq,
    at,
    seal: [{ kid: "k1", x25519: "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo", until: at + 1_000_000 }],
    reach: { direct: "http://127.0.0.1:1" },
  });
}

/** One process of an exchange: all of them share a database and a clock. */
export class ExchangeProcess {
  readonly clearing: Clearing;
  readonly exchange: Exchange;

  constructor(store: Store, scene: Pick<ExchangeScene, "nowMs" | "settings">) {
    const clock = { now: () => scene.nowMs };
    this.clearing = createClearing(store, clock.now);
    this.exchange = new Exchange({
      store,
      keys: { node: exchangeKey, sealing: () => Promise.resolve([]) },
      members: createPeers(store, ["member"]),
      clearing: this.clearing,
      clock,
      settings: () => scene.settings,
      document: () => Promise.resolve(nodeDocumentOf(exchangeKey, scene.nowMs)),
      statement: async (owner) => {
        const { seq, balance, held, head } = await this.clearing.account(owner);
        const sums = { seq, balance: String(balance), held: String(held), limit: "0", head: `sha256:${head}` };
        return signDocument(exchangeKey, "statement/1", { clearing: exchangeKey.id, owner, unit: "credit", ...sums, at: scene.nowMs });
      },
      count: () => undefined,
    });
  }
}

/** An exchange on a database, and members that send it what they sign, right or wrong. */
export class ExchangeScene {
  nowMs = 1_800_000_000_000;
  settings: ExchangeSection = { enabled: true, organisation: "", feePpm: 0, settleMs: 120_000, windowMs: 150_000 };
  readonly #stores: readonly Store[];
  #turn = 0;
  #processes: readonly ExchangeProcess[];

  private constructor(stores: readonly Store[]) {
    this.#stores = stores;
    this.#processes = stores.map((store) => new ExchangeProcess(store, this));
  }

  static async open(...stores: readonly Store[]): Promise<ExchangeScene> {
    const scene = new ExchangeScene(stores);
    for (const { exchange } of scene.#processes) await exchange.start();
    return scene;
  }

  /** All processes are killed and started anew. */
  async restart(): Promise<void> {
    this.#processes = this.#stores.map((store) => new ExchangeProcess(store, this));
    for (const { exchange, clearing } of this.#processes) {
      await exchange.start();
      await clearing.beat();
    }
  }

  /** The processes by turns: no two calls after each other reach the same one. */
  get process(): ExchangeProcess {
    return this.#processes[this.#turn++ % this.#processes.length]!;
  }

  get exchange(): Exchange {
    return this.process.exchange;
  }

  get clearing(): Clearing {
    return this.process.clearing;
  }

  /** The clock goes on while the exchange is at work. */
  async pass(ms: number): Promise<void> {
    const stepMs = 50_000;
    for (let left = ms; left > 0; left -= stepMs) {
      this.nowMs += Math.min(left, stepMs);
      await this.clearing.beat();
    }
  }

  async member(limit = 1_000_000n): Promise<NodeKey> {
    const key = newNode();
    const joined = { node: key.id, url: undefined, document: nodeDocumentOf(key, this.nowMs), limit, joinedMs: this.nowMs };
    await this.exchange.members.add(joined);
    return key;
  }

  offer(seller: NodeKey, change: Partial<DocumentBody<"offer/1">> = {}): MarketDocument<"offer/1"> {
    return signDocument(seller, "offer/1", {
      offer: "ofr_01890000-0000-7000-8000-000000000000",
      seq: 1,
      seller: seller.id,
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
      limits: { hold: "1000000", ttl_s: 300, unacked: 2 },
      policy: { retention: "none", training: false, region: "" },
      source: "self-hosted",
      licence: "",
      audience: ["*"],
      ...change,
    });
  }

  async post(seller: NodeKey, ...offers: readonly MarketDocument<"offer/1">[]): Promise<number> {
    const text = JSON.stringify({ node: nodeDocumentOf(seller, this.nowMs, Math.floor(this.nowMs / 1000) % 1e9), offers });
    return (JSON.parse(await this.exchange.offers(text)) as { readonly rev: number }).rev;
  }

  /** The text of a request for a lease on an offer. */
  leaseRequest(buyer: NodeKey, offer: MarketDocument<"offer/1">, change: Partial<DocumentBody<"lease-request/1">> = {}): string {
    const request = signDocument(buyer, "lease-request/1", {
      buyer: buyer.id,
      clearing: exchangeKey.id,
      seller: offer.body.seller,
      offer: verifyDocument(offer, offer.body.seller),
      hold: "100000",
      ttl_s: 60,
      nonce: randomBytes(16).toString("base64url"),
      at: this.nowMs,
      ...change,
    });
    return documentText(request);
  }

  async lease(text: string): Promise<DocumentBody<"lease/1">> {
    const document = readDocument("lease/1", await this.exchange.lease(text));
    verifyDocument(document, exchangeKey.id);
    return document.body;
  }

  /** Two members and a lease of 100,000 nano-credits between them. */
  async trade(): Promise<{ readonly buyer: NodeKey; readonly seller: NodeKey; readonly lease: DocumentBody<"lease/1"> }> {
    const [buyer, seller] = [await this.member(), await this.member()];
    const offer = this.offer(seller);
    await this.post(seller, offer);
    return { buyer, seller, lease: await this.lease(this.leaseRequest(buyer, offer)) };
  }

  /** The text of an order that acknowledges `acked`. */
  order(buyer: NodeKey, lease: DocumentBody<"lease/1">, acked: number, change: Partial<DocumentBody<"order/1">> = {}): string {
    const order = signDocument(buyer, "order/1", {
      lease: lease.lease,
      n: 3,
      session: hash,
      request: "",
      max: "0",
      ceiling: lease.hold,
      max_output: 0,
      deadline: this.nowMs + 60_000,
      ack: { seq: 1, cum: String(acked), receipt: hash },
      close: true,
      ...change,
    });
    return documentText(order);
  }

  /** What a seller sends to settle a lease, with an order that acknowledges `acked`. */
  settlement(
    { buyer, seller, lease }: { readonly buyer: NodeKey; readonly seller: NodeKey; readonly lease: DocumentBody<"lease/1"> },
    { cum, acked, receipt = {}, order = {} }: Settled,
  ): string {
    const final = signDocument(seller, "receipt/1", {
      lease: lease.lease,
      seq: 3,
      n: 0,
      previous: hash,
      request: "",
      answer: "",
      usage: { input: 0, cache_read: 0, output: 0, reasoning: 0 },
      usage_source: "engine",
      cost: "0",
      cum: String(cum),
      status: "done",
      finish: "",
      model: "m",
      ttft_ms: 0,
      duration_ms: 0,
      at: this.nowMs,
      final: true,
      ...receipt,
    });
    return `{"order":${this.order(buyer, lease, acked, { close: false, request: hash, ...order })},"final":${documentText(final)}}`;
  }

  /** State and sums of a lease. */
  async sums(lease: DocumentBody<"lease/1">): Promise<readonly [state: string, paid: bigint, contested: bigint, refunded: bigint]> {
    const { state, paid, contested, refunded } = (await this.clearing.readAll()).leases.get(lease.lease)!;
    return [state, paid, contested, refunded];
  }
}

interface Settled {
  readonly cum: number;
  readonly acked: number;
  readonly receipt?: Partial<DocumentBody<"receipt/1">>;
  readonly order?: Partial<DocumentBody<"order/1">>;
}
