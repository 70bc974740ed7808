import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { withoutPostgres } from "../../../tests/testbed/shared-postgres.ts";
import type { Store } from "../../store/index.ts";
import { checkClearing } from "../clearing/check.ts";
import { ExchangeScene, newNode } from "../exchange-testing.ts";
import type { MarketRefusal } from "../refusal.ts";
import { openPostgres, openSqlite, type OpenedStores } from "../store-testing.ts";
import { checkBooks } from "./check-books.ts";

const refused = (code: MarketRefusal["code"]) => ({ name: "MarketRefusal", code });
const resultOf = (text: string): string => (JSON.parse(text) as { readonly result: string }).result;

/** All cases share a database, and have members of their own. With PostgreSQL the calls reach two processes by turns. */
function exchangeTests(open: () => Promise<OpenedStores>): void {
  let opened: OpenedStores;
  let scene: ExchangeScene;
  let store: Store;
  before(async () => {
    opened = await open();
    [store] = opened.stores as [Store];
    scene = await ExchangeScene.open(...opened.stores);
  });
  after(async () => {
    const { broken } = await checkBooks(store, scene.clearing);
    await opened.close();
    assert.deepEqual(broken, []);
  });

  test("what the buyer acknowledges is paid at once, the rest waits for its window; a higher acknowledgement pays more", async () => {
    const trade = await scene.trade();
    const { lease, seller, buyer } = trade;
    const settlement = scene.settlement(trade, { cum: 900, acked: 500 });
    assert.equal(resultOf(await scene.exchange.settle(lease.lease, settlement)), "window");
    assert.deepEqual(await scene.sums(lease), ["window", 500n, 400n, 0n]);
    assert.equal(resultOf(await scene.exchange.settle(lease.lease, settlement)), "same");
    assert.equal(resultOf(await scene.exchange.acknowledge(lease.lease, scene.order(buyer, lease, 700))), "window");
    assert.deepEqual(await scene.sums(lease), ["window", 700n, 200n, 0n]);
    assert.equal(resultOf(await scene.exchange.acknowledge(lease.lease, scene.order(buyer, lease, 900))), "settled");
    assert.deepEqual([(await scene.clearing.account(seller.id)).balance, (await scene.clearing.account(buyer.id)).balance], [900n, -900n]);
  });

  test("a window that passes without a word of the buyer is paid to the seller", async () => {
    const trade = await scene.trade();
    await scene.exchange.settle(trade.lease.lease, scene.settlement(trade, { cum: 900, acked: 0 }));
    await scene.pass(scene.settings.windowMs - 1);
    assert.equal(await scene.clearing.sweep(10), 0);
    await scene.pass(1);
    assert.equal(await scene.clearing.sweep(10), 1);
    assert.deepEqual(await scene.sums(trade.lease), ["settled", 900n, 0n, 0n]);
  });

  test("what is contested is split, once, and nothing that is sent later changes it", async () => {
    const trade = await scene.trade();
    const { lease, buyer, seller } = trade;
    await scene.exchange.settle(lease.lease, scene.settlement(trade, { cum: 901, acked: 500 }));
    const close = scene.order(buyer, lease, 500);
    assert.equal(resultOf(await scene.exchange.contest(lease.lease, close)), "split");
    assert.equal(resultOf(await scene.exchange.contest(lease.lease, close)), "split");
    assert.equal(resultOf(await scene.exchange.acknowledge(lease.lease, scene.order(buyer, lease, 901))), "split");
    assert.deepEqual(await scene.sums(lease), ["split", 700n, 0n, 201n]);
    assert.equal((await scene.clearing.account(seller.id)).balance, 700n);
  });

  test("a lease that its seller does not settle in time is void, and holds nothing", async () => {
    const trade = await scene.trade();
    const { lease, buyer } = trade;
    assert.equal((await scene.clearing.account(buyer.id)).held, 100_000n);
    await scene.pass(lease.settle_by - scene.nowMs);
    assert.equal(resultOf(await scene.exchange.settle(lease.lease, scene.settlement(trade, { cum: 900, acked: 900 }))), "void");
    assert.deepEqual(await scene.sums(lease), ["void", 0n, 0n, 0n]);
    assert.deepEqual([(await scene.clearing.account(buyer.id)).held, (await scene.clearing.account(buyer.id)).balance], [0n, 0n]);
  });

  test("an exchange that is started anew in the middle goes on: same lease, the buyer's word of before, one settlement, no deadline that passed meanwhile", async () => {
    const [buyer, seller] = [await scene.member(), await scene.member()];
    const offer = scene.offer(seller);
    await scene.post(seller, offer);
    const request = scene.leaseRequest(buyer, offer);
    const lease = await scene.lease(request);
    await scene.clearing.beat();
    assert.equal(resultOf(await scene.exchange.contest(lease.lease, scene.order(buyer, lease, 500))), "not_settled");
    scene.nowMs += 2 * scene.settings.settleMs;
    await scene.restart();
    const settlement = scene.settlement({ buyer, seller, lease }, { cum: 900, acked: 100 });
    assert.equal(resultOf(await scene.exchange.settle(lease.lease, settlement)), "split");
    await scene.restart();
    assert.equal(resultOf(await scene.exchange.settle(lease.lease, settlement)), "same");
    // 100 by the order, 500 by the closing order, and half of the rest.
    assert.deepEqual(await scene.sums(lease), ["split", 700n, 0n, 200n]);
  });

  test("a request for a lease that is repeated finds the lease of the first time", async () => {
    const [buyer, seller] = [await scene.member(), await scene.member()];
    const offer = scene.offer(seller);
    await scene.post(seller, offer);
    const request = scene.leaseRequest(buyer, offer);
    const leases = await Promise.all(Array.from({ length: 6 }, () => scene.exchange.lease(request)));
    assert.equal(new Set(leases).size, 1);
    assert.equal((await scene.clearing.account(buyer.id)).held, 100_000n);
  });

  test("a lease is refused to whom it must not be given", async () => {
    const [buyer, seller, poor, stranger] = [await scene.member(), await scene.member(), await scene.member(5n), newNode()];
    const offer = scene.offer(seller);
    await scene.post(seller, offer);
    const ask = (key = buyer, change: Parameters<ExchangeScene["leaseRequest"]>[2] = {}): Promise<unknown> =>
      scene.exchange.lease(scene.leaseRequest(key, offer, change));
    await assert.rejects(ask(stranger), refused("unknown_node"));
    await assert.rejects(ask(poor), refused("insufficient_credit"));
    await assert.rejects(ask(seller), refused("bad_document"));
    await assert.rejects(ask(buyer, { hold: "1000001" }), refused("bad_document"));
    await assert.rejects(ask(buyer, { ttl_s: 301 }), refused("bad_document"));
    await assert.rejects(ask(buyer, { seller: poor.id }), refused("bad_document"));
    await assert.rejects(ask(buyer, { clearing: seller.id }), refused("bad_document"));
    await assert.rejects(ask(buyer, { buyer: poor.id }), refused("bad_document"));
    await assert.rejects(ask(buyer, { at: scene.nowMs - 121_000 }), refused("bad_document"));
    await assert.rejects(ask(buyer, { offer: `sha256:${"0".repeat(64)}` }), refused("unknown_offer"));
    await scene.exchange.members.setBlocked(seller.id, true);
    await assert.rejects(ask(), refused("unknown_node"));
    assert.equal((await scene.clearing.account(buyer.id)).held, 0n);
  });

  test("only the seller settles, by what its buyer has signed, and never more than the ceiling", async () => {
    const [trade, other] = [await scene.trade(), await scene.trade()];
    const { lease, buyer, seller } = trade;
    const settle = (sides: Partial<typeof trade>, sums: Parameters<ExchangeScene["settlement"]>[1]): Promise<string> =>
      scene.exchange.settle(lease.lease, scene.settlement({ ...trade, ...sides }, sums));
    const sums = { cum: 900, acked: 900 };
    await assert.rejects(settle({ seller: buyer }, sums), refused("bad_document"));
    await assert.rejects(settle({ buyer: seller }, sums), refused("bad_document"));
    await assert.rejects(settle({ lease: other.lease }, sums), refused("bad_document"));
    await assert.rejects(settle({}, { ...sums, receipt: { final: false } }), refused("bad_document"));
    await assert.rejects(scene.exchange.acknowledge(lease.lease, scene.order(seller, lease, 900)), refused("bad_document"));
    await assert.rejects(scene.exchange.contest(lease.lease, scene.order(buyer, lease, 0, { close: false })), refused("bad_order"));
    await assert.rejects(scene.exchange.settle(`lse_${"0".repeat(32)}`, scene.settlement(trade, sums)), refused("unknown_lease"));
    assert.deepEqual(await scene.sums(lease), ["open", 0n, 0n, 0n]);
    // It bills 1.5 times of what was ordered: it gets what was ordered, and the buyer contests what it has not acknowledged.
    assert.equal(resultOf(await settle({}, { cum: 1500, acked: 400, order: { ceiling: "1000" } })), "window");
    assert.equal(resultOf(await settle({}, { cum: 90_000, acked: 90_000 })), "same");
    assert.equal(resultOf(await scene.exchange.contest(lease.lease, scene.order(buyer, lease, 400))), "split");
    assert.deepEqual(await scene.sums(lease), ["split", 700n, 0n, 300n]);
  });

  test("200 leases at once on credit for 10 are 10, by all processes together", async () => {
    const [buyer, seller] = [await scene.member(), await scene.member()];
    await scene.exchange.members.setLimit(buyer.id, 1_000_000n);
    const offer = scene.offer(seller);
    await scene.post(seller, offer);
    const ask = async (): Promise<string> => {
      try {
        await scene.exchange.lease(scene.leaseRequest(buyer, offer));
        return "opened";
      } catch (error) {
        return (error as MarketRefusal).code;
      }
    };
    const answers = await Promise.all(Array.from({ length: 200 }, ask));
    assert.deepEqual(
      [answers.filter((code) => code === "opened").length, answers.filter((code) => code === "insufficient_credit").length],
      [10, 190],
    );
    assert.equal((await scene.clearing.account(buyer.id)).held, 1_000_000n);
  });

  test("an offer counts if its number is greater; of two with one number the first counts", async () => {
    const [reader, seller] = [await scene.member(), await scene.member()];
    const priceOf = async (): Promise<string | undefined> => {
      const { sellers } = JSON.parse(await scene.exchange.book(reader.id, 0, undefined)) as Book;
      return sellers.find(({ node }) => node.body.node === seller.id)?.offers[0]?.body.price.input;
    };
    const first = scene.offer(seller, { seq: 5 });
    const dearer = { input: "9", output: "9", cache_read: "9" };
    const rev = await scene.post(seller, first);
    await assert.rejects(scene.post(seller, scene.offer(seller, { seq: 5, price: dearer })), refused("bad_document"));
    await assert.rejects(scene.post(seller, scene.offer(seller, { seq: 4, price: dearer })), refused("bad_document"));
    assert.deepEqual([await scene.post(seller, first), await priceOf()], [rev, "1000000000"]);
    assert.deepEqual([await scene.post(seller, scene.offer(seller, { seq: 6, price: dearer })), await priceOf()], [rev + 1, "9"]);
    // What is not repeated is withdrawn.
    assert.deepEqual([await scene.post(seller), await priceOf()], [rev + 2, undefined]);
  });

  test("what may be shared inside an organisation only is offered at its exchange alone", async () => {
    const seller = await scene.member();
    const offer = scene.offer(seller, { source: "organisation" });
    await assert.rejects(scene.post(seller, offer), refused("bad_document"));
    scene.settings = { ...scene.settings, organisation: "acme" };
    await scene.post(seller, offer);
    scene.settings = { ...scene.settings, organisation: "" };
  });

  test("members of one name that join at once are all let in, each with a name of its own", async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => scene.member()));
    const members = (await scene.exchange.members.list()).filter(({ node }) => keys.some(({ id }) => id === node));
    assert.deepEqual([members.length, new Set(members.map(({ name }) => name)).size], [8, 8]);
    assert.deepEqual(checkClearing(await scene.clearing.readAll()), []);
  });
}

interface Book {
  readonly sellers: readonly {
    readonly node: { readonly body: { readonly node: string } };
    readonly offers: readonly { readonly body: { readonly price: { readonly input: string } } }[];
  }[];
}

describe("an exchange on SQLite", () => {
  exchangeTests(openSqlite);
});
describe("two processes of an exchange on PostgreSQL", { skip: withoutPostgres }, () => {
  exchangeTests(openPostgres);
});
