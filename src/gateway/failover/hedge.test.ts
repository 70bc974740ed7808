import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { GatewayError, Secret, shuttingDown } from "../../core/index.ts";
import {
  buildProviders,
  createCatalog,
  createProviderHealth,
  defaultResilience,
  noTargetTable,
  type Hedge,
  type UpstreamClient,
  type UpstreamHandler,
} from "../../upstream/index.ts";
import { receive } from "../admission/receive.ts";
import { createAttemptRegistry } from "../answers/attempt-registry.ts";
import type { ModelCall } from "../model-call.ts";
import { FakeExchange, fakeCall, fakeWorld, type FakeWorld } from "../testing.ts";
import { planHedge } from "./plan-hedge.ts";
import { planRequest } from "./plan-request.ts";
import { sendWithFailover } from "./send-with-failover.ts";

const usage = { prompt_tokens: 10, completion_tokens: 4, total_tokens: 14 };

/** A client that can leave. */
class LeavingExchange extends FakeExchange {
  #callback: () => void = () => undefined;

  override onLeave(callback: () => void): void {
    this.#callback = callback;
  }

  leave(): void {
    this.closed = true;
    this.#callback();
  }
}

interface Sent {
  readonly handler: UpstreamHandler;
  isAborted: boolean;
}

/** A model with the targets a, b and c, whose providers answer when the test says so, and a clock that the test moves. */
class Scene {
  readonly world: FakeWorld;
  readonly registry;
  readonly sent = new Map<string, Sent>();
  readonly #timers: { atMs: number; task: (() => void) | undefined }[] = [];

  constructor(hedge: Hedge) {
    const names = ["a", "b", "c"];
    const providers = buildProviders(
      names.map((name) => ({
        name,
        enabled: true,
        protocols: ["openai-chat" as const],
        baseUrl: "http://127.0.0.1:1/v1",
        keys: [new Secret(`sk-${name}`)],
      })),
    );
    this.world = fakeWorld({
      schedule: (delayMs, task) => {
        const timer = { atMs: this.world.nowMs + delayMs, task: task as (() => void) | undefined };
        this.#timers.push(timer);
        return () => {
          timer.task = undefined;
        };
      },
    });
    const { clock } = this.world.deps;
    this.registry = createAttemptRegistry(clock);
    const client: UpstreamClient = {
      dispatch: ({ provider }, handler) => {
        const sent = { handler, isAborted: false };
        this.sent.set(provider.name, sent);
        const abort = (): void => {
          sent.isAborted = true;
        };
        return { abort, pause: () => undefined, resume: () => undefined };
      },
      close: () => Promise.resolve(),
    };
    const targets = names.map((name) => ({ model: `${name}/m`, weight: 1 }));
    const snapshot = {
      ...this.world.deps.current(),
      resilience: defaultResilience,
      catalog: createCatalog({
        providers,
        routes: [],
        aliases: new Map(),
        targets: { ...noTargetTable, models: new Map([["m", { targets, hedge }]]) },
      }),
      client,
    };
    Object.assign(this.world.deps, {
      activeAttempts: this.registry,
      providerHealth: createProviderHealth({ clock }),
      keyHealth: createProviderHealth({ clock }),
      current: () => snapshot,
    });
    scenes.push(this);
  }

  /** One request. Resolves when it is over; its ModelCall is `call`. */
  async ask(body: object = {}, exchange: FakeExchange = this.exchange(body)): Promise<{ call: ModelCall; outcome: Promise<string> }> {
    const call = fakeCall(this.world, exchange);
    await receive(call);
    call.plan = planRequest(call);
    planHedge(call);
    const outcome = sendWithFailover(call, call.plan.attempts).then(
      () => "served",
      (error: unknown) => (error instanceof GatewayError ? `${error.code} ${error.status}` : String(error)),
    );
    await settle();
    return { call, outcome };
  }

  exchange(body: object = {}): LeavingExchange {
    return new LeavingExchange(JSON.stringify({ model: "m", messages: [{ role: "user", content: "hi" }], ...body }));
  }

  async pass(ms: number): Promise<void> {
    this.world.nowMs += ms;
    for (const timer of this.#timers) {
      if (timer.task === undefined || timer.atMs > this.world.nowMs) continue;
      const { task } = timer;
      timer.task = undefined;
      task();
    }
    await settle();
  }

  /** The provider's whole answer, or its refusal. */
  async answer(name: string, status = 200): Promise<void> {
    const { handler } = this.sent.get(name)!;
    const choices = [{ index: 0, message: { role: "assistant", content: `from ${name}` }, finish_reason: "stop" }];
    const body = status === 200 ? { object: "chat.completion", model: "m", choices, usage } : { error: { message: "No." } };
    handler.onHead(status, ["content-type", "application/json"]);
    handler.onData(Buffer.from(JSON.stringify(body)));
    handler.onEnd();
    await settle();
  }

