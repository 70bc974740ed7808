import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StoreUnderTest } from "../store-testing.ts";
import { createResponseStore, type ResponseStore } from "./response-store.ts";
import type { ResponseBody, ResponseOwner } from "./response.ts";

const lifetimeMs = 1000;
const bounds = { maxTurns: 1000, maxChars: 1_000_000 };

function ownerOf(id: string, userId = "usr_1"): ResponseOwner {
  return { id, userId, provider: "anthropic", providerKey: "", model: "claude" };
}

function bodyOf(id: string, previousId?: string, status: ResponseBody["status"] = "completed"): ResponseBody {
  return { status, background: status === "in_progress", previousId, input: `["${id} ✓"]`, response: `{"id":"${id}"}` };
}

/** The tests that every database must pass. `make` makes an empty database. */
export function describeResponseStore(name: string, make: () => Promise<StoreUnderTest>, skip: string | false = false): void {
  const test = (title: string, body: (responses: ResponseStore, time: { nowMs: number }, other: ResponseStore) => Promise<void>): void =>
    void it(title, { skip }, async () => {
      const under = await make();
      const time = { nowMs: 10_000 };
      const clock = { now: () => time.nowMs, monotonic: () => time.nowMs };
      try {
        const [one, other] = [await under.open(), await under.open()];
        const responses = createResponseStore(one, clock, () => lifetimeMs);
        await body(
          responses,
          time,
          createResponseStore(other, clock, () => lifetimeMs),
        );
      } finally {
        await under.cleanUp();
      }
    });
  const idsOf = async (responses: ResponseStore, id: string, userId = "usr_1", within = bounds): Promise<unknown> => {
    const chain = await responses.chain(id, userId, within);
    return "turns" in chain ? chain.turns.map((turn) => turn.id) : chain;
  };

  describe(`${name}: stored responses`, () => {
    test("a response at its provider is found with its owner; the first record of an id is kept", async (responses) => {
      const native = { ...ownerOf("r"), provider: "openai", providerKey: "k1", placeholders: "sealed" };
      await responses.record(native);
      await responses.record(ownerOf("r", "usr_2"));
      assert.equal(await responses.hold(ownerOf("r", "usr_2"), bodyOf("r")), false);
      assert.deepEqual(await responses.find("r"), { ...native, isStored: false, unbilled: false });
      assert.deepEqual([await responses.read("r"), await responses.find("s")], [undefined, undefined]);
      await responses.forget("r");
      assert.equal(await responses.find("r"), undefined);
    });

    test("a stored response is read unchanged, by another process too", async (responses, time, other) => {
      const body = { ...bodyOf("b", "a"), input: '["日本 \\u0000 🚀"]' };
      const owner = { ...ownerOf("b"), placeholders: "sealed" };
      assert.equal(await responses.hold(owner, body), true);
      assert.deepEqual(await other.find("b"), { ...owner, isStored: true, unbilled: false });
      assert.deepEqual(await other.read("b"), { ...owner, ...body, touchedMs: time.nowMs });
      await other.forget("b");
      assert.equal(await responses.read("b"), undefined);
    });

    test("a conversation is read from its first response on, for its user only", async (responses) => {
      for (let turn = 0; turn < 250; turn++)
        await responses.hold(ownerOf(`r${turn}`), bodyOf(`r${turn}`, turn === 0 ? undefined : `r${turn - 1}`));
      await responses.hold(ownerOf("fork"), bodyOf("fork", "r1"));
      await responses.hold(ownerOf("thief", "usr_2"), bodyOf("thief", "r1"));
      assert.deepEqual(
        await idsOf(responses, "r249"),
        Array.from({ length: 250 }, (_, turn) => `r${turn}`),
      );
      assert.deepEqual(await responses.chain("fork", "usr_1", bounds), {
        turns: ["r0", "r1", "fork"].map((id) => ({ id, status: "completed", input: `["${id} ✓"]`, response: `{"id":"${id}"}` })),
      });
      assert.deepEqual(await idsOf(responses, "r2", "usr_2"), { problem: "missing", id: "r2" });
      assert.deepEqual(await idsOf(responses, "thief", "usr_2"), { problem: "missing", id: "r1" });
    });

    test("a conversation that is too long, goes in a circle, or lacks a turn is refused", async (responses, time) => {
      await responses.hold(ownerOf("a"), bodyOf("a", "c"));
      time.nowMs += 1;
      await responses.hold(ownerOf("b"), bodyOf("b", "a"));
      await responses.hold(ownerOf("c"), bodyOf("c", "b"));
      assert.deepEqual(await idsOf(responses, "c"), { problem: "too-long" });
      await responses.forget("a");
      assert.deepEqual(await idsOf(responses, "c"), { problem: "missing", id: "a" });
      await responses.hold(ownerOf("a"), bodyOf("a"));
      assert.deepEqual(await idsOf(responses, "c", "usr_1", { ...bounds, maxTurns: 3 }), ["a", "b", "c"]);
      assert.deepEqual(await idsOf(responses, "c", "usr_1", { ...bounds, maxTurns: 2 }), { problem: "too-long" });
      const chars = 3 * (bodyOf("a").input.length + bodyOf("a").response.length);
      assert.deepEqual(await idsOf(responses, "c", "usr_1", { ...bounds, maxChars: chars }), ["a", "b", "c"]);
      assert.deepEqual(await idsOf(responses, "c", "usr_1", { ...bounds, maxChars: chars - 1 }), { problem: "too-long" });
      await responses.record(ownerOf("n"));
      await responses.hold(ownerOf("m"), bodyOf("m", "n"));
      assert.deepEqual(await idsOf(responses, "m"), { problem: "missing", id: "n" });
    });

    test("a response in progress ends once, and its length counts", async (responses, _time, other) => {
      await responses.hold(ownerOf("r"), bodyOf("r", undefined, "in_progress"));
      assert.deepEqual(await responses.conclude("none", "failed", "{}"), false);
      assert.equal(await other.conclude("r", "cancelled", '{"long":"answer"}'), true);
      assert.equal(await responses.conclude("r", "completed", "{}"), false);
      const read = await responses.read("r");
      assert.deepEqual([read?.status, read?.response, read?.background], ["cancelled", '{"long":"answer"}', true]);
      const chars = bodyOf("r").input.length + '{"long":"answer"}'.length;
      assert.deepEqual(await idsOf(responses, "r", "usr_1", { ...bounds, maxChars: chars }), ["r"]);
      assert.deepEqual(await idsOf(responses, "r", "usr_1", { ...bounds, maxChars: chars - 1 }), { problem: "too-long" });
    });

    test("reports which responses are still running, and that their process is alive", async (responses, time, other) => {
      for (const id of ["a", "b", "c"]) await responses.hold(ownerOf(id), bodyOf(id, undefined, "in_progress"));
      await other.conclude("b", "cancelled", "{}");
      await other.forget("c");
      time.nowMs += 500;
      assert.deepEqual(await responses.running(["a", "b", "c"], false), new Set(["a"]));
      assert.equal((await responses.read("a"))?.touchedMs, 10_000);
      assert.deepEqual(await responses.running(["a", "b", "c"], true), new Set(["a"]));
      assert.deepEqual([(await responses.read("a"))?.touchedMs, (await responses.read("b"))?.touchedMs], [10_500, 10_000]);
      assert.deepEqual(await responses.running([], true), new Set());
    });

    test("the billing of a response is claimed by one process only, and can be released", async (responses, _time, other) => {
      await responses.record(ownerOf("r"), { unbilled: true });
      await responses.record(ownerOf("s"));
      assert.equal((await other.find("r"))?.unbilled, true);
      const claims = await Promise.all([responses.claimBill("r"), other.claimBill("r"), responses.claimBill("s")]);
      assert.deepEqual([claims.filter((isMine) => isMine).length, claims[2]], [1, false]);
      await responses.returnBill("r");
      assert.deepEqual([await other.claimBill("r"), await other.claimBill("r")], [true, false]);
    });

    test("a response past its lifetime is not found, and is deleted in small batches", async (responses, time) => {
      for (let at = 0; at < 5; at++) await responses.hold(ownerOf(`old${at}`), bodyOf(`old${at}`));
      await responses.record(ownerOf("native"));
      time.nowMs += 1;
      await responses.hold(ownerOf("young"), bodyOf("young", "old0"));
      time.nowMs += lifetimeMs - 1;
      assert.deepEqual(await idsOf(responses, "young"), ["old0", "young"]);
      assert.equal(await responses.sweep(10), 0);
      time.nowMs += 1;
      const gone = [await responses.find("old0"), await responses.read("old0"), await responses.find("native")];
      assert.deepEqual(gone, [undefined, undefined, undefined]);
      assert.deepEqual(await idsOf(responses, "young"), { problem: "missing", id: "old0" });
      assert.deepEqual([await responses.sweep(4), await responses.sweep(4), await responses.sweep(4)], [4, 2, 0]);
      assert.equal((await responses.read("young"))?.id, "young");
    });
  });
}
