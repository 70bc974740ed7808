import assert from "node:assert/strict";
import { test } from "node:test";
import type { CacheMarker, CachePlace } from "../../protocols/index.ts";
import { PrefixMemory, type MarkedRequest } from "./prefix-memory.ts";

const tokens = 4;

/** A memory whose clock the test moves, and requests of one key. */
function createMemory(): {
  readonly at: { ms: number };
  readonly memory: PrefixMemory;
  readonly ask: (request: Request) => readonly number[];
  readonly settle: (usage: { readonly input: number; readonly cacheRead?: number; readonly cacheWrite5m?: number } | undefined) => void;
} {
  const at = { ms: 0 };
  const memory = new PrefixMemory({ now: () => at.ms, monotonic: () => at.ms });
  let last: MarkedRequest | undefined;
  return {
    at,
    memory,
    ask: (request) =>
      choose(
        memory.marker(request.scope ?? "key", (marked) => {
          last = marked;
        }),
        request,
      ),
    settle: (usage) => {
      memory.settle(last!, usage);
    },
  };
}

interface Request {
  readonly scope?: string;
  readonly system?: string;
  /** The turns of the user. */
  readonly turns: readonly string[];
  readonly isToolStep?: boolean;
  readonly minTokens?: number;
}

/** Each part has 10,000 tokens. */
function choose(marker: CacheMarker, { system = "system", turns, isToolStep = false, minTokens = 512 }: Request): readonly number[] {
  const places: CachePlace[] = [];
  let prefix = "";
  for (const [at, text] of ["tools", system, ...turns].entries()) {
    prefix = marker.hash(prefix, text);
    places.push({ part: (["tools", "instructions"] as const)[at] ?? "turn", prefix, sizeBytes: (at + 1) * 10_000 * tokens });
  }
  return marker.choose({ places, isToolStep, minTokens });
}

test("the first request of a key is not marked; what comes before the turns is marked once it was seen", () => {
  const { ask, settle } = createMemory();
  assert.deepEqual(ask({ turns: ["one"] }), []);
  settle({ input: 30_000 });
  assert.deepEqual(ask({ turns: ["two"] }), [0, 1]);
  assert.deepEqual(ask({ turns: ["three"], scope: "another key" }), []);
});

test("a step of a tool loop is marked at its end and before its turns, and later ones also where the step before ended", () => {
  const { ask } = createMemory();
  ask({ turns: ["question"] });
  assert.deepEqual(ask({ turns: ["question", "result"], isToolStep: true }), [0, 1, 2, 3]);
  assert.deepEqual(ask({ turns: ["question", "result", "result 2"], isToolStep: true }), [0, 1, 3, 4]);
});

test("a conversation that goes on is marked, also without tools; one that was seen longer ago than the cache lives is new", () => {
  const { at, ask } = createMemory();
  ask({ turns: ["one"] });
  assert.deepEqual(ask({ turns: ["one", "two"] }), [0, 1, 2, 3]);
  at.ms += 300_000;
  assert.deepEqual(ask({ turns: ["one", "two", "three"] }), []);
});

test("a use makes a prefix live longer", () => {
  const { at, ask } = createMemory();
  ask({ turns: ["one"] });
  for (let turn = 0; turn < 3; turn++) {
    at.ms += 200_000;
    assert.deepEqual(ask({ turns: [`another ${turn}`] }), [0, 1]);
  }
});

test("a prompt that is too short for the model's cache is not marked", () => {
  const { ask } = createMemory();
  ask({ turns: ["one"], minTokens: 100_000 });
  assert.deepEqual(ask({ turns: ["one", "two"], minTokens: 100_000 }), []);
});

test("pairs of requests that nothing follows lose at most 5 % of what the prompts cost", () => {
  const { at, ask, settle } = createMemory();
  let [cost, plain] = [0, 0];
  for (let pair = 0; pair < 200; pair++) {
    let written = false;
    for (const turn of ["one", "two"]) {
      const isMarked = ask({ turns: [turn] }).length > 0;
      const usage = isMarked ? { input: 30_000, ...(written ? { cacheRead: 20_000 } : { cacheWrite5m: 20_000 }) } : { input: 30_000 };
      settle(usage);
      written ||= isMarked;
      plain += 30_000;
      cost += 30_000 + ("cacheWrite5m" in usage ? 5_000 : 0) - ("cacheRead" in usage ? 18_000 : 0);
    }
    at.ms += 600_000;
  }
  assert.ok(cost <= plain * 1.05, `${cost / plain}`);
  assert.ok(cost > plain, "some marks were tried");
});

test("a provider that bills writes and never reads is marked rarely", () => {
  const { ask, settle } = createMemory();
  let marked = 0;
  for (let turn = 1; turn <= 200; turn++) {
    const isMarked = ask({ turns: Array.from({ length: turn }, (_, at) => `turn ${at}`) }).length > 0;
    const input = (turn + 2) * 10_000;
    settle(isMarked ? { input, cacheWrite5m: input } : { input });
    if (isMarked) marked += 1;
  }
  assert.ok(marked < 50, `${marked}`);
});

test("where conversations mostly go on, their first request is marked; where they do not, it is not", () => {
  const { at, ask, settle } = createMemory();
  for (let session = 0; session < 4; session++) {
    const system = `system ${session}`;
    const marks = ask({ system, turns: ["one"] });
    settle({ input: 30_000 });
    assert.deepEqual(marks, [[], [0], [0], [0, 1, 2]][session], `session ${session}`);
    ask({ system, turns: ["one", "two"] });
    settle({ input: 40_000, cacheRead: 20_000, cacheWrite5m: 20_000 });
  }
  for (let single = 0; single < 40; single++) {
    at.ms += 400_000;
    ask({ system: `single ${single}`, turns: ["one"] });
    settle({ input: 30_000, cacheWrite5m: 0 });
  }
  at.ms += 400_000;
  assert.deepEqual(ask({ system: "last", turns: ["one"] }), []);
});

test("a request that failed teaches nothing, and frees what its marks might have cost", () => {
  const { ask, settle } = createMemory();
  ask({ turns: ["one"] });
  settle(undefined);
  for (let turn = 0; turn < 20; turn++) {
    assert.deepEqual(ask({ turns: [`turn ${turn}`] }), [0, 1]);
    settle(undefined);
  }
});
