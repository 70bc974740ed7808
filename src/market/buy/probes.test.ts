import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { protocols } from "../../protocols/index.ts";
import { buildProviders, type UpstreamHandler, type UpstreamRequest } from "../../upstream/index.ts";
import { buyerKey, deskScene, type DeskScene } from "../desk-testing.ts";
import { Probes } from "./probes.ts";
import { SellerRecord } from "./seller-record.ts";

interface Answer {
  readonly status?: number;
  readonly text?: string;
  readonly finish?: string;
  readonly output?: number;
}

let scene: DeskScene;
let offer: ReturnType<DeskScene["known"]>;

before(async () => {
  scene = await deskScene();
  offer = scene.known();
});
after(() => scene.close());
beforeEach(async () => {
  await scene.store.db.deleteFrom("market_trades").execute();
});

/** Sellers by name: what they answer, and the context that they claim. Those whose name is in `plaza` sell over an exchange. */
function probing(
  sellers: Readonly<Record<string, (prompt: string) => Answer>>,
  { context = 0, plaza = [] }: { readonly context?: number; readonly plaza?: readonly string[] } = {},
) {
  const state = { nowMs: 1_800_000_000_000, asked: [] as string[], prompts: [] as string[], record: new SellerRecord() };
  const settings = { enabled: true, protocols: ["openai-chat" as const], baseUrl: "http://127.0.0.1:1/v1", keys: [], models: ["m"] };
  const named = (name: string) => buildProviders([{ ...settings, name }]).find((one) => one.name === name)!;
  const peers = Object.keys(sellers).filter((name) => !plaza.includes(name));
  const exchange = { ...named("@plaza"), isExchange: true };
  const choice = (node: string, clearing: string) =>
    ({
      seller: { node: { node }, peer: { node: clearing } },
      offer: { ...offer, body: { ...offer.body, seller: node, context } },
    }) as never;
  const { store } = scene;
  const probes = new Probes({
    store,
    book: {
      providers: () => [...peers.map((name) => named(`@${name}`)), ...(plaza.length > 0 ? [exchange] : [])],
      offersOf: (name) => (name === "@plaza" ? plaza.map((node) => choice(node, "plaza")) : [choice(name.slice(1), name.slice(1))]),
      price: () => offer.body.price,
    },
    problem: ({ seller }) => (seller.node.node === "avoided" ? "one of its receipts was refused" : undefined),
    record: state.record,
    protocols,
    settings: () => ({ probeShare: 0.01 }),
    dispatch(request: UpstreamRequest, handler: UpstreamHandler, seller: string) {
      state.asked.push(`${request.provider.name} ${seller} ${request.market}`);
      const { messages } = JSON.parse(String(request.body)) as { readonly messages: readonly [{ readonly content: string }] };
      state.prompts.push(messages[0].content);
      const { status = 200, text = "1 2 3", finish = "stop", output = 10 } = sellers[seller]!(messages[0].content);
      const choices = [{ index: 0, message: { role: "assistant", content: text }, finish_reason: finish }];
      const usage = { prompt_tokens: 20, completion_tokens: output, total_tokens: 20 + output };
      const body =
        status === 200 ? { id: "c", object: "chat.completion", created: 1, model: "m", choices, usage } : { error: { message: "" } };
      queueMicrotask(() => {
        handler.onHead(status, []);
        handler.onData(Buffer.from(JSON.stringify(body)));
        handler.onEnd();
      });
      return { abort: () => undefined, pause: () => undefined, resume: () => undefined };
    },
    now: () => state.nowMs,
    random: () => 0.5,
  });
  return Object.assign(state, {
    run: () => probes.run(),
    /** Each is ten minutes later. */
    async runLater(times: number): Promise<void> {
      for (let time = 0; time < times; time++) {
        state.nowMs += 600_000;
        await probes.run();
      }
    },
    async spend(requestId: string, cost: bigint, clearing = "n"): Promise<void> {
      const columns = ["lease", "seq", "request_id", "clearing", "seller", "model", "cost_nano_usd", "state", "at_ms", "receipt"];
      await store.insertRows("market_trades", columns, [[requestId, 1, requestId, clearing, "n", "m", cost, "acked", state.nowMs, ""]]);
    },
    score: (seller: string): string => state.record.score(seller, "m", state.nowMs).toFixed(2),
  });
}

