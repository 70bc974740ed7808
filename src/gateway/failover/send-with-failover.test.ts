import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { GatewayError, Secret, shuttingDown } from "../../core/index.ts";
import {
  buildProviders,
  createCatalog,
  createProviderHealth,
  defaultResilience,
  noTargetTable,
  planModel,
  RetryBudget,
  type ModelRoute,
  type Plan,
  type TargetTable,
  type UpstreamClient,
  type UpstreamFailureKind,
} from "../../upstream/index.ts";
import { receive } from "../admission/receive.ts";
import { createAttemptRegistry, type AttemptRegistry } from "../answers/attempt-registry.ts";
import type { GatewaySnapshot } from "../deps.ts";
import { FakeExchange, fakeCall, fakeWorld, type FakeWorld } from "../testing.ts";
import type { ModelCall } from "../model-call.ts";
import { sendWithFailover } from "./send-with-failover.ts";

/** What a provider answers: a status, or a failure on the wire. */
type Answer = number | UpstreamFailureKind;

interface Setup {
  /** Of each provider. */
  readonly keys?: number;
  /** Every model goes to all providers if omitted. */
  readonly routes?: readonly ModelRoute[];
  readonly targets?: { readonly targets: TargetTable };
}

/** A gateway whose clock moves only by the pauses and by `elapse`, and whose providers answer by a script. */
class Scene {
  /** `a#1` for the first key of the provider a, one for each request. */
  readonly sent: string[] = [];
  readonly pausesMs: number[] = [];
  readonly world: FakeWorld;
  readonly registry: AttemptRegistry;
  /** By provider; the last answer stays. */
  readonly answers: Record<string, Answer[]>;
  /** Called when a pause begins, in place of its end. */
  onPause: (() => void) | undefined;
  /** How long each request takes. */
  tookMs = 1;
  readonly #snapshot: GatewaySnapshot;

  constructor(answers: Record<string, Answer[]>, { keys = 1, routes, targets }: Setup = {}) {
    this.answers = answers;
    const names = Object.keys(answers);
    const providers = buildProviders(
      names.map((name) => ({
        name,
        enabled: true,
        protocols: ["openai-chat" as const],
        baseUrl: "http://127.0.0.1:1/v1",
        keys: Array.from({ length: keys }, (_, index) => new Secret(`sk-${index}`)),
        timeouts: { totalMs: 5_000, streamTotalMs: 5_000 },
      })),
    );
    this.world = fakeWorld({
      schedule: (delayMs, task) => {
        this.pausesMs.push(delayMs);
        if (this.onPause === undefined) {
          this.world.nowMs += delayMs;
          queueMicrotask(task);
        } else {
          queueMicrotask(this.onPause);
        }
        return () => undefined;
      },
    });
    const { clock } = this.world.deps;
    this.registry = createAttemptRegistry(clock);
    const client: UpstreamClient = { dispatch: (request, handler) => this.#answer(request, handler), close: () => Promise.resolve() };
    this.#snapshot = {
      ...this.world.deps.current(),
      resilience: defaultResilience,
      catalog: createCatalog({ providers, routes: routes ?? [["m*", names]], aliases: new Map(), ...targets }),
      client,
    };
    Object.assign(this.world.deps, {
      activeAttempts: this.registry,
      providerHealth: createProviderHealth({ clock }),
      retryBudget: new RetryBudget(),
      current: () => this.#snapshot,
    });
    scenes.push(this);
  }

  /** One request. Returns its outcome and the requests to providers that it made. */
  async ask(
    model = "m",
    exchange = new FakeExchange(JSON.stringify({ model, messages: [{ role: "user", content: "hi" }] })),
  ): Promise<string> {
    const before = this.sent.length;
    const call = fakeCall(this.world, exchange);
    await receive(call);
    call.plan = this.#plan(call);
    const outcome = await sendWithFailover(call, call.plan.attempts).then(
      () => "served",
      (error: unknown) => (error instanceof GatewayError ? `${error.code} ${error.status}` : String(error)),
    );
    return `${outcome}: ${this.sent.slice(before).join(" ")}`;
  }