  async stream(name: string, ...contents: readonly string[]): Promise<void> {
    const { handler } = this.sent.get(name)!;
    handler.onHead(200, ["content-type", "text/event-stream"]);
    for (const content of contents) {
      const choices = [{ index: 0, delta: { content } }];
      handler.onData(Buffer.from(`data: ${JSON.stringify({ object: "chat.completion.chunk", model: "m", choices })}\n\n`));
    }
    await settle();
  }

  /** Which providers were asked, `-`: and aborted. */
  get asked(): string {
    return [...this.sent].map(([name, { isAborted }]) => (isAborted ? `${name}-` : name)).join(" ");
  }

  /** `1 a cancelled hedge_lost 10+0`: the entries as they were closed. */
  get entries(): readonly string[] {
    return this.world.closed.map(
      ({ attempt, provider, status, errorCode, usage: used, usageSource }) =>
        `${attempt} ${provider} ${status} ${errorCode ?? "-"} ${used.input ?? "-"}+${used.output ?? "-"} ${usageSource}`,
    );
  }
}

const scenes: Scene[] = [];
afterEach(() => {
  for (const { registry } of scenes.splice(0)) registry.close();
});

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

test("a second target is asked after the delay; its content comes first, and the first target is cancelled", async () => {
  const scene = new Scene(500);
  const exchange = scene.exchange();
  const { call, outcome } = await scene.ask({}, exchange);
  await scene.pass(499);
  assert.equal(scene.asked, "a");
  await scene.pass(1);
  assert.equal(scene.asked, "a b");
  await scene.answer("b");
  assert.equal(await outcome, "served");
  assert.equal(scene.asked, "a- b");
  assert.deepEqual(scene.entries, ["1 a cancelled hedge_lost 10+0 estimated", "2 b ok - 10+4 reported"]);
  assert.equal(scene.world.opened[1]!.attemptReason, "hedge");
  assert.deepEqual(
    [call.attempts, call.attempt?.provider.name, call.failures],
    [2, "b", [{ reason: "hedge_lost", provider: "a", model: "m" }]],
  );
  assert.match(exchange.sent.join(), /^200 .*attempts.*from b/);
  assert.equal(exchange.sent.length, 1);
  const { asked, won, lostNanoUsd } = scene.world.deps.hedges;
  assert.deepEqual([asked, won, lostNanoUsd], [1, 1, 5n]);
});

test("if the first target has content first, the second one is cancelled", async () => {
  const scene = new Scene(500);
  const { call, outcome } = await scene.ask();
  await scene.pass(500);
  await scene.pass(300);
  await scene.answer("a");
  assert.equal(await outcome, "served");
  assert.equal(scene.asked, "a b-");
  assert.deepEqual(scene.entries, ["2 b cancelled hedge_lost 10+0 estimated", "1 a ok - 10+4 reported"]);
  assert.deepEqual([call.attempts, call.attempt?.provider.name, scene.world.deps.hedges.won], [2, "a", 0]);
});

test("an answer within the delay asks no other target", async () => {
  const scene = new Scene(500);
  const { call, outcome } = await scene.ask();
  await scene.pass(400);
  await scene.answer("a");
  assert.equal(await outcome, "served");
  await scene.pass(1000);
  assert.deepEqual([scene.asked, call.attempts, call.failures, scene.world.deps.hedges.asked], ["a", 1, undefined, 0]);
});

test("of a stream, the head is no content: whichever has content first answers, and what it then sends is all that the client gets", async () => {
  const scene = new Scene(500);
  const exchange = scene.exchange({ stream: true });
  await scene.ask({}, exchange);
  await scene.stream("a");
  await scene.pass(500);
  assert.equal(scene.asked, "a b");
  // Longer than a head is held back otherwise.
  scene.registry.close();
  await scene.pass(20_000);
  assert.deepEqual(exchange.sent, []);
  await scene.stream("b", "from b");
  await scene.stream("a", "from a");
  assert.equal(scene.asked, "a- b");
  assert.deepEqual(
    [exchange.sent[0], exchange.sent.join().includes("from b"), exchange.sent.join().includes("from a")],
    ["head 200", true, false],
  );
  scene.sent.get("b")!.handler.onData(Buffer.from("data: [DONE]\n\n"));
  await settle();
  assert.deepEqual(
    scene.world.closed.map(({ attempt, status }) => `${attempt} ${status}`),
    ["1 cancelled", "2 ok"],
  );
});

