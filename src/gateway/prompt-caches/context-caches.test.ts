import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { asObjects, asString, type JsonObject } from "../../../tests/testbed/json.ts";
import { BudgetExceeded, type Budget } from "../../ledger/index.ts";
import { principal } from "../testing.ts";
import { CacheScene, closeCacheScenes } from "./context-cache-testing.ts";

afterEach(closeCacheScenes);

const words = (seed: string, tokens: number): string => `${seed} `.repeat(Math.ceil((tokens * 4) / (seed.length + 1)));
const user = (text: string): JsonObject => ({ role: "user", parts: [{ text }] });
const instructions = (text: string): JsonObject => ({ systemInstruction: { parts: [{ text }] } });

interface Session {
  readonly name: string;
  /** Tokens of the instructions, of the first turn, and of what each later one adds. */
  readonly sizes: readonly [number, number, number];
  readonly turns?: number;
  readonly tools?: boolean;
}

async function play(scene: CacheScene, { name, sizes: [fixed, first, added], turns = 20, tools = false }: Session): Promise<number> {
  const before = scene.cost();
  let contents: readonly JsonObject[] = [user(words(name, first))];
  const head = {
    ...instructions(words("You help.", fixed)),
    ...(tools ? { tools: [{ functionDeclarations: [{ name: "tool_0" }] }] } : {}),
  };
  for (let turn = 0; turn < turns; turn++) {
    const answer = await scene.ask({ ...head, contents });
    contents = [...contents, asObjects(answer["candidates"])[0]!["content"] as JsonObject, user(words(`turn ${turn}`, added))];
    scene.pass(20_000);
  }
  return scene.cost() - before;
}

test("a conversation of 20 turns about a long document costs at most a quarter once the key's conversations are known to go on, and the first one 30 %", async (t) => {
  const session: Session = { name: "document", sizes: [1000, 16_000, 20] };
  const plain = new CacheScene({ caching: "off" });
  const whole = await play(plain, session);
  const cached = new CacheScene();
  const shares: number[] = [];
  for (const name of ["document", "Document", "DOCUMENT"]) shares.push((await play(cached, { ...session, name })) / whole);
  t.diagnostic(shares.map((share) => `${(100 * share).toFixed(1)} %`).join(", "));
  assert.ok(shares[0]! <= 0.3 && shares[2]! <= 0.25, String(shares));
  // The entries are what the vendor bills.
  const bought = cached.world.closed.filter(({ lane }) => lane === "context-cache");
  const sum = (of: (usage: (typeof bought)[number]["usage"]) => number | undefined): number =>
    bought.reduce((all, { usage }) => all + (of(usage) ?? 0), 0);
  assert.deepEqual(cached.caches.bill, { created: sum(({ input }) => input), tokenHours: sum(({ units }) => units?.cache_storage) });
  assert.deepEqual(plain.caches.cacheCalls, []);
});

test("an agent whose turns add much to a short prompt costs less than half, although each longer cache is paid anew", async (t) => {
  const [plain, cached] = [new CacheScene({ caching: "off" }), new CacheScene()];
  const session: Session = { name: "agent", sizes: [8400, 1000, 300], tools: true };
  const share = (await play(cached, session)) / (await play(plain, session));
  t.diagnostic(`${(100 * share).toFixed(1)} %`);
  assert.ok(share < 0.5, String(share));
});

test("one-turn traffic never costs more than 5 % more than without caches", async () => {
  const kinds: Readonly<Record<string, (at: number) => JsonObject>> = {
    "prompts that share nothing": (at) => ({
      ...instructions(words(`system ${at}`, 5000)),
      contents: [user(words(`question ${at}`, 1000))],
    }),
    "prompts that share their instructions": (at) => ({
      ...instructions(words("system", 6000)),
      contents: [user(words(`question ${at}`, 1000))],
    }),
    "prompts that come twice": (at) => ({ ...instructions(words("system", 5000)), contents: [user(words(`question ${at >> 1}`, 1000))] }),
  };
  for (const [kind, bodyOf] of Object.entries(kinds)) {
    const costs: number[] = [];
    for (const caching of ["off", "auto"] as const) {
      const scene = new CacheScene({ caching });
      for (let at = 0; at < 24; at++) {
        await scene.ask(bodyOf(at));
        // Some come together, others long after.
        scene.pass(at % 4 < 2 ? 10_000 : 400_000);
      }
      costs.push(scene.cost());
    }
    assert.ok(costs[1]! <= costs[0]! * 1.05, `${kind}: ${costs[1]! / costs[0]!}`);
  }
});

