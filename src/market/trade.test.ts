import assert from "node:assert/strict";
import { test } from "node:test";
import { BoughtLease } from "./buy/bought-lease.ts";
import { ReceiptError, type Received } from "./buy/check-receipt.ts";
import { signDocument } from "./documents/document.ts";
import type { DocumentBody } from "./documents/kinds.ts";
import { createNodeKey, privateKeyOf, rawPublicKey } from "./identity/node-key.ts";
import { createLeaseSecret } from "./identity/sealing.ts";
import { MarketRefusal } from "./refusal.ts";
import { ServedLease, type SaleOutcome, type TakenOrder } from "./sell/served-lease.ts";

const sellerKey = createNodeKey(Buffer.alloc(32, 1));
const buyerKey = createNodeKey(Buffer.alloc(32, 2));
const hashOf = (digit: string): string => `sha256:${digit.repeat(64)}`;
const now = 1_000_000;
const body: DocumentBody<"lease/1"> = {
  lease: `lse_${"a".repeat(32)}`,
  clearing: sellerKey.id,
  buyer: buyerKey.id,
  seller: sellerKey.id,
  offer: hashOf("0"),
  model: "m",
  unit: "credit",
  price: { input: "1000000000", output: "2000000000", cache_read: "0" },
  hold: "100000000",
  fee_ppm: 0,
  unacked: 2,
  opened_at: now,
  serve_until: now + 300_000,
  settle_by: now + 3_900_000,
};

function pair(): { readonly buyer: BoughtLease; readonly seller: ServedLease; readonly session: string } {
  const sealing = rawPublicKey(privateKeyOf("x25519", Buffer.alloc(32, 3))).toString("base64url");
  const secret = createLeaseSecret(body.lease, "d1", sealing);
  return { buyer: new BoughtLease(body, secret, buyerKey), seller: new ServedLease(body, sellerKey), session: secret.session };
}

const usage = { input: 10, cache_read: 0, output: 20, reasoning: 0 };
const outcome: SaleOutcome = {
  requestId: "req_1",
  status: "done",
  usage,
  usageSource: "engine",
  finish: "stop",
  model: "m",
  ttftMs: 1,
  durationMs: 2,
  answer: hashOf("b"),
};
const received: Received = {
  answer: hashOf("b"),
  usage: { input: 10, output: 20, cacheRead: 0 },
  bytes: 300,
  status: 200,
  requestBytes: 90,
};
const terms = { max: 200_000n, maxOutput: 50, deadline: now + 60_000 };

function codeOf(run: () => unknown): string {
  try {
    run();
    return "taken";
  } catch (error) {
    return error instanceof MarketRefusal ? error.code : String(error);
  }
}

test("a receipt that says more, or something else, than what arrived is refused", () => {
  const { buyer, seller, session } = pair();
  const order = buyer.order(hashOf("1"), terms);
  const { receipt } = seller.sign(seller.take(order.document, session, now), outcome, now);
  const dearer = { usage: { ...usage, input: 15, output: 30 }, cost: "75000", cum: "75000" };
  const lies: Readonly<Record<string, Partial<DocumentBody<"receipt/1">>>> = {
    "it bills more than the answer says that it used": dearer,
    "it costs more than was agreed": { cost: "200001", cum: "200001" },
    "its sum is wrong": { cum: "50001" },
    "its cost is not that of its usage": { cost: "49999", cum: "49999" },
    "it is for another answer": { answer: hashOf("c") },
    "it is for another request": { request: hashOf("2") },
    "it does not follow the one before": { seq: 2 },
  };
  for (const [message, lie] of Object.entries(lies)) {
    const signed = signDocument(sellerKey, "receipt/1", { ...receipt.body, ...lie });
    assert.throws(() => {
      buyer.accept(signed, order, received);
    }, new ReceiptError(message));
  }
  const forged = signDocument(buyerKey, "receipt/1", receipt.body);
  assert.throws(() => {
    buyer.accept(forged, order, received);
  }, /signature/);
  assert.throws(() => {
    buyer.accept(receipt, order, { ...received, status: 500 });
  }, /bills an error/);
  assert.throws(() => {
    buyer.accept(receipt, order, { ...received, answer: undefined });
  }, /did not arrive whole/);
  const empty = signDocument(sellerKey, "receipt/1", { ...receipt.body, answer: "" });
  assert.throws(() => {
    buyer.accept(empty, order, { ...received, answer: "", bytes: 0, usage: undefined });
  }, new ReceiptError("it bills an answer of which nothing arrived"));
  buyer.accept(receipt, order, received);
  assert.equal(buyer.acked, 50_000n);
  assert.throws(() => {
    buyer.accept(receipt, buyer.order(hashOf("1"), terms), received);
  }, /another request/);
});

