import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createSqliteStore, type Store } from "../../store/index.ts";
import { readDocument, signDocument, verifyDocument } from "../documents/document.ts";
import { costOfReceipt } from "../documents/cost.ts";
import type { DocumentBody } from "../documents/kinds.ts";
import { exchangeKey, ExchangeScene } from "../exchange-testing.ts";
import type { NodeKey } from "../identity/node-key.ts";
import type { MarketRefusal } from "../refusal.ts";

let folder: string;
let store: Store;
let scene: ExchangeScene;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "tokligence-disputes-"));
  const clock = { now: () => 1_800_000_000_000, monotonic: () => 0 };
  store = await createSqliteStore({ path: join(folder, "gateway.db"), clock });
  scene = await ExchangeScene.open(store);
});
after(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

interface Trade {
  readonly buyer: NodeKey;
  readonly seller: NodeKey;
  readonly lease: DocumentBody<"lease/1">;
}

const hashOf = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;
const canary = "What the seller has written";
const request = '{"dialect":"openai-chat","path":"/v1/chat/completions"}\n{"messages":[]}';

/** A Chat answer that states its tokens of output. */
function answerOf(output: number, text = canary): string {
  const message = { role: "assistant", content: text };
  const usage = { prompt_tokens: 10, completion_tokens: output, total_tokens: 10 + output };
  return JSON.stringify({ id: "c", object: "chat.completion", model: "m", choices: [{ index: 0, message, finish_reason: "stop" }], usage });
}

interface Shown {
  readonly answer: string;
  /** Tokens that the receipt bills. */
  readonly billed: Partial<DocumentBody<"receipt/1">["usage"]>;
  readonly seq?: number;
  readonly before?: number;
  readonly opening?: Partial<DocumentBody<"opening/1">>;
  readonly receipt?: Partial<DocumentBody<"receipt/1">>;
  /** What is sent in place of what was signed. */
  readonly sent?: Readonly<Record<string, unknown>>;
}

/** What a buyer sends to have a receipt judged, and what that receipt costs. */
function shown({ buyer, seller, lease }: Trade, what: Shown): { readonly text: string; readonly cost: number } {
  const { answer, billed, seq = 1, before: cumBefore = 0, opening = {}, receipt = {}, sent = {} } = what;
  const usage = { input: 10, cache_read: 0, output: 0, reasoning: 0, ...billed };
  const cost = Number(costOfReceipt(lease.price, usage));
  const order = scene.order(buyer, lease, cumBefore, { n: seq, request: hashOf(request), max: "9000000", close: false });
  const signed = signDocument(seller, "receipt/1", {
    lease: lease.lease,
    seq,
    n: seq,
    previous: "",
    request: hashOf(request),
    answer: hashOf(answer),
    usage,
    usage_source: "engine",
    cost: String(cost),
    cum: String(cumBefore + cost),
    status: "done",
    finish: "stop",
    model: "m",
    ttft_ms: 0,
    duration_ms: 0,
    at: scene.nowMs,
    final: false,
    ...receipt,
  });
  const document = signDocument(buyer, "opening/1", {
    lease: lease.lease,
    n: seq,
    receipt: verifyDocument(signed, seller.id),
    request: "",
    answer: hashOf(answer),
    dialect: "openai-chat",
    content_type: "application/json",
    at: scene.nowMs,
    ...opening,
  });
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const parts = { opening: document, order: JSON.parse(order) as unknown, receipt: signed, answer: base64(answer), ...sent };
  return { text: JSON.stringify(parts), cost };
}

async function open(trade: Trade, what: Shown): Promise<DocumentBody<"verdict/1">> {
  const verdict = readDocument("verdict/1", await scene.exchange.open(trade.lease.lease, shown(trade, what).text));
  verifyDocument(verdict, exchangeKey.id);
  return verdict.body;
}

const codeOf = async (run: Promise<unknown>): Promise<string> => {
  try {
    await run;
    return "accepted";
  } catch (error) {
    return (error as MarketRefusal).code;
  }
};

test("a receipt that is proven wrong costs nothing, one that is proven right is paid whole, and the rest is shared", async () => {
  const over = { answer: answerOf(10), billed: { output: 20 } };
  const right = { answer: answerOf(10), billed: { output: 10 } };
  const results: unknown[] = [];
  for (const what of [over, right]) {
    const trade = await scene.trade();
    const { cost } = shown(trade, what);
    const { result, reason } = await open(trade, what);
    // Beside the one that was shown, the seller has an answer that nobody has shown.
    await scene.exchange.settle(trade.lease.lease, scene.settlement(trade, { cum: cost + 1001, acked: 0 }));
    await scene.exchange.contest(trade.lease.lease, scene.order(trade.buyer, trade.lease, 0, { ack: { seq: 0, cum: "0", receipt: "" } }));
    const [state, paid, contested, refunded] = await scene.sums(trade.lease);
    results.push([result, reason, state, paid - 500n, contested, refunded - 501n, cost]);
  }
  assert.deepEqual(results, [
    ["wrong", "it bills more than the answer says that it used", "split", 0n, 0n, 50_000n, 50_000],
    ["right", "", "split", 30_000n, 0n, 0n, 30_000],
  ]);
});

test("what comes before the seller has settled counts when it does, and what was acknowledged stays paid", async () => {
  const trade = await scene.trade();
  const first = { answer: answerOf(10), billed: { output: 20 }, seq: 1 };
  const second = { answer: answerOf(10), billed: { output: 20 }, seq: 2, before: 50_000 };
  await open(trade, first);
  await open(trade, second);
  // It has acknowledged the first one, whatever it bills.
  const closing = scene.order(trade.buyer, trade.lease, 50_000);
  assert.equal(await scene.exchange.contest(trade.lease.lease, closing), '{"result":"not_settled"}');
  const settled = await scene.exchange.settle(trade.lease.lease, scene.settlement(trade, { cum: 100_000, acked: 50_000 }));
  assert.deepEqual([settled, await scene.sums(trade.lease)], ['{"result":"split"}', ["split", 50_000n, 0n, 50_000n]]);
});

test("an answer that does not say what it used in the dialect that it is said to have decides nothing", async () => {
  const trade = await scene.trade();
  const stream = `data: ${answerOf(10)}\n\ndata: [DONE]\n\n`;
  const verdicts = [
    await open(trade, { answer: answerOf(10), billed: { output: 900 }, opening: { dialect: "anthropic-messages" } }),
    await open(trade, { answer: answerOf(10), billed: { output: 900 }, seq: 2, opening: { content_type: "text/event-stream" } }),
    await open(trade, {
      answer: stream,
      billed: { output: 900 },
      seq: 3,
      opening: { dialect: "gemini-generate", content_type: "text/event-stream" },
    }),
    await open(trade, { answer: '{"error":"none"}', billed: { output: 900 }, seq: 4 }),
  ];
  assert.deepEqual(
    verdicts.map(({ result }) => result),
    ["undecided", "undecided", "undecided", "undecided"],
  );
  await scene.exchange.settle(trade.lease.lease, scene.settlement(trade, { cum: 1000, acked: 0 }));
  await scene.exchange.contest(trade.lease.lease, scene.order(trade.buyer, trade.lease, 0, { ack: { seq: 0, cum: "0", receipt: "" } }));
  assert.deepEqual(await scene.sums(trade.lease), ["split", 500n, 0n, 500n]);
});

test("input is counted by the request, if the buyer shows it", async () => {
  const trade = await scene.trade();
  const answer = answerOf(10).replace('"prompt_tokens":10', '"prompt_tokens":5000');
  const billed = { input: 5000, output: 10 };
  const hidden = await open(trade, { answer, billed });
  const sent = { request: Buffer.from(request).toString("base64") };
  const open1 = await open(trade, { answer, billed, seq: 2, opening: { request: hashOf(request) }, sent });
  assert.deepEqual(
    [hidden, open1].map(({ result, reason }) => [result, reason]),
    [
      ["right", ""],
      ["wrong", "it bills more input than the request has"],
    ],
  );
});

test("what is not of both sides, of one request, or of other bytes is refused and decides nothing", async () => {
  const [trade, other] = [await scene.trade(), await scene.trade()];
  const what = { answer: answerOf(10), billed: { output: 20 } };
  const send = (change: Partial<Shown>, to = trade): Promise<string> =>
    codeOf(scene.exchange.open(to.lease.lease, shown(trade, { ...what, ...change }).text));
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const swapped = { ...trade, buyer: trade.seller, seller: trade.buyer };
  const found = [
    // Other bytes than those of the receipt, also if the buyer signs that they are the answer.
    await send({ sent: { answer: base64(answerOf(1)) } }),
    await send({ opening: { answer: hashOf(answerOf(1)) }, sent: { answer: base64(answerOf(1)) } }),
    await send({ sent: { answer: "not base64!" } }),
    await send({ sent: { answer: base64("x".repeat(1024 * 1024 + 1)) } }),
    await send({ opening: { request: hashOf("another") }, sent: { request: base64("another") } }),
    await send({ opening: { n: 2 } }),
    await send({ opening: { receipt: hashOf("another") } }),
    await send({ receipt: { final: true } }),
    await send({}, other),
    await codeOf(scene.exchange.open(trade.lease.lease, shown(swapped, what).text)),
    await send({ opening: { at: scene.nowMs - 200_000 } }),
    await codeOf(scene.exchange.open(trade.lease.lease, "{}")),
    await codeOf(scene.exchange.open(`lse_${"0".repeat(32)}`, shown(trade, what).text)),
  ];
  assert.deepEqual(found, [...Array.from({ length: 12 }, () => "bad_document"), "unknown_lease"]);
  assert.deepEqual(await store.db.selectFrom("market_verdicts").select("seq").where("lease", "=", trade.lease.lease).execute(), []);
});

test("the first verdict about a receipt counts, and none comes once the lease is decided", async () => {
  const trade = await scene.trade();
  const what = { answer: answerOf(10), billed: { output: 20 } };
  const first = await open(trade, what);
  scene.nowMs += 5000;
  assert.deepEqual(await open(trade, { ...what, opening: { dialect: "gemini-generate" } }), first);
  await scene.exchange.settle(trade.lease.lease, scene.settlement(trade, { cum: 50_000, acked: 50_000 }));
  assert.equal(await codeOf(scene.exchange.open(trade.lease.lease, shown(trade, { ...what, seq: 2, before: 50_000 }).text)), "lease_over");
  const late = await scene.trade();
  await scene.exchange.settle(late.lease.lease, scene.settlement(late, { cum: 50_000, acked: 0 }));
  await scene.pass(scene.settings.windowMs + 1);
  await scene.clearing.sweep(100);
  assert.equal(await codeOf(scene.exchange.open(late.lease.lease, shown(late, what).text)), "lease_over");
});

test("of what was shown, hashes alone are stored", async () => {
  const rows = JSON.stringify(
    await store.db.selectFrom("market_verdicts").select(["document", "opening", "receipt", "order_text"]).execute(),
  );
  assert.deepEqual(
    [rows.length > 1000, rows.includes(canary), rows.includes(Buffer.from(canary).toString("base64").slice(0, 20))],
    [true, false, false],
  );
  assert.ok((await scene.exchange.verdicts()).some(({ result }) => result === "wrong"));
});
