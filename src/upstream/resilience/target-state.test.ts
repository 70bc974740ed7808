import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret, type Refusal, type RefusalKind } from "../../core/index.ts";
import { defaultResilience } from "./settings.ts";
import type { TargetState } from "./target-state.ts";
import { createTargetStates } from "./target-states.ts";

const { breaker } = defaultResilience;

/** A target at a time of the test's own; `say` reports its availability after each step. */
class Watched {
  readonly state: TargetState;
  nowMs = 1000;

  constructor(state = createTargetStates().of({ name: "a", keys: [] }, "m")[0]!) {
    this.state = state;
  }

  refused(refusal: Refusal | RefusalKind): string {
    this.state.begin(this.nowMs);
    this.state.refused(typeof refusal === "string" ? { kind: refusal } : refusal, this.nowMs, this.nowMs, breaker);
    return this.say();
  }

  succeeded(beganMs = this.nowMs): string {
    this.state.succeeded(beganMs, this.nowMs, breaker);
    return this.say();
  }

  after(ms: number): string {
    this.nowMs += ms;
    return this.say();
  }

  say(): string {
    return this.state.availability(this.nowMs);
  }
}

test("a throttled key is out for the time that its provider names, and a last resort if it names none", () => {
  const named = new Watched();
  assert.deepEqual([named.refused({ kind: "throttled", waitMs: 7000 }), named.after(6999), named.after(1)], ["out", "out", "ready"]);
  const unnamed = new Watched();
  assert.deepEqual([unnamed.refused("throttled"), unnamed.after(999), unnamed.after(1)], ["last-resort", "last-resort", "ready"]);
  // The next one lasts twice as long.
  assert.deepEqual([unnamed.refused("throttled"), unnamed.after(1999), unnamed.after(1)], ["last-resort", "last-resort", "ready"]);
  assert.deepEqual([unnamed.succeeded(), unnamed.state.isClear], ["ready", true]);
});

test("streams that begin and then break are failures in a row", () => {
  const target = new Watched();
  const broken = (): string => {
    target.nowMs += 10_000;
    target.state.begin(target.nowMs);
    target.state.opened(target.nowMs);
    target.state.refused({ kind: "broken" }, target.nowMs, target.nowMs, breaker);
    return target.say();
  };
  assert.deepEqual([broken(), broken(), broken(), broken(), broken()], ["ready", "ready", "ready", "ready", "last-resort"]);
});

test("a probe of the breaker that begins its answer and then breaks opens the breaker again", () => {
  const target = new Watched();
  for (let count = 0; count < 5; count++) target.refused("broken");
  target.after(30_000);
  target.state.begin(target.nowMs);
  target.state.opened(target.nowMs);
  const whileProbed = target.say();
  target.state.refused({ kind: "broken" }, target.nowMs, target.nowMs, breaker);
  assert.deepEqual(
    [whileProbed, target.say(), target.state.block, target.after(29_999), target.after(1)],
    ["ready", "last-resort", "breaker", "last-resort", "probe"],
  );
  target.state.begin(target.nowMs);
  target.state.opened(target.nowMs);
  assert.deepEqual([target.succeeded(), target.state.isQuiet, target.refused("broken")], ["ready", true, "ready"]);
});

test("an answer to a request that began before the limit was reached does not end the wait", () => {
  const target = new Watched();
  target.refused({ kind: "throttled", waitMs: 7000 });
  assert.equal(target.succeeded(target.nowMs - 1), "out");
});

test("a key without quota is out, and one request at a time probes it", () => {
  const target = new Watched();
  assert.deepEqual([target.refused("quota"), target.after(14_999), target.after(1)], ["out", "out", "last-resort"]);
  assert.deepEqual([target.refused("quota"), target.after(15 * 60_000)], ["out", "probe"]);
  target.state.begin(target.nowMs);
  assert.equal(target.say(), "out");
  assert.equal(target.succeeded(), "ready");
});

test("a key that is refused is refused for all its models; a 403 is about one model", () => {
  const states = createTargetStates();
  const provider = {
    name: "a",
    keys: [
      { id: "a#1", secret: new Secret("x") },
      { id: "a#2", secret: new Secret("y") },
    ],
  };
  const [first, second] = states.of(provider, "m").map((state) => new Watched(state));
  const [other] = states.of(provider, "n").map((state) => new Watched(state));
  assert.deepEqual([first!.refused("credential"), second!.say(), other!.say()], ["last-resort", "ready", "last-resort"]);
  assert.deepEqual([other!.after(5 * 60_000), other!.state.block], ["probe", "credential"]);
  other!.state.begin(other!.nowMs);
  assert.equal(first!.after(5 * 60_000), "last-resort");
  assert.deepEqual([other!.succeeded(), first!.say()], ["ready", "ready"]);
  assert.deepEqual(
    [second!.refused({ kind: "credential", isForModelOnly: true }), states.of(provider, "n")[1]!.isClear],
    ["last-resort", true],
  );
  // A key that was replaced starts anew.
  const replaced = { name: "a", keys: [provider.keys[0]!, { id: "a#2", secret: new Secret("z") }] };
  assert.deepEqual(
    states.of(replaced, "m").map((state) => state === second!.state),
    [false, false],
  );
  assert.equal(states.of(replaced, "m")[1]!.isClear, true);
});

test("five failures in a row open the breaker; then one request probes the target", () => {
  const target = new Watched();
  const kinds: readonly RefusalKind[] = ["broken", "overloaded", "unreachable", "timeout", "broken"];
  assert.deepEqual(
    kinds.map((kind) => target.refused(kind)),
    ["ready", "ready", "ready", "ready", "last-resort"],
  );
  assert.deepEqual([target.state.block, target.after(29_999), target.after(1)], ["breaker", "last-resort", "probe"]);
  target.state.begin(target.nowMs);
  assert.equal(target.say(), "last-resort");
  // The client of the probe has left: the next request probes.
  target.state.released();
  assert.equal(target.say(), "probe");
  assert.deepEqual([target.refused("broken"), target.after(30_000)], ["last-resort", "probe"]);
  assert.deepEqual([target.succeeded(), target.state.isQuiet], ["ready", true]);
});

test("a success ends the row; half of 20 answers within 10 s open the breaker all the same", () => {
  const sequence = (gapMs: number): number => {
    const target = new Watched();
    for (let count = 1; count <= 40; count++) {
      target.after(gapMs);
      if (count % 2 === 1) target.refused("broken");
      else target.succeeded();
      if (!target.state.isClear) return count;
    }
    return 0;
  };
  assert.deepEqual([sequence(10), sequence(500), sequence(600)], [21, 21, 0]);
});

test("what is the client's own fault does not count, and shows that the target works", () => {
  const target = new Watched();
  for (let count = 0; count < 4; count++) target.refused("broken");
  assert.deepEqual(
    [target.refused("client"), target.refused("context"), target.refused("filtered"), target.refused("broken")],
    ["ready", "ready", "ready", "ready"],
  );
});