test("one answer may count half more tokens than its text is estimated at, and 64 that templates add, but no more", () => {
  for (const [output, isTaken] of [
    [79, true],
    [80, false],
  ] as const) {
    const { buyer, seller, session } = pair();
    const order = buyer.order(hashOf("1"), terms);
    const { receipt } = seller.sign(seller.take(order.document, session, now), { ...outcome, usage: { ...usage, output } }, now);
    const got = { ...received, usage: { input: 10, output, cacheRead: 0 }, estimate: 10 };
    const accept = (): void => {
      buyer.accept(receipt, order, got);
    };
    if (isTaken) accept();
    else assert.throws(accept, new ReceiptError("it counts far more output than the text has"));
  }
});

test("an order that is repeated, of another session, below what is open or after its time is not taken", () => {
  const { buyer, seller, session } = pair();
  const first = buyer.order(hashOf("1"), terms).document;
  const changed = (change: Partial<DocumentBody<"order/1">>): string =>
    codeOf(() => seller.take(signDocument(buyerKey, "order/1", { ...first.body, ...change }), session, now));
  assert.equal(changed({ n: 2 }), "bad_order");
  assert.equal(changed({ session: hashOf("9") }), "bad_order");
  assert.equal(changed({ ceiling: "199999" }), "bad_order");
  assert.equal(changed({ ceiling: "100000001" }), "lease_over");
  assert.equal(changed({ deadline: now }), "bad_order");
  assert.equal(changed({ ack: { seq: 1, cum: "0", receipt: hashOf("a") } }), "stale_ack");
  assert.equal(changed({}), "taken");
  assert.equal(changed({}), "bad_order");
  assert.equal(changed({ n: 2 }), "bad_order");
  assert.equal(changed({ n: 2, ceiling: "400000" }), "taken");
  assert.equal(changed({ n: 3, ceiling: "600000" }), "too_many_open");
  assert.equal(
    codeOf(() => seller.take(first, session, body.serve_until)),
    "lease_over",
  );
});

test("a buyer that refuses a receipt may end its lease, and what it does not acknowledge stays charged", () => {
  const { buyer, seller, session } = pair();
  seller.sign(seller.take(buyer.order(hashOf("1"), terms).document, session, now), outcome, now);
  seller.acknowledge(signDocument(buyerKey, "order/1", JSON.parse(buyer.closing(now)).body as DocumentBody<"order/1">));
  assert.deepEqual(seller.sums, { cum: 50_000n, ceiling: 200_000n, acked: 0n });
  assert.equal(seller.isOver(now), true);
});

test("500 requests that end in every way leave the same sums on both sides", () => {
  let { buyer, seller, session } = pair();
  let state = 7;
  const random = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
  const statuses = ["done", "done", "cancelled", "interrupted", "failed"] as const;
  for (let round = 0; round < 500; round++) {
    const status = statuses[random(statuses.length)]!;
    const order = buyer.order(hashOf("1"), terms);
    const taken: TakenOrder = seller.take(order.document, session, now);
    const output = random(120);
    const sale = seller.sign(taken, { ...outcome, status, usage: { ...usage, output } }, now);
    assert.ok(sale.cost <= order.max);
    // The end of an answer that was served whole is lost now and then: the two go on with another lease.
    const isLost = status === "done" && random(10) === 0;
    const isCut = isLost || status === "cancelled" || status === "interrupted";
    const got = { ...received, bytes: 2000, usage: { input: 10, output, cacheRead: 0 }, status: status === "failed" ? 500 : 200 };
    const accept = (): void => {
      buyer.accept(sale.receipt, order, isCut ? { ...got, answer: undefined } : got);
    };
    if (!isLost || sale.cost === 0n) {
      accept();
      assert.deepEqual(buyer.acked, seller.sums.cum);
      if (round % 50 < 49) continue;
    } else assert.throws(accept, ReceiptError);
    const unacked = isLost ? sale.cost : 0n;
    seller.acknowledge(signDocument(buyerKey, "order/1", JSON.parse(buyer.closing(now)).body as DocumentBody<"order/1">));
    const { cum, ceiling, acked } = seller.sums;
    assert.deepEqual({ acked, unacked: cum - acked, isCovered: ceiling >= cum }, { acked: buyer.acked, unacked, isCovered: true });
    ({ buyer, seller, session } = pair());
  }
});
