import { GatewayError, Secret } from "../../core/index.ts";
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
export class LeavingExchange extends FakeExchange {
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
export class HedgeScene {
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

const scenes: HedgeScene[] = [];

/** Called after each test that makes scenes. */
export function closeHedgeScenes(): void {
  for (const { registry } of scenes.splice(0)) registry.close();
}

export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
