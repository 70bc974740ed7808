import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { silentLogger } from "../../core/index.ts";
import { checkEntries } from "../clearing/entries.ts";
import { signDocument, type MarketDocument } from "../documents/document.ts";
import type { NodeCalls } from "../buy/node-calls.ts";
import { buyerKey, deskScene, sellerKey, transport, type DeskScene } from "../desk-testing.ts";
import { createStatements, type Statements } from "./statements.ts";

let scene: DeskScene;
before(async () => {
  scene = await deskScene();
});
after(() => scene.close());

const address = { clearing: sellerKey.id, transport };

/** @param change what the clearing answers in place of what is right. */
function statementsOf(change: (path: string, text: string) => string = (_path, text) => text): Statements {
  const calls = scene.calls();
  const changed: NodeCalls = { ...calls, get: async (...call) => change(call[2], await calls.get(...call)) };
  return createStatements({ store: scene.store, calls: changed, owner: buyerKey.id, clock: scene.clock, logger: silentLogger });
}

async function book(entries: number): Promise<void> {
  for (let index = 0; index < entries; index++) {
    await scene.clearing.deposit(`deposit-${scene.nowMs}-${index}`, buyerKey.id, BigInt(index + 1));
  }
  scene.nowMs += 1;
}

async function storedRow(): Promise<{
  readonly seq: number;
  readonly problem: string | null;
  readonly documents: readonly (string | null)[];
}> {
  const row = await scene.store.db.selectFrom("market_statements").selectAll().executeTakeFirstOrThrow();
  return { seq: row.seq, problem: row.problem, documents: [row.statement, row.other_statement, row.other_entries] };
}

test("a statement is checked against all its entries, of several pages, then against the new ones alone", async () => {
  await book(210);
  const statements = statementsOf();
  const first = await statements.check(address, false);
  assert.deepEqual([first.entries, first.problem, first.statement.body.balance], [210, undefined, String((210n * 211n) / 2n)]);
  await book(3);
  assert.equal((await statements.check(address, false)).entries, 3);
  assert.equal((await statements.check(address, true)).entries, 213);
  // After a restart it goes on from what was verified.
  const again = statementsOf();
  await again.load();
  assert.deepEqual([(await again.check(address, false)).entries, (await storedRow()).seq], [0, 213]);
  assert.deepEqual(await checkEntries(scene.store, await scene.clearing.account(buyerKey.id)), { entries: 213, broken: [] });
});

type Change = (path: string, text: string) => string;

const forked = async (body: Partial<MarketDocument<"statement/1">["body"]>): Promise<Change> => {
  const right = (await scene.statement()).body;
  const wrong = JSON.stringify(signDocument(sellerKey, "statement/1", { ...right, ...body }));
  return (path, text) => (path === "/statement" ? wrong : text);
};
const edited =
  (from: string, to: string): Change =>
  (path, text) =>
    path.startsWith("/entries") ? text.replace(from, to) : text;

/** A change, whether the check is of all entries, and what is found. */
const cases: readonly (readonly [name: string, change: () => Change | Promise<Change>, isWhole: boolean, problem: RegExp])[] = [
  ["an entry that was edited", () => edited('"amount":"7"', '"amount":"6"'), true, /entry 7 does not add up/],
  ["an entry whose kind was edited", () => edited('"kind":"deposit"', '"kind":"correction"'), true, /first 213 entries were changed/],
  ["an entry that is left out", () => edited('{"seq":2,', '{"seq":3,'), true, /entry 3 comes after entry 1/],
  ["a head of another history", () => forked({ head: `sha256:${"1".repeat(64)}` }), false, /head is not that of its 213 entries/],
  ["a balance that is not the sum", () => forked({ balance: "1" }), false, /balance is not the sum/],
  ["fewer entries than before", () => forked({ seq: 212 }), false, /it has 212 entries; it had 213/],
  ["entries that are not shown", () => forked({ seq: 220 }), false, /it has 220 entries, of which only 213 are shown/],
  ["an account of somebody else", () => forked({ owner: sellerKey.id }), false, /of another account/],
];

for (const [name, change, isWhole, problem] of cases) {
  test(`${name} stops trading with the clearing, and both documents are kept until a person decides`, async () => {
    const right = statementsOf();
    await right.forget(sellerKey.id);
    assert.equal((await right.check(address, true)).problem, undefined);
    const statements = statementsOf(await change());
    await statements.load();
    const found = await statements.check(address, isWhole);
    assert.match(found.problem ?? "", problem);
    const { documents, ...row } = await storedRow();
    assert.deepEqual(row, { seq: 213, problem: found.problem });
    assert.deepEqual(
      documents.slice(0, 2).map((text) => (JSON.parse(text ?? "{}") as { readonly type?: string }).type),
      ["statement/1", "statement/1"],
    );

    // It holds after a restart, and the clearing cannot mend it.
    const later = statementsOf();
    await later.load();
    await later.take(address, await scene.statement());
    assert.equal(later.problem(sellerKey.id), found.problem);
    await later.forget(sellerKey.id);
    await later.take(address, await scene.statement());
    assert.equal(later.problem(sellerKey.id), undefined);
  });
}

test("a statement that is signed by somebody else is refused, and proves nothing against the clearing", async () => {
  const other = JSON.stringify(await scene.statement(buyerKey));
  const statements = statementsOf((path, text) => (path === "/statement" ? other : text));
  await assert.rejects(async () => statements.check(address, false), { problem: "bad_signature" });
  assert.equal(statements.problem(sellerKey.id), undefined);
});