test("an attempt that fails leaves the other one to answer; if both fail, the next target is asked", async () => {
  const one = new Scene(500);
  const first = await one.ask();
  await one.pass(500);
  await one.answer("a", 503);
  assert.equal(one.asked, "a b");
  await one.answer("b");
  assert.equal(await first.outcome, "served");
  assert.deepEqual(first.call.failures, [{ reason: "overloaded", provider: "a", model: "m" }]);
  assert.deepEqual([first.call.attempts, first.call.lost], [2, undefined]);

  const both = new Scene(500);
  const second = await both.ask();
  await both.pass(500);
  await both.answer("b", 503);
  await both.answer("a", 500);
  assert.equal(both.asked, "a b c");
  await both.pass(5000);
  await both.answer("c");
  assert.equal(await second.outcome, "served");
  assert.deepEqual(
    second.call.failures?.map(({ reason, provider }) => `${reason} ${provider}`),
    ["overloaded b", "broken a"],
  );
  assert.deepEqual(both.entries, ["2 b error upstream_error -+- none", "1 a error upstream_error -+- none", "3 c ok - 10+4 reported"]);
});

test("a failure within the delay goes to the next target at once, which may be hedged in its place", async () => {
  const scene = new Scene(500);
  const { outcome } = await scene.ask();
  await scene.pass(100);
  await scene.answer("a", 503);
  assert.equal(scene.asked, "a b");
  await scene.pass(400);
  assert.equal(scene.asked, "a b");
  await scene.pass(100);
  assert.equal(scene.asked, "a b c");
  await scene.answer("c");
  assert.equal(await outcome, "served");
  assert.equal(scene.asked, "a b- c");
});

test("a client that leaves, and a shutdown, end both attempts", async () => {
  const left = new Scene(500);
  const exchange = left.exchange();
  const gone = await left.ask({}, exchange);
  await left.pass(500);
  exchange.leave();
  assert.equal(await gone.outcome, "served");
  assert.equal(left.asked, "a- b-");
  const estimate = "10+0 estimated";
  assert.deepEqual(left.entries, [`1 a cancelled client_closed_request ${estimate}`, `2 b cancelled client_closed_request ${estimate}`]);
  assert.notEqual(gone.call.lost, undefined);

  const ended = new Scene(500);
  const cut = await ended.ask();
  await ended.pass(500);
  ended.registry.terminateAll(shuttingDown());
  assert.equal(await cut.outcome, "shutting_down 503");
  assert.equal(ended.asked, "a- b-");
});

test("no more second attempts are made than the retry budget allows", async () => {
  const scene = new Scene(500);
  const requests = 100;
  for (let count = 0; count < requests; count++) {
    const { outcome } = await scene.ask();
    await scene.pass(500);
    await scene.answer("a");
    assert.equal(await outcome, "served");
  }
  const { asked } = scene.world.deps.hedges;
  assert.ok(asked <= 0.2 * requests + 10 && asked > 0.1 * requests, `${asked}`);
});

test("a request with side effects at its provider is never sent twice", async () => {
  const bodies = {
    "stored at the provider": { store: true },
    "a search of the provider": { web_search_options: {} },
    "OpenRouter's tool": { tools: [{ type: "openrouter:web_search" }] },
    "a tool server": { tools: [{ type: "mcp", server_url: "https://x" }] },
    "code that the provider runs": { tools: [{ type: "code_interpreter" }] },
    "an image": { tools: [{ type: "image_generation" }] },
    "Google's search": { tools: [{ googleSearch: {} }] },
    "a tool server of Messages": { mcp_servers: [{ url: "https://x" }] },
    "the client's own tool": { tools: [{ type: "function", function: { name: "web_search", parameters: {} } }] },
    "nothing of all that": { store: false },
  };
  const outcomes: Record<string, string> = {};
  for (const [what, body] of Object.entries(bodies)) {
    const scene = new Scene(500);
    await scene.ask(body);
    await scene.pass(500);
    outcomes[what] = scene.asked;
  }
  assert.deepEqual(outcomes, {
    ...Object.fromEntries(Object.keys(bodies).map((what) => [what, "a"])),
    "the client's own tool": "a b",
    "nothing of all that": "a b",
  });
});

test("p95: the second target is asked after the time in which 95 % of the first one's answers came, once 20 were measured", async () => {
  const scene = new Scene("p95");
  for (let count = 1; count <= 20; count++) {
    const { outcome } = await scene.ask();
    await scene.pass(count * 100);
    assert.equal(scene.asked, "a");
    await scene.answer("a");
    await outcome;
  }
  const { outcome } = await scene.ask();
  await scene.pass(1899);
  assert.equal(scene.asked, "a");
  await scene.pass(1);
  assert.equal(scene.asked, "a b");
  await scene.answer("b");
  await outcome;
  // What a had written of its answer by then is paid for: 4 tokens take 1,050 ms on average.
  assert.equal(scene.entries.at(-2), "1 a cancelled hedge_lost 10+4 estimated");
});
