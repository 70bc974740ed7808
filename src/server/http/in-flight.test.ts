import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../core/index.ts";
import { InFlight, type InFlightRequest, type Load } from "./in-flight.ts";

/** A request by its name; the letter is its key's. */
interface TestRequest extends InFlightRequest {
  readonly name: string;
}

class Scene {
  nowMs = 0;
  max: number | undefined;
  readonly load: { -readonly [K in keyof Load]: Load[K] } = { share: 0, reason: "event_loop" };
  random = 0.5;
  /** What happened, in order: `a1 served`. */
  readonly seen: string[] = [];
  readonly inFlight: InFlight;
  readonly #requests = new Map<string, TestRequest>();
  readonly #timers: { readonly atMs: number; readonly run: () => void; isOver: boolean }[] = [];

  constructor(max?: number) {
    this.max = max;
    this.inFlight = new InFlight({
      maxInFlight: () => this.max,
      load: this.load,
      random: () => this.random,
      now: () => this.nowMs,
      schedule: (delayMs, run) => {
        const timer = { atMs: this.nowMs + delayMs, run, isOver: false };
        this.#timers.push(timer);
        return () => {
          timer.isOver = true;
        };
      },
    });
  }

  enter(...names: readonly string[]): void {
    for (const name of names) {
      const request: TestRequest = { name, keyId: name.replace(/\d+$/, ""), place: "none" };
      this.#requests.set(name, request);
      const say = (what: string): void => void this.seen.push(`${name} ${what}`);
      const refused = (error: unknown): void => {
        assert.ok(error instanceof GatewayError);
        say(`${error.code} ${error.status}, again in ${error.retryAfterSeconds}`);
      };
      try {
        const turn = this.inFlight.enter(request);
        if (turn === undefined) say("served");
        else turn.then(() => say("served later"), refused);
      } catch (error) {
        refused(error);
      }
    }
  }

  async leave(...names: readonly string[]): Promise<void> {
    for (const name of names) this.inFlight.leave(this.#requests.get(name)!);
    await Promise.resolve();
  }

  async pass(ms: number): Promise<void> {
    this.nowMs += ms;
    for (const timer of this.#timers) {
      if (timer.isOver || timer.atMs > this.nowMs) continue;
      timer.isOver = true;
      timer.run();
    }
    await Promise.resolve();
  }

  /** What happened since the last look. */
  take(): string[] {
    return this.seen.splice(0);
  }

  counts(): readonly number[] {
    return [this.inFlight.count, this.inFlight.waiting, this.inFlight.shed.in_flight];
  }
}

const names = (key: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${key}${index + 1}`);

test("without a limit all requests are served, and counted until they are over", async () => {
  const scene = new Scene();
  scene.enter(...names("a", 5000));
  assert.deepEqual(scene.counts(), [5000, 0, 0]);
  await scene.leave("a1", "a1", "a2");
  assert.deepEqual(scene.counts(), [4998, 0, 0]);
});

test("over the limit a request waits for a place, and over as many as may wait it is refused at once", async () => {
  const scene = new Scene(4);
  scene.enter("a1", "a2", "b1", "b2", "c1", "c2", "d1", "d2", "e1");
  assert.deepEqual(scene.take(), ["a1 served", "a2 served", "b1 served", "b2 served", "e1 overloaded 503, again in 1"]);
  assert.deepEqual(scene.counts(), [4, 4, 1]);
  await scene.leave("a1", "b1");
  assert.deepEqual(scene.take(), ["c1 served later", "c2 served later"]);
  assert.deepEqual(scene.counts(), [4, 2, 1]);
  await scene.leave("a2", "b2", "c1", "c2", "d1", "d2");
  assert.deepEqual(scene.counts(), [0, 0, 1]);
});

test("one key may have all places while nobody else waits; then others go first until it has half", async () => {
  const scene = new Scene(4);
  scene.enter("a1", "a2", "a3", "a4", "a5", "a6", "a7");
  // One key gets half of the places to wait.
  assert.deepEqual(scene.take(), [...names("a", 4).map((name) => `${name} served`), "a7 overloaded 503, again in 1"]);
  scene.enter("b1", "b2", "b3");
  assert.deepEqual(scene.take(), ["b3 overloaded 503, again in 1"]);
  await scene.leave("a1", "a2", "a3");
  // `a` has two of four when b1 and b2 are served; with one left it is its turn again.
  assert.deepEqual(scene.take(), ["b1 served later", "b2 served later", "a5 served later"]);
  await scene.leave("b1");
  assert.deepEqual(scene.take(), ["a6 served later"]);
});

test("a request does not wait for a place that is expected late, and its error says when to come again", async () => {
  const scene = new Scene(10);
  scene.enter(...names("a", 10));
  scene.enter("b1");
  await scene.leave("a1");
  await scene.pass(600);
  scene.take();
  // One place in 600 ms: the first that waits has its turn in time, the second not.
  scene.enter("b2");
  await scene.leave("a2");
  scene.enter("b3", "b4");
  assert.deepEqual(scene.take(), ["b2 served later", "b4 overloaded 503, again in 2"]);
  await scene.pass(900);
  // Nothing has ended for 900 ms: that counts as well.
  scene.enter("c1");
  assert.deepEqual(scene.take(), ["c1 overloaded 503, again in 2"]);
});

test("a request that has waited for two seconds is refused, and one whose client leaves gives up its turn", async () => {
  const scene = new Scene(1);
  scene.enter("a1", "b1");
  await scene.pass(1999);
  assert.deepEqual(scene.take(), ["a1 served"]);
  await scene.pass(1);
  assert.deepEqual(scene.take(), ["b1 overloaded 503, again in 1"]);
  scene.enter("c1");
  await scene.leave("c1");
  assert.deepEqual(scene.take(), ["c1 overloaded 503, again in 1"]);
  assert.deepEqual(scene.counts(), [1, 0, 1]);
  await scene.leave("a1");
  scene.enter("d1");
  assert.deepEqual(scene.take(), ["d1 served"]);
});

test("a limit that a reload raises, lowers or removes holds for the next request, and requests of before are counted right", async () => {
  const scene = new Scene();
  scene.enter("a1", "a2");
  scene.max = 2;
  scene.enter("a3");
  assert.deepEqual(scene.counts(), [2, 1, 0]);
  await scene.leave("a1");
  assert.deepEqual(scene.take(), ["a1 served", "a2 served", "a3 served later"]);
  scene.enter("b1");
  scene.max = undefined;
  await scene.leave("a2");
  assert.deepEqual(scene.take(), ["b1 served later"]);
  await scene.leave("a3", "b1");
  assert.deepEqual(scene.counts(), [0, 0, 0]);
});

test("a process in trouble refuses a share of the new requests by the reason, but never all while few are served", () => {
  const scene = new Scene();
  scene.load.share = 0.6;
  scene.enter(...names("a", 4));
  scene.enter("a5");
  scene.random = 0.7;
  scene.enter("a6");
  scene.load.share = 1;
  scene.load.reason = "memory";
  scene.enter("a7");
  assert.deepEqual(scene.take(), [
    ...names("a", 4).map((name) => `${name} served`),
    "a5 overloaded 503, again in 1",
    "a6 served",
    "a7 overloaded 503, again in 1",
  ]);
  assert.deepEqual({ ...scene.inFlight.shed }, { in_flight: 0, event_loop: 1, memory: 1 });
});