const counts = (): Answer => ({ finish: "length", output: 16 });
const rambles = (): Answer => ({ finish: "stop", output: 40 });

test("probes cost at most their share of what was spent, go to each peer in turn, and show whether a limit is kept", async () => {
  const probes = probing({ bob: counts, eve: rambles, avoided: counts });
  await probes.run();
  await probes.runLater(1);
  assert.deepEqual(probes.asked, []);
  // One per cent of it pays for many.
  await probes.spend("req_1", 1_000_000_000n);
  await probes.runLater(1);
  // A comparison of the two has its turn between.
  await probes.runLater(2);
  await probes.run();
  assert.deepEqual(probes.asked, ["@bob bob peers", "@bob bob peers", "@eve eve peers", "@eve eve peers"]);
  assert.deepEqual([probes.score("bob"), probes.score("eve")], ["0.80", "0.36"]);
  // What probes have cost is what they may.
  await probes.spend("probe_1", 10_000_000n);
  await probes.runLater(1);
  assert.equal(probes.asked.length, 4);
});

test("a number hidden in as long a text as is claimed shows a shorter context, and a refusal of the text does as well", async () => {
  const number = (prompt: string): string => /green door is (\d+)/.exec(prompt)?.[1] ?? "";
  const probes = probing(
    {
      honest: (prompt) => (prompt.startsWith("Count") ? counts() : { text: `It is ${number(prompt)}.` }),
      // It has read the end alone.
      short: (prompt) => (prompt.startsWith("Count") ? counts() : { text: number(prompt.slice(-2000)) || "I do not know." }),
      refusing: (prompt) => (prompt.startsWith("Count") ? counts() : { status: 400 }),
      thinking: (prompt) => (prompt.startsWith("Count") ? counts() : { text: "Let me think about", finish: "length" }),
    },
    { context: 4096 },
  );
  await probes.spend("req_1", 100_000_000_000n);
  await probes.runLater(14);
  const needles = probes.prompts.filter((prompt) => prompt.includes("green door"));
  assert.equal(needles.length, 4);
  // Seven tenths of the claimed context, by the letters of English.
  assert.ok(needles.every(({ length }) => length > 4096 * 0.7 * 3 && length < 4096 * 0.7 * 5));
  assert.deepEqual(
    ["honest", "short", "refusing", "thinking"].map((seller) => probes.score(seller)),
    ["0.80", "0.40", "0.40", "0.80"],
  );
});

test("a seller whose answers begin otherwise than those of two others is found; of two nobody is", async () => {
  const says =
    (text: string) =>
    (prompt: string): Answer =>
      prompt.startsWith("Count") ? counts() : { text: `${text} ${prompt}` };
  const probes = probing({ one: says("Once"), two: says("Once"), other: says("Twice") });
  await probes.spend("req_1", 100_000_000_000n);
  await probes.runLater(80);
  const isOther = (): readonly boolean[] => ["one", "two", "other"].map((seller) => probes.record.answersOtherwise(seller, "m"));
  assert.deepEqual(isOther(), [false, false, true]);
  assert.deepEqual([probes.score("one"), probes.score("other")], ["0.80", "0.40"]);
  const pair = probing({ one: says("Once"), other: says("Twice") });
  await pair.runLater(80);
  assert.deepEqual([pair.score("one"), pair.score("other")], ["0.80", "0.80"]);
});

test("sellers of an exchange are probed one by one, once something was bought there", async () => {
  const probes = probing({ bob: counts, carol: counts }, { plaza: ["bob", "carol"] });
  await probes.spend("req_1", 1_000_000_000n, buyerKey.id);
  await probes.runLater(1);
  assert.deepEqual(probes.asked, []);
  await probes.spend("req_2", 1_000_000_000n, "plaza");
  await probes.runLater(3);
  assert.deepEqual(new Set(probes.asked), new Set(["@plaza bob any", "@plaza carol any"]));
  assert.deepEqual(probes.asked.length, 4);
});
