import assert from "node:assert/strict";
import { test } from "node:test";
import type { KeptChange, ResponseStore } from "../../store/index.ts";
import { createJournaledResponses, type JournaledResponsesDeps } from "./journaled-responses.ts";

const owner = { id: "resp_1", userId: "u", provider: "p", providerKey: "", model: "m" };
const body = { status: "completed", background: false, previousId: undefined, input: "[]", response: "{}" } as const;
const away = "database_unavailable";

interface Setup {
  readonly responses: ResponseStore;
  /** What the journal has taken; `write` is the database that takes the oldest. */
  readonly journal: { readonly change: KeptChange; readonly write: () => void }[];
}

/** Before a database of which `answers` are the answers; all others never come. */
function setup(answers: Partial<ResponseStore>, more: Partial<JournaledResponsesDeps> = {}): Setup {
  const never = (): Promise<never> => new Promise(() => undefined);
  const silent = new Proxy({}, { get: (_target, name) => answers[name as keyof ResponseStore] ?? never }) as ResponseStore;
  const journal: { change: KeptChange; write: () => void }[] = [];
  const ledger: JournaledResponsesDeps["ledger"] = {
    keep(change, written) {
      journal.push({ change, write: written });
      return undefined;
    },
  };
  const clock = { now: () => 1000, monotonic: () => 1000 };
  const deps = { responses: silent, ledger, clock, lifetimeMs: () => 500, isShared: () => false, timeoutMs: 20, ...more };
  return { responses: createJournaledResponses(deps), journal };
}

test("what is kept is read from memory while the database is silent, and so is its conversation", async () => {
  const { responses, journal } = setup({});
  assert.equal(await responses.hold(owner, body), true);
  await responses.hold({ ...owner, id: "resp_2" }, { ...body, previousId: "resp_1", input: "[1]" });
  await responses.record({ ...owner, id: "far", providerKey: "k" }, { unbilled: true });
  assert.deepEqual(await responses.find("resp_1"), { ...owner, isStored: true, unbilled: false });
  assert.deepEqual(await responses.find("far"), { ...owner, id: "far", providerKey: "k", isStored: false, unbilled: true });
  assert.deepEqual(await responses.read("resp_1"), { ...owner, ...body, touchedMs: 1000 });
  const turn = { id: "resp_1", status: "completed", input: "[]", response: "{}" };
  assert.deepEqual(await responses.chain("resp_2", "u", { maxTurns: 2, maxChars: 100 }), {
    turns: [turn, { ...turn, id: "resp_2", input: "[1]" }],
  });
  assert.deepEqual(await responses.chain("resp_2", "u", { maxTurns: 1, maxChars: 100 }), { problem: "too-long" });
  assert.deepEqual(
    journal.map(({ change }) => change.kind),
    ["insert", "insert", "insert"],
  );
});

test("what this process does not know is unavailable while the database is silent, never unknown", async () => {
  const { responses } = setup({});
  await responses.hold({ ...owner, id: "resp_2" }, { ...body, previousId: "resp_1" });
  await assert.rejects(responses.find("resp_1"), { code: away, status: 503 });
  await assert.rejects(responses.read("resp_1"), { code: away });
  await assert.rejects(responses.chain("resp_2", "u", { maxTurns: 9, maxChars: 100 }), { code: away });
  await assert.rejects(responses.chain("resp_2", "another", { maxTurns: 9, maxChars: 100 }), { code: away });
  await assert.rejects(responses.forget("resp_2"), { code: away });
});

test("one in progress is running, and has ended once it is concluded, whatever the database says until then", async () => {
  const stored = { ...owner, ...body, status: "in_progress", touchedMs: 0, id: "resp_0" } as const;
  const { responses, journal } = setup({ running: () => Promise.resolve(new Set(["resp_0"])), read: () => Promise.resolve(stored) });
  await responses.hold(owner, { ...body, status: "in_progress" });
  assert.deepEqual(await responses.running(["resp_0", "resp_1"], false), new Set(["resp_0", "resp_1"]));
  assert.equal(await responses.conclude("resp_0", "cancelled", "{0}"), true);
  assert.equal(await responses.conclude("resp_1", "completed", "{1}"), true);
  assert.equal(await responses.conclude("resp_1", "failed", "{2}"), false);
  assert.deepEqual(await responses.running(["resp_0", "resp_1"], false), new Set());
  assert.deepEqual([(await responses.read("resp_0"))?.status, (await responses.read("resp_1"))?.response], ["cancelled", "{1}"]);
  for (const { write } of journal) write();
  assert.equal((await responses.read("resp_0"))?.status, "in_progress");
});

test("what is deleted is deleted after the database has it", async () => {
  const forgotten: string[] = [];
  const { responses, journal } = setup({
    forget: (id) => Promise.resolve(void forgotten.push(id)),
    find: () => Promise.resolve(undefined),
  });
  await responses.hold(owner, body);
  const deleted = responses.forget("resp_1");
  assert.deepEqual(forgotten, []);
  journal[0]!.write();
  await deleted;
  assert.deepEqual([forgotten, await responses.find("resp_1")], [["resp_1"], undefined]);
});

test("where other processes write to the database, what is not found is looked for a moment longer", async () => {
  let looks = 0;
  const known = { ...owner, isStored: true, unbilled: false };
  const { responses } = setup({ find: () => Promise.resolve(++looks < 3 ? undefined : known) }, { isShared: () => true, timeoutMs: 5000 });
  assert.deepEqual([await responses.find("resp_1"), looks], [known, 3]);
});