test("conversations that end after two turns lose at most 5 % of what many of them cost", async () => {
  const [plain, cached] = [new CacheScene({ caching: "off" }), new CacheScene()];
  for (let pair = 0; pair < 30; pair++) {
    for (const scene of [plain, cached]) {
      await play(scene, { name: `pair ${pair}`, sizes: [100, 5000, 50], turns: 2 });
      scene.pass(400_000);
    }
  }
  assert.ok(cached.cost() <= plain.cost() * 1.05, `${cached.cost() / plain.cost()}`);
});

test("what the vendor finds by itself is not kept a second time", async () => {
  const scene = new CacheScene();
  scene.caches.isImplicit = true;
  await play(scene, { name: "found", sizes: [1000, 8000, 50], turns: 6 });
  assert.deepEqual(scene.caches.cacheCalls, []);
});

/** A conversation with these turns of its user after the first one. */
function conversation(...turns: readonly string[]): JsonObject {
  const answered = { role: "model", parts: [{ text: "The answer." }] };
  return {
    ...instructions(words("You help.", 1000)),
    contents: [user(words("long", 8000)), ...turns.flatMap((turn) => [answered, user(turn)])],
  };
}

const long: Session = { name: "long", sizes: [1000, 8000, 50], turns: 4 };

test("no cache is made with caching: off, at another base URL, without a price of storage, of a short prompt, or beside the client's own", async () => {
  const { cache_storage: _, ...unpriced } = { input: "0.75", output: "3.75", cache_read: "0.075", cache_storage: "0.5" };
  const scenes = [
    new CacheScene({ caching: "off" }),
    new CacheScene({ baseUrl: "https://gemini.example" }),
    new CacheScene({ prices: unpriced }),
  ];
  for (const scene of scenes) await play(scene, long);
  const short = new CacheScene();
  await play(short, { ...long, sizes: [1000, 2500, 50] });
  const own = new CacheScene();
  const body = { contents: [user(words("own", 8000))], cachedContent: "cachedContents/own" };
  for (let turn = 0; turn < 3; turn++) await own.ask(body);
  assert.deepEqual(
    [...scenes, short, own].map(({ caches }) => caches.cacheCalls),
    [[], [], [], [], []],
  );
  assert.deepEqual(own.caches.calls.at(-1)!.body, body);
});

test("what is sold to another gateway is not kept, as that pays for its answers alone", async () => {
  const scene = new CacheScene();
  const buyer = { ...principal, userId: "mkt_node", keyId: "" };
  for (const turns of [[], ["one"], ["one", "two"]]) await scene.ask(conversation(...turns), buyer);
  assert.deepEqual(scene.caches.cacheCalls, []);
});

test("a request whose cache is gone is sent again without it, once; neither the key nor the provider pays for that, and the cache is made anew", async () => {
  const scene = new CacheScene();
  const turns = ["one", "two", "three", "four", "five"];
  for (let count = 0; count < turns.length; count++) await scene.ask(conversation(...turns.slice(0, count)));
  scene.caches.forgetAll();
  scene.caches.calls.length = 0;
  const before = scene.entries.length;
  const answer = await scene.ask(conversation(...turns));
  assert.equal(asObjects(answer["candidates"]).length, 1);
  assert.deepEqual(scene.entries.slice(before), ["1 verbatim context_cache_gone", "2 verbatim ok", "1 context-cache ok"]);
  assert.deepEqual(
    scene.caches.calls.map(({ what, body }) => `${what.split(/[/:]/).at(-1)} ${asString(body["cachedContent"])}`),
    ["generateContent cachedContents/c1", "generateContent undefined", "cachedContents undefined"],
  );
  assert.deepEqual(scene.health, [0, 0, true]);
  await scene.ask(conversation(...turns, "six"));
  assert.equal(scene.caches.calls.at(-1)!.body["cachedContent"], "cachedContents/c2");
});

test("what a client has done wrong stays its own fault, and its cache stays", async () => {
  const scene = new CacheScene();
  for (const turns of [[], ["one"], ["one", "two"]]) await scene.ask(conversation(...turns));
  scene.caches.fault = "The schema is not one.";
  assert.deepEqual(await scene.ask(conversation("one", "two", "three")), { error: "The schema is not one." });
  scene.caches.fault = undefined;
  await scene.ask(conversation("one", "two", "four"));
  assert.equal(scene.caches.calls.at(-1)!.body["cachedContent"], "cachedContents/c1");
});

