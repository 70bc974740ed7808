import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../../core/index.ts";
import { defaultResilience } from "./settings.ts";
import { shareStates, type StateSharing } from "./share-states.ts";
import { createTargetStates } from "./target-states.ts";
import type { TargetState } from "./target-state.ts";

const { breaker } = defaultResilience;

interface Process {
  readonly target: TargetState;
  readonly other: TargetState;
  readonly sharing: StateSharing;
  readonly share: () => void;
}

/** Processes that publish to each other; each has its own clock. */
function start(...secrets: readonly string[]): { readonly processes: readonly Process[]; pass(ms: number): void } {
  let passedMs = 0;
  const processes: Process[] = secrets.map((secret, index) => {
    const states = createTargetStates();
    const [target, other] = states.of(
      { name: "p", keys: ["p#1", "p#2"].map((id) => ({ id, secret: new Secret(`${secret} ${id}`) })) },
      "m",
    );
    let share = (): void => {};
    const sharing = shareStates({
      states,
      publish: (text) => {
        for (const [each, { sharing: receiver }] of processes.entries()) if (each !== index) receiver.receive(text);
      },
      clock: { monotonic: () => 1_000_000 * (index + 1) + passedMs },
      every: (_ms, task) => {
        share = task;
        return () => undefined;
      },
    });
    return { target: target!, other: other!, sharing, share: () => share() };
  });
  return { processes, pass: (ms) => (passedMs += ms) };
}

test("a key that is throttled or refused, and a breaker that opens, are known to the others, for the same time", () => {
  const { processes, pass } = start("a", "a");
  const [one, two] = processes as [Process, Process];
  one.target.refused({ kind: "throttled", waitMs: 5000 }, 1_000_000, 1_000_000, breaker);
  one.share();
  const throttled = [two.target.availability(2_000_000), two.other.availability(2_000_000), two.target.availability(2_005_000)];
  for (let failure = 0; failure < 5; failure++) two.other.refused({ kind: "broken" }, 2_000_000, 2_000_000, breaker);
  two.share();
  pass(100);
  const broken = [one.other.block, one.other.availability(1_000_100), one.other.availability(1_030_000)];
  one.target.refused({ kind: "credential" }, 1_000_100, 1_000_100, breaker);
  one.share();
  assert.deepEqual([throttled, broken, two.target.block], [["out", "ready", "ready"], ["breaker", "last-resort", "probe"], "credential"]);
});

test("an answer ends it for all, but not for those who have learned of a limit since", () => {
  const { processes } = start("a", "a", "a");
  const [one, two, three] = processes as [Process, Process, Process];
  one.target.refused({ kind: "quota" }, 1_000_000, 1_000_000, breaker);
  one.share();
  const before = [two.target.block, three.target.block];
  two.target.succeeded(2_000_001, 2_000_002, breaker);
  three.target.refused({ kind: "quota", waitMs: 9_000_000 }, 3_000_001, 3_000_002, breaker);
  two.share();
  assert.deepEqual([before, one.target.block, three.target.block], [["quota", "quota"], undefined, "quota"]);
});

test("what was measured is shared once, and nothing that came from others is published", () => {
  const { processes } = start("a", "a");
  const [one, two] = processes as [Process, Process];
  for (const ms of [100, 200, 300]) one.target.measures.firstContentMs.add(ms, 1_000_000);
  two.target.measures.firstContentMs.add(1000, 2_000_000);
  one.share();
  one.share();
  two.share();
  two.share();
  assert.deepEqual(
    [one, two].map(({ target }) => Math.round(target.measures.firstContentMs.value!)),
    [400, 400],
  );
});

test("another key under the same id, and what cannot be read, change nothing", () => {
  const { processes } = start("a", "b");
  const [one, two] = processes as [Process, Process];
  one.target.refused({ kind: "quota" }, 1_000_000, 1_000_000, breaker);
  one.share();
  for (const text of ["", "[", "{}", '[{"keyId":1}]', "null"]) two.sharing.receive(text);
  assert.equal(two.target.isClear, true);
});

test("a target that a process has not used yet is known when it is used", () => {
  const provider = { name: "p", keys: [{ id: "p#1", secret: new Secret("a") }] };
  const [one, two] = [createTargetStates(), createTargetStates()];
  one.of(provider, "m")[0]!.refused({ kind: "throttled", waitMs: 5000 }, 1000, 1000, breaker);
  two.hear(one.takeNews(1000), 2000);
  const [target] = two.of(provider, "m");
  assert.deepEqual([target!.block, target!.untilMs], ["throttled", 7000]);
});
