import assert from "node:assert/strict";
import { test } from "node:test";
import { buildProviders, createCatalog, type PlanInput } from "../../upstream/index.ts";
import type { BuySettings } from "./buy-section.ts";
import { MarketBuying, type BuyingDeps } from "./buying.ts";
import type { Choice } from "./choose.ts";
import type { ModelPolicy, Policies } from "./policies.ts";
import { SellerRecord } from "./seller-record.ts";

const input: PlanInput = { model: "m", clientProtocol: "openai-chat", operation: "generate", workMode: "auto" };
const settings: BuySettings = {
  hasTools: false,
  opensAnswers: false,
  keyless: "peers",
  policies: new Map(),
  maxPrices: new Map(),
  substitutes: new Map(),
  minSaving: 0.15,
  perDay: undefined,
  perPeer: undefined,
  regions: [],
  quantizations: [],
  probeShare: 0,
};

function offer(seller: string, rate: number, more: object = {}, role = "peer"): Choice {
  const price = { input: String(rate * 1e9), output: String(rate * 1e9), cache_read: "0" };
  const body = { model: "m", price, free: 1, context: 8000, until: 1000, features: ["tools"], quantization: "", ...more };
  return {
    seller: { node: { node: seller }, peer: { node: seller, role } },
    offer: { body: { policy: { region: "eu" }, ...body }, hash: seller },
  } as unknown as Choice;
}

/** The own target `own/m` has a price of 2 US dollars a million tokens; each of the others sells m. */
function scene(policy: Partial<ModelPolicy>, offers: readonly (readonly [string, Choice])[], more: Partial<BuyingDeps> = {}) {
  const names = ["own", ...new Set(offers.map(([name]) => name))];
  const providers = buildProviders(
    names.map((name) => ({
      name,
      enabled: true,
      protocols: ["openai-chat" as const],
      baseUrl: "http://127.0.0.1:1/v1",
      keys: [],
      models: name === "@sub" ? ["other"] : ["m"],
    })),
  );
  const catalog = createCatalog({ providers, routes: [], aliases: new Map() });
  const rule: ModelPolicy = { model: "m", policy: "spill", maxPrice: undefined, minSaving: undefined, source: "command", ...policy };
  const record = new SellerRecord();
  const buying = new MarketBuying({
    policies: { of: (model: string) => (model === "m" ? rule : undefined) } as unknown as Policies,
    book: {
      providers: () => providers.filter(({ name }) => name.startsWith("@")),
      offersOf: (name, model) => offers.filter(([of, { offer: one }]) => of === name && one.body.model === model).map(([, one]) => one),
    },
    record,
    ledger: { cost: (_name, _model, { input: asked = 0, output = 0 }) => BigInt(asked + output) * 2000n },
    settings: () => settings,
    problem: () => undefined,
    now: () => 10,
    random: () => 0,
    ...more,
  });
  const orderOf = (text = '{"model":"m"}', scope: "peers" | "any" = "peers"): string => {
    const plan = buying.extend(catalog.plan(input), { catalog, input, text: text as never, scope });
    return plan.attempts.map(({ provider }) => provider.name).join(" ");
  };
  const reasonsOf = (hasTools = false): Record<string, string | undefined> => {
    const asked = { inputTokens: 1000, hasTools, scope: "any" as const };
    const { groups } = buying.consider(catalog.plan(input), { catalog, input, asked });
    return Object.fromEntries(groups.flatMap(({ offers: all }) => all.map(({ choice, reason }) => [choice.seller.node.node, reason])));
  };
  return { orderOf, reasonsOf, record };
}

// A new seller is expected to answer four of five requests, so 1.3 counts as 1.625.
test("spill asks others last, prefer first, and cheaper first where enough is saved", () => {
  const orders = (policy: ModelPolicy["policy"], rate: number): string => scene({ policy }, [["@bob", offer("bob", rate)]]).orderOf();
  assert.deepEqual(
    [orders("off", 1), orders("spill", 9), orders("prefer", 9), orders("cheaper", 1.3), orders("cheaper", 1.4), orders("cheaper", 9)],
    ["own", "own @bob", "@bob own", "@bob own", "own", "own"],
  );
  assert.equal(scene({ policy: "cheaper", minSaving: 0.05 }, [["@bob", offer("bob", 1.5)]]).orderOf(), "@bob own");
  // What nobody knows the price of is not known to be dearer.
  const unpriced = { ledger: { cost: () => undefined } };
  assert.equal(scene({ policy: "cheaper" }, [["@bob", offer("bob", 0.1)]], unpriced).orderOf(), "own");
});

test("at most two others are asked, drawn from the three cheapest", () => {
  const offers = ["a", "b", "c", "d"].map((name, index) => [`@${name}`, offer(name, index + 1)] as const);
  const seen = new Set<string>();
  for (let step = 0; step < 50; step++) seen.add(scene({}, offers, { random: () => (step + 0.5) / 50 }).orderOf());
  assert.deepEqual([...seen].toSorted(), ["own @a @b", "own @a @c", "own @b @a", "own @b @c", "own @c @b"]);
});

test("an offer that does not fit is not asked, and the reason is said", () => {
  const { reasonsOf, record } = scene({ maxPrice: 2_000_000_000n }, [
    ["@good", offer("good", 1)],
    ["@dear", offer("dear", 3)],
    ["@short", offer("short", 1, { context: 10 })],
    ["@plain", offer("plain", 1, { features: [] })],
    ["@full", offer("full", 1, { free: 0 })],
    ["@ended", offer("ended", 1, { until: 10 })],
    ["@bad", offer("bad", 1)],
    ["@plaza", offer("anybody", 1, {}, "exchange")],
  ]);
  for (let times = 0; times < 8; times++) record.add("bad", "m", false, 1);
  assert.deepEqual(reasonsOf(true), {
    good: undefined,
    dear: "it is dearer than the most that the policy pays",
    short: "its context of 10 tokens is too short",
    plain: "it offers no tools",
    full: "all its places are taken",
    ended: "its offer has ended",
    bad: "its score of 0.31 is below 0.6",
    anybody: "requests with tools do not go to exchanges (market.buy.tools)",
  });
  const strict = { settings: () => ({ ...settings, regions: ["us"] }) };
  assert.deepEqual(scene({}, [["@good", offer("good", 1)]], strict).reasonsOf(), { good: "it is in none of market.buy.regions" });
});

test("exchanges get only requests whose key allows it, and no tools; another name is bought only as a substitute", () => {
  const plaza = scene({}, [["@plaza", offer("anybody", 1, {}, "exchange")]]);
  assert.deepEqual([plaza.orderOf(), plaza.orderOf(undefined, "any")], ["own", "own @plaza"]);
  assert.equal(plaza.orderOf('{"model":"m","tools":[{"type":"function"}]}', "any"), "own");
  const other: readonly (readonly [string, Choice])[] = [["@sub", offer("sub", 1, { model: "other" })]];
  assert.equal(scene({}, other).orderOf(), "own");
  const allowed = { settings: () => ({ ...settings, substitutes: new Map([["m", ["other"]]]) }) };
  assert.equal(scene({}, other, allowed).orderOf(), "own @sub");
});
