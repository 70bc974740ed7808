import assert from "node:assert/strict";
import { test } from "node:test";
import { noTargetTable } from "../../upstream/index.ts";
import { FakeExchange } from "../testing.ts";
import { Scene, type Answer, type Setup } from "./testing.ts";

const routes: Setup = {
  routes: [
    ["m", ["a", "b", "c"]],
    ["n", ["d"]],
    ["o", ["openrouter", "a"]],
  ],
};

const healthy: Record<string, Answer[]> = { a: [200], b: [200], c: [200], d: [200], openrouter: [200] };

interface Case {
  readonly more?: string;
  readonly headers?: readonly string[];
  readonly model?: string;
  readonly answers?: Record<string, Answer[]>;
  /** The outcome, and the providers that were asked. */
  readonly expected: string;
}

const messages = '"messages":[{"role":"user","content":"hi"}]';
const down = { a: ["unreachable" as const] };
const allDown = { a: ["unreachable" as const], b: ["unreachable" as const], c: ["unreachable" as const] };

const cases: Record<string, Case> = {
  "nothing of its own": { expected: "served: a#1" },
  "an order": { more: '"provider":{"order":["C","b"]}', expected: "served: c#1" },
  "an order whose first is down": { more: '"provider":{"order":["a","c"]}', answers: down, expected: "served: a#1 c#1" },
  "an order and no others": {
    more: '"provider":{"order":["a"],"allow_fallbacks":false}',
    answers: down,
    expected: "upstream_unreachable 502: a#1",
  },
  "no others": { more: '"provider":{"allow_fallbacks":false}', answers: down, expected: "upstream_unreachable 502: a#1" },
  "only some": { more: '"provider":{"only":["b"]}', expected: "served: b#1" },
  "all but some": { more: '"provider":{"ignore":["a","b"]}', expected: "served: c#1" },
  "none that is left": { more: '"provider":{"only":["z"]}', expected: "model_not_found 404: " },
  "the cheapest": { more: '"provider":{"sort":"price"}', expected: "served: c#1" },
  "the cheapest, in the long form": { more: '"provider":{"sort":{"by":"price"}}', expected: "served: c#1" },
  "a highest price": { more: '"provider":{"max_price":{"prompt":2.5,"completion":"2.5"}}', expected: "served: b#1" },
  "a price that none has": { more: '"provider":{"max_price":{"prompt":0.5}}', expected: "model_not_found 404: " },
  "models of its own": { more: '"models":["m","x","n"],"route":"fallback"', answers: allDown, expected: "served: a#1 b#1 c#1 d#1" },
  "models of its own for a request that is too long": { more: '"models":["n"]', answers: { a: [413] }, expected: "served: a#1 d#1" },
  "models of its own, and its own mistake": { more: '"models":["n"]', answers: { a: [400] }, expected: "invalid_request 400: a#1" },
  "fallbacks in a header": { headers: ["X-Tokligence-Fallbacks", "x, n"], answers: allDown, expected: "served: a#1 b#1 c#1 d#1" },
  "a strategy in a header": { headers: ["x-tokligence-strategy", "cheapest"], expected: "served: c#1" },
  "a strategy that does not exist": { headers: ["x-tokligence-strategy", "best"], expected: "invalid_request 400: " },
  "a provider that acts on them itself": { model: "o", more: '"models":["n"],"provider":{"only":["b"]}', expected: "served: openrouter#1" },
};

test("a request may say where it goes, within what is configured", async () => {
  const outcomes: Record<string, string> = {};
  for (const [name, { more, headers, model = "m", answers }] of Object.entries(cases)) {
    const scene = new Scene({ ...healthy, ...answers }, routes);
    Object.assign(scene.costBy, { a: 3_000n, b: 2_000n, c: 1_000n, d: 1_000n });
    if (name === "a highest price") scene.costBy["c"] = undefined;
    const body = `{"model":"${model}",${messages}${more === undefined ? "" : `,${more}`}}`;
    outcomes[name] = await scene.ask(model, new FakeExchange(body, headers));
  }
  assert.deepEqual(outcomes, Object.fromEntries(Object.entries(cases).map(([name, { expected }]) => [name, expected])));
});