  #plan({ current, request }: ModelCall): Plan {
    return planModel(current.catalog, { model: request.model, clientProtocol: "openai-chat", operation: "generate", workMode: "auto" });
  }

  #answer(...[request, handler]: Parameters<UpstreamClient["dispatch"]>): ReturnType<UpstreamClient["dispatch"]> {
    const { name } = request.provider;
    this.sent.push(request.key?.id ?? name);
    const script = this.answers[name]!;
    const answer = script.length > 1 ? script.shift()! : script[0]!;
    queueMicrotask(() => {
      this.world.nowMs += this.tookMs;
      if (typeof answer !== "number") {
        handler.onFailure({ kind: answer, message: "It failed." });
        return;
      }
      const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
      const choices = [{ index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }];
      const body =
        answer === 200 ? { object: "chat.completion", model: "m", choices, usage } : { error: { message: "No.", type: null, code: null } };
      handler.onHead(answer, ["content-type", "application/json"]);
      handler.onData(Buffer.from(JSON.stringify(body)));
      handler.onEnd();
    });
    return { abort: () => undefined, pause: () => undefined, resume: () => undefined };
  }
}

const scenes: Scene[] = [];
afterEach(() => {
  for (const { registry } of scenes.splice(0)) registry.close();
});

test("what comes after a failure, by its kind, with one target", async () => {
  const outcomes: Record<string, string> = {};
  for (const answer of [
    200,
    400,
    401,
    403,
    404,
    422,
    429,
    500,
    502,
    503,
    504,
    529,
    "reset",
    "malformed",
    "unreachable",
    "connect-timeout",
    "certificate",
    "first-byte-timeout",
  ] as const) {
    outcomes[answer] = await new Scene({ a: [answer] }).ask();
  }
  const thrice = "a#1 a#1 a#1";
  assert.deepEqual(outcomes, {
    200: "served: a#1",
    400: "invalid_request 400: a#1",
    401: "upstream_credentials_rejected 502: a#1",
    403: "upstream_credentials_rejected 502: a#1",
    404: "invalid_request 404: a#1",
    422: "invalid_request 422: a#1",
    429: "rate_limited 429: a#1",
    500: `upstream_error 500: ${thrice}`,
    502: `upstream_error 502: ${thrice}`,
    503: `upstream_error 503: ${thrice}`,
    504: `upstream_error 504: ${thrice}`,
    529: `upstream_error 529: ${thrice}`,
    reset: `upstream_truncated 502: ${thrice}`,
    malformed: `upstream_invalid_response 502: ${thrice}`,
    unreachable: "upstream_unreachable 502: a#1",
    "connect-timeout": "upstream_unreachable 502: a#1",
    certificate: "upstream_unreachable 502: a#1",
    "first-byte-timeout": "upstream_timeout 504: a#1",
  });
});

test("what comes after a failure, by its kind, with two targets of two keys", async () => {
  const outcomes: Record<string, string> = {};
  for (const answer of [400, 401, 403, 429, 500, 503, "reset", "unreachable", "first-byte-timeout"] as const) {
    outcomes[answer] = await new Scene({ a: [answer], b: [200] }, { keys: 2 }).ask();
  }
  assert.deepEqual(outcomes, {
    400: "invalid_request 400: a#1",
    401: "served: a#1 a#2 b#1",
    403: "served: a#1 a#2 b#1",
    429: "served: a#1 a#2 b#1",
    500: "served: a#1 b#1",
    503: "served: a#1 b#1",
    reset: "served: a#1 b#1",
    unreachable: "served: a#1 b#1",
    "first-byte-timeout": "served: a#1 b#1",
  });
});

test("a retry waits, each time twice as long, and may succeed", async () => {
  const scene = new Scene({ a: [500, 500, 200] });
  assert.equal(await scene.ask(), "served: a#1 a#1 a#1");
  assert.deepEqual(scene.pausesMs, [100, 200]);
  // Each attempt is an entry, with the reason for which it failed.
  assert.deepEqual(
    scene.world.closed.map(({ attempt, status }) => `${attempt} ${status}`),
    ["1 error", "2 error", "3 ok"],
  );
});

test("a target that fails again and again is left alone, until one request finds it well", async () => {
  const scene = new Scene({ a: [500], b: [200] });
  const asked: string[] = [];
  for (let count = 0; count < 7; count++) asked.push(await scene.ask());
  assert.deepEqual(asked, [...Array.from({ length: 5 }, () => "served: a#1 b#1"), "served: b#1", "served: b#1"]);
  scene.world.nowMs += 30_000;
  assert.deepEqual([await scene.ask(), await scene.ask()], ["served: a#1 b#1", "served: b#1"]);
  scene.world.nowMs += 30_000;
  scene.answers["a"] = [200];
  assert.deepEqual([await scene.ask(), await scene.ask()], ["served: a#1", "served: a#1"]);
});