test("a refusal of the vendor is not asked for again within an hour; a least size that it names is", async () => {
  const scene = new CacheScene();
  scene.caches.refusal = { status: 429, message: "TotalCachedContentStorageTokensPerModelFreeTier limit exceeded" };
  await play(scene, { ...long, turns: 8 });
  assert.deepEqual(scene.caches.cacheCalls, ["POST /v1beta/cachedContents"]);
  scene.caches.refusal = undefined;
  scene.pass(3_600_000);
  await play(scene, { ...long, name: "later", turns: 4 });
  assert.equal(scene.caches.cacheCalls.length, 2);

  const other = new CacheScene();
  other.caches.refusal = { status: 400, message: "Cached content is too small. total_token_count=9000, min_total_token_count=32768" };
  await play(other, { ...long, turns: 8 });
  assert.equal(other.caches.cacheCalls.length, 1);
  assert.equal(other.entries.filter((entry) => entry.includes("context-cache upstream_error")).length, 1);
});

test("requests at the same time make one cache, and another key's requests do not refer to it", async () => {
  const scene = new CacheScene();
  await scene.ask(conversation());
  await Promise.all(["a", "b", "a", "a"].map((text) => scene.ask(conversation(text))));
  assert.equal(scene.caches.cacheCalls.length, 1);
  await scene.ask(conversation("a", "more"));
  await scene.ask(conversation("a", "more"), { ...principal, keyId: "k2" });
  const [own, foreign] = scene.caches.calls.slice(-2);
  const { contents, cachedContent } = own!.body;
  assert.deepEqual([contents, cachedContent], [asObjects(conversation("a", "more")["contents"]).slice(3), "cachedContents/c1"]);
  assert.deepEqual(foreign!.body, conversation("a", "more"));
});

test("a cache is kept for longer only while it is used", async () => {
  const used = new CacheScene();
  await play(used, { ...long, turns: 14 });
  assert.deepEqual(used.caches.cacheCalls, ["POST /v1beta/cachedContents", "PATCH /v1beta/cachedContents/c1"]);
  const [, extension] = used.world.closed.filter(({ lane }) => lane === "context-cache");
  // It had ended 300 s after its first turn, and ends 300 s after its extension: 180 s later, at 9,000 tokens.
  assert.deepEqual([extension!.usage.input, (extension!.usage.units?.cache_storage ?? 0) > 300], [0, true]);
  const left = new CacheScene();
  await play(left, { ...long, turns: 3 });
  left.pass(240_000);
  await play(left, { ...long, name: "another", turns: 2 });
  assert.equal(
    left.caches.cacheCalls.some((call) => call.startsWith("PATCH")),
    false,
  );
});

test("a cache counts in the budgets of the key whose request it follows: without room for it, none is made", async () => {
  for (const room of [true, false]) {
    const asked: string[] = [];
    const budgets = {
      of: () => [{ id: "b" } as Budget],
      hasTargets: false,
      ofTarget: () => undefined,
      reserve({ requestId, amountNanoUsd }: { readonly requestId: string; readonly amountNanoUsd: bigint }) {
        asked.push(`${requestId} ${amountNanoUsd > 6_000_000n}`);
        return room ? Promise.resolve([]) : Promise.reject(new BudgetExceeded({ id: "b" } as Budget, "No room."));
      },
      finished: (requestId: string, cost: bigint) => void asked.push(`${requestId} cost ${cost > 6_000_000n}`),
    };
    const scene = new CacheScene({ deps: { budgets: budgets as never } });
    await play(scene, { ...long, turns: 3 });
    assert.deepEqual(
      [asked, scene.caches.cacheCalls],
      room ? [["req_own_1 true", "req_own_1 cost true"], ["POST /v1beta/cachedContents"]] : [["req_own_1 true"], []],
    );
  }
});

test("of a prompt of very many turns nothing is kept: each would be hashed on the serving thread", async () => {
  for (const [turns, isKept] of [
    [4_900, true],
    [5_001, false],
  ] as const) {
    const scene = new CacheScene();
    const contents = Array.from({ length: turns }, () => user("several words of text"));
    for (let turn = 0; turn < 4; turn++) {
      contents.push(user(words(`turn ${turn}`, 30)));
      await scene.ask({ ...instructions(words("You help.", 9000)), contents });
      scene.pass(1000);
    }
    assert.equal(scene.caches.cacheCalls.length > 0, isKept, `${turns} turns`);
  }
});
