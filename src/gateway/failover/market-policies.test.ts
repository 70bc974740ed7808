import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError, GlobList, marketScopes, type MarketScope } from "../../core/index.ts";
import { buildProviders, createCatalog, isMarketProvider, noTargetTable, planAttempts, type Plan } from "../../upstream/index.ts";
import type { Buying } from "../deps.ts";
import { receive } from "../admission/receive.ts";
import { fakeCall, FakeExchange, fakeWorld, principal } from "../testing.ts";
import { planRequest } from "./plan-request.ts";

const providers = buildProviders(
  ["own", "other", "@bob", "@eve"].map((name) => ({
    name,
    enabled: true,
    protocols: ["openai-chat" as const],
    baseUrl: "http://127.0.0.1:1/v1",
    keys: [],
    models: ["m", "n"],
  })),
);
const both = { always: ["@bob/m", "own/n"], context: ["@eve/n"] };

/** Catalogs in which other gateways are targets in every way that a configuration has. */
const catalogs = [
  createCatalog({ providers, routes: [], aliases: new Map([["fast", "@bob/m"]]) }),
  createCatalog({ providers, routes: [["*", ["own", "@bob", "other"]]], aliases: new Map([["fast", "own/m"]]) }),
  createCatalog({
    providers,
    routes: [["m", ["own"]]],
    aliases: new Map([["fast", "@eve/n"]]),
    targets: { ...noTargetTable, fallbacks: [["*", { any: both.always, context: both.context }]] },
  }),
];

const models = ["m", "n", "fast", "own/m", "@bob/m", "@eve/n", "other/n"];
const world = fakeWorld();

test("with 10,000 random policies no request that is marked private has a target that is another gateway", async () => {
  let state = 5;
  const pick = <T>(values: readonly T[]): T => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return values[Math.floor((state / 4_294_967_296) * values.length)]!;
  };
  const counts = { away: 0, kept: 0, refused: 0 };
  const buyings = [undefined, carelessBuying(true), carelessBuying(false)];
  const snapshots = catalogs.flatMap((catalog) => buyings.map((buying) => ({ ...world.deps.current(), catalog, buying })));
  for (let round = 0; round < 10_000; round++) {
    const key = pick<MarketScope | undefined>([undefined, ...marketScopes]);
    const header = pick<string | undefined>([undefined, undefined, ...marketScopes, " off "]);
    const headers = header === undefined ? [] : [pick(["x-tokligence-market", "X-Tokligence-Market"]), header];
    if (pick([true, false, false])) headers.push("x-tokligence-fallbacks", `${pick(models)}, ${pick(models)}`);
    if (pick([true, false, false])) headers.push("x-tokligence-strategy", pick(["cheapest", "fastest", "priority"]));
    const lists = pick([undefined, undefined, [new GlobList(["*"])], [new GlobList(["@bob/*", "m"])]]);
    const body: Record<string, unknown> = { model: pick(models), messages: [] };
    if (pick([true, false, false])) body["models"] = [pick(models), pick(models)];
    if (pick([true, false, false]))
      body["provider"] = { order: [pick(["@bob", "own"])], only: pick([undefined, ["@bob", "own"], ["@eve"]]) };
    const sender = { ...principal, ...(key === undefined ? {} : { market: key }), ...(lists === undefined ? {} : { modelLists: lists }) };
    const plan = await planOf(pick(snapshots), new FakeExchange(JSON.stringify(body), headers), sender);
    if (plan === undefined) {
      counts.refused++;
      continue;
    }
    const isAway = targetsOf(plan).some(isMarketProvider);
    if (isAway && (key === "off" || header?.trim() === "off"))
      assert.fail(JSON.stringify({ key, headers, body, targets: targetsOf(plan) }));
    counts[isAway ? "away" : "kept"]++;
  }
  // The policies are of use only if a good part of the other requests may go.
  assert.ok(counts.away > 2000 && counts.kept > 1000, JSON.stringify(counts));
});

/** Adds other gateways to every plan, however private: the plan of a request that must stay has none of them all the same. */
function carelessBuying(isFirst: boolean): Buying {
  return {
    extend(plan, { catalog, input }) {
      const attempts = ["@bob/m", "@eve/n"].flatMap((model) => planAttempts(catalog, { ...input, model }));
      return {
        ...plan,
        attempts: isFirst ? [...attempts, ...plan.attempts] : [...plan.attempts, ...attempts],
        bought: { attempts, isFirst },
      };
    },
  };
}

test("a gateway on which no model has a policy looks at one field for each request, and its plans are those of the catalog", async () => {
  let looked = 0;
  const snapshot = Object.defineProperty({ ...world.deps.current(), catalog: catalogs[1]! }, "buying", {
    get: () => {
      looked += 1;
      return undefined;
    },
  });
  const exchange = new FakeExchange('{"model":"m","messages":[]}');
  const plan = await planOf(snapshot, exchange, { ...principal, market: "any" });
  assert.equal(looked, 1);
  // Not even a copy is made.
  const input = { model: "m", clientProtocol: "openai-chat", operation: "generate", workMode: "auto" } as const;
  assert.equal(plan?.attempts[0], catalogs[1]!.plan(input).attempts[0]);
  const own = { ...snapshot, catalog: createCatalog({ providers: providers.slice(0, 2), routes: [], aliases: new Map() }) };
  assert.equal(await planOf(own, exchange, principal), own.catalog.plan(input));
});

async function planOf(
  snapshot: ReturnType<typeof world.deps.current>,
  exchange: FakeExchange,
  sender: typeof principal,
): Promise<Plan | undefined> {
  const call = fakeCall({ deps: { ...world.deps, current: () => snapshot } }, exchange, undefined, sender);
  await receive(call);
  try {
    return planRequest(call);
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}

function targetsOf({ attempts, fallbacks = {} }: Plan): readonly string[] {
  const others = Object.values(fallbacks).flatMap((list) => list.flatMap((fallback) => fallback.attempts));
  return [...attempts, ...others].map(({ provider }) => provider.name);
}

test("a word that is misspelt lets no request out, and what cannot be served here says why", async () => {
  const snapshot = { ...world.deps.current(), catalog: catalogs[0]! };
  const errorOf = async (headers: readonly string[], market?: MarketScope): Promise<unknown> => {
    const exchange = new FakeExchange('{"model":"@bob/m","messages":[]}', headers);
    const sender = market === undefined ? principal : { ...principal, market };
    const call = fakeCall({ deps: { ...world.deps, current: () => snapshot } }, exchange, undefined, sender);
    await receive(call);
    try {
      planRequest(call);
      return "planned";
    } catch (error) {
      return error instanceof GatewayError ? `${error.code}: ${error.message}` : error;
    }
  };
  assert.deepEqual(
    [
      await errorOf([]),
      await errorOf(["x-tokligence-market", "of"]),
      await errorOf(["x-tokligence-market", "off"]),
      await errorOf([], "off"),
    ],
    [
      "planned",
      "invalid_request: Invalid value for the header x-tokligence-market: expected one of off, peers, any.",
      'model_not_allowed: The header x-tokligence-market keeps this request here, and "@bob/m" is served by one.',
      'model_not_allowed: Requests of this API key go to no other gateway, and "@bob/m" is served by one.',
    ],
  );
});