test("what the gateway acts on is cut out of the body, and all else stays as it was sent", async () => {
  const bodies = {
    [`{"model":"m","models":["n"],${messages}}`]: `{"model":"m",${messages}}`,
    [`{ "provider" : {"only":["a"]} , "big": 12345678901234567890, "models": [ "n" ], "model":"m", ${messages}, "route":"fallback" }`]: `{  "big": 12345678901234567890, "model":"m", ${messages} }`,
    // Fields of another meaning.
    [`{"model":"m","provider":"a","models":{"x":1},${messages}}`]: `{"model":"m","provider":"a","models":{"x":1},${messages}}`,
    [`{"model":"o","models":["n"],"provider":{"only":["b"]},${messages}}`]: `{"model":"o","models":["n"],"provider":{"only":["b"]},${messages}}`,
  };
  const sent: string[] = [];
  for (const body of Object.keys(bodies)) {
    const scene = new Scene(healthy, routes);
    const exchange = new FakeExchange(body);
    await scene.ask("m", exchange);
    sent.push(scene.lastBody);
  }
  assert.deepEqual(sent, Object.values(bodies));
});

test("what the first target acts on itself is cut out of the body for the next one", async () => {
  const outcomes: Record<string, string> = {};
  for (const more of ['"models":["n"],"provider":{"only":["b"]},"route":"fallback"', '"provider":{"only":["b"]}', '"provider":"b"']) {
    const scene = new Scene({ ...healthy, openrouter: ["unreachable"] }, routes);
    const outcome = await scene.ask("o", new FakeExchange(`{"model":"o",${more},${messages}}`));
    outcomes[more] = `${outcome} ${scene.lastBody}`;
  }
  assert.deepEqual(outcomes, {
    '"models":["n"],"provider":{"only":["b"]},"route":"fallback"': `served: openrouter#1 a#1 {"model":"o",${messages}}`,
    '"provider":{"only":["b"]}': `served: openrouter#1 a#1 {"model":"o",${messages}}`,
    // A field of another meaning.
    '"provider":"b"': `served: openrouter#1 a#1 {"model":"o","provider":"b",${messages}}`,
  });
});

test("what a request excludes is not asked as a configured fallback either", async () => {
  const setup: Setup = {
    routes: [
      ["m", ["a", "b"]],
      ["n", ["d", "b"]],
    ],
    targets: { targets: { ...noTargetTable, fallbacks: [["m", { any: ["n"], context: ["n"] }]] } },
  };
  const outcomes: Record<string, string> = {};
  for (const more of [
    "",
    ',"provider":{"ignore":["d"]}',
    ',"provider":{"only":["a","d"]}',
    ',"provider":{"only":["a"]}',
    ',"provider":{"max_price":{"prompt":2.5}}',
    ',"provider":{"allow_fallbacks":false}',
    ',"provider":{"order":["a","d"],"allow_fallbacks":false}',
    ',"provider":{"ignore":["d"]},"models":["n"]',
  ]) {
    const scene = new Scene({ a: [413], b: [413], d: [200] }, setup);
    Object.assign(scene.costBy, { a: 2_000n, b: 1_000n, d: 3_000n });
    outcomes[more] = await scene.ask("m", new FakeExchange(`{"model":"m",${messages}${more}}`));
  }
  assert.deepEqual(outcomes, {
    "": "served: a#1 d#1",
    ',"provider":{"ignore":["d"]}': "invalid_request 413: a#1 b#1",
    ',"provider":{"only":["a","d"]}': "served: a#1 d#1",
    ',"provider":{"only":["a"]}': "invalid_request 413: a#1",
    ',"provider":{"max_price":{"prompt":2.5}}': "invalid_request 413: a#1 b#1",
    ',"provider":{"allow_fallbacks":false}': "invalid_request 413: a#1",
    ',"provider":{"order":["a","d"],"allow_fallbacks":false}': "served: a#1 d#1",
    ',"provider":{"ignore":["d"]},"models":["n"]': "invalid_request 413: a#1 b#1",
  });
});

test("the highest price of a request is compared with the price of short prompts, without what each request costs", async () => {
  const scene = new Scene(healthy, routes);
  const { ledger } = scene.world.deps;
  // $2 a million tokens, $4 for those of prompts of more than 200,000; $0.005 for each request.
  Object.assign(ledger, {
    cost: (_provider: string, _model: string, { input = 0, output = 0 }: { readonly input?: number; readonly output?: number }) =>
      5_000_000n + BigInt(input + output) * (input > 200_000 ? 4_000n : 2_000n),
  });
  const ask = (usd: number): Promise<string> =>
    scene.ask("m", new FakeExchange(`{"model":"m",${messages},"provider":{"max_price":{"prompt":${usd},"completion":${usd}}}}`));
  assert.deepEqual([await ask(2), await ask(1.9)], ["served: a#1", "model_not_found 404: "]);
});