test("the last target is asked although it fails again and again", async () => {
  const scene = new Scene({ a: [500], b: [503] });
  for (let count = 0; count < 10; count++) await scene.ask();
  assert.match(await scene.ask(), /^upstream_error 500: a#1( a#1)*$/);
  scene.answers["a"] = [200];
  assert.equal(await scene.ask(), "served: a#1");
});

test("a provider that always fails gets hardly more than one request for each of the clients'", async () => {
  const scene = new Scene({ a: [503] });
  const requests = 200;
  for (let count = 0; count < requests; count++) await scene.ask();
  assert.ok(scene.sent.length <= 1.2 * requests + 10, `${scene.sent.length} attempts`);
  // A fifth of them may be retries, so there are some.
  assert.ok(scene.sent.length > 1.1 * requests, `${scene.sent.length} attempts`);
});

test("all attempts share one deadline", async () => {
  const scene = new Scene({ a: [500], b: [500], c: [500], d: [200] });
  scene.tookMs = 2_000;
  assert.equal(await scene.ask(), "upstream_error 500: a#1 b#1 c#1");
});

test("a client that leaves in a pause is not served, and a shutdown ends the pause", async () => {
  const gone = new Scene({ a: [500] });
  const exchange = new (class extends FakeExchange {
    leave = (): void => undefined;
    override onLeave(callback: () => void): void {
      this.leave = callback;
    }
  })('{"model":"m","messages":[]}');
  gone.onPause = () => {
    exchange.leave();
  };
  assert.equal(await gone.ask("m", exchange), "upstream_error 500: a#1");
  const ended = new Scene({ a: [500] });
  ended.onPause = () => {
    ended.registry.terminateAll(shuttingDown());
  };
  assert.equal(await ended.ask(), "shutting_down 503: a#1");
});

const withFallbacks = (lists: TargetTable["fallbacks"][number][1]): Setup => ({
  routes: [
    ["m*", ["a"]],
    ["f", ["b", "c"]],
    ["g", ["d"]],
  ],
  targets: {
    targets: {
      ...noTargetTable,
      fallbacks: [
        ["m*", lists],
        ["f", { any: ["g"] }],
      ],
    },
  },
});

test("which fallbacks follow which failure", async () => {
  const answers = [400, 401, 402, 413, 429, 500, 503, "reset", "unreachable", "first-byte-timeout"] as const;
  const outcomes = async (lists: TargetTable["fallbacks"][number][1]): Promise<string[]> => {
    const seen: string[] = [];
    for (const answer of answers)
      seen.push(`${answer} ${await new Scene({ a: [answer], b: [200], c: [200], d: [200] }, withFallbacks(lists)).ask()}`);
    return seen;
  };
  const retried = "a#1 a#1 a#1";
  assert.deepEqual(await outcomes({ any: ["f"] }), [
    "400 invalid_request 400: a#1",
    "401 served: a#1 b#1",
    "402 served: a#1 b#1",
    // A request that is too long goes elsewhere only if a list of that reason says so.
    "413 invalid_request 413: a#1",
    "429 served: a#1 b#1",
    `500 served: ${retried} b#1`,
    `503 served: ${retried} b#1`,
    `reset served: ${retried} b#1`,
    "unreachable served: a#1 b#1",
    "first-byte-timeout served: a#1 b#1",
  ]);
  const byReason = await outcomes({ context: ["f"], quota: ["g"], overloaded: ["f"] });
  assert.deepEqual(byReason, [
    "400 invalid_request 400: a#1",
    "401 upstream_credentials_rejected 502: a#1",
    "402 served: a#1 d#1",
    "413 served: a#1 b#1",
    "429 served: a#1 d#1",
    `500 served: ${retried} b#1`,
    `503 served: ${retried} b#1`,
    `reset served: ${retried} b#1`,
    "unreachable served: a#1 b#1",
    "first-byte-timeout served: a#1 b#1",
  ]);
});

test("a fallback has targets of its own and no fallbacks", async () => {
  const scene = new Scene({ a: ["unreachable"], b: [503], c: [429], d: [200] }, withFallbacks({ any: ["f"] }));
  assert.equal(await scene.ask(), "rate_limited 429: a#1 b#1 c#1");
});

test("while all targets of a model are left alone, its fallbacks are asked at once", async () => {
  const scene = new Scene({ a: [500], b: [200], c: [200], d: [200] }, withFallbacks({ any: ["f"] }));
  const asked: string[] = [];
  for (let count = 0; count < 4; count++) asked.push(await scene.ask());
  assert.deepEqual(asked, ["served: a#1 a#1 a#1 b#1", "served: a#1 a#1 b#1", "served: b#1", "served: b#1"]);
});
