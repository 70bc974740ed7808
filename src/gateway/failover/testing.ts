import { GatewayError, Secret } from "../../core/index.ts";
import {
  buildProviders,
  createCatalog,
  createProviderHealth,
  defaultResilience,
  RetryBudget,
  type ModelRoute,
  type TargetTable,
  type UpstreamClient,
  type UpstreamFailureKind,
} from "../../upstream/index.ts";
import type { ProtocolId, Usage } from "../../ir/index.ts";
import type { RouteCall } from "../../protocols/index.ts";
import { receive } from "../admission/receive.ts";
import { createAttemptRegistry, type AttemptRegistry } from "../answers/attempt-registry.ts";
import type { GatewaySnapshot } from "../deps.ts";
import type { ModelCall } from "../model-call.ts";
import { FakeExchange, fakeCall, fakeWorld, type FakeWorld } from "../testing.ts";
import { planHedge } from "./plan-hedge.ts";
import { planRequest } from "./plan-request.ts";
import { sendWithFailover } from "./send-with-failover.ts";

/** What a provider answers: a status, or a failure on the wire. */
export type Answer = number | UpstreamFailureKind;

export interface Setup {
  /** Of each provider. */
  readonly keys?: number;
  /** Of all providers; Chat if omitted. */
  readonly protocol?: ProtocolId;
  /** Every model goes to all providers if omitted. */
  readonly routes?: readonly ModelRoute[];
  readonly targets?: { readonly targets: TargetTable };
}

/** A gateway whose clock moves only by the pauses and by `elapse`, and whose providers answer by a script. */
export class Scene {
  /** `a#1` for the first key of the provider a, one for each request. */
  readonly sent: string[] = [];
  readonly pausesMs: number[] = [];
  /** As the last provider got it. */
  lastBody = "";
  readonly world: FakeWorld;
  readonly registry: AttemptRegistry;
  /** By provider; the last answer stays. */
  readonly answers: Record<string, Answer[]>;
  /** Called when a pause begins, in place of its end. */
  onPause: (() => void) | undefined;
  /** How long each request takes; by provider, if that is named. */
  tookMs = 1;
  readonly tookMsBy: Record<string, number> = {};
  /** From 0 to 1, as `Math.random`. */
  random = 0;
  /** Price of a token, by provider. */
  readonly costBy: Record<string, bigint | undefined> = {};
  readonly #snapshot: GatewaySnapshot;

  constructor(answers: Record<string, Answer[]>, { keys = 1, protocol = "openai-chat", routes, targets }: Setup = {}) {
    this.answers = answers;
    const names = Object.keys(answers);
    const providers = buildProviders(
      names.map((name) => ({
        name,
        enabled: true,
        // OpenRouter acts on what a request says of its targets.
        ...(name === "openrouter" ? { preset: "openrouter" } : {}),
        protocols: [protocol],
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
      keyHealth: createProviderHealth({ clock }),
      retryBudget: new RetryBudget(),
      random: () => this.random,
      ledger: {
        ...this.world.deps.ledger,
        cost: (provider: string, _model: string, { input = 0, output = 0 }: Usage) => {
          const price = this.costBy[provider];
          return price === undefined ? undefined : price * BigInt(input + output);
        },
      },
      current: () => this.#snapshot,
    });
    scenes.push(this);
  }

  /** One request. Returns its outcome and the requests to providers that it made. */
  async ask(
    model = "m",
    exchange = new FakeExchange(JSON.stringify({ model, messages: [{ role: "user", content: "hi" }] })),
    route?: RouteCall,
  ): Promise<string> {
    const before = this.sent.length;
    const call = fakeCall(this.world, exchange, route);
    await receive(call);
    const outcome = await this.#send(call).then(
      () => "served",
      (error: unknown) => (error instanceof GatewayError ? `${error.code} ${error.status}` : String(error)),
    );
    return `${outcome}: ${this.sent.slice(before).join(" ")}`;
  }

  async #send(call: ModelCall): Promise<void> {
    call.plan = planRequest(call);
    planHedge(call);
    await sendWithFailover(call, call.plan.attempts);
  }

  #answer(...[request, handler]: Parameters<UpstreamClient["dispatch"]>): ReturnType<UpstreamClient["dispatch"]> {
    const { name } = request.provider;
    this.sent.push(request.key?.id ?? name);
    this.lastBody = Buffer.concat(request.body as readonly Buffer[]).toString();
    const script = this.answers[name]!;
    const answer = script.length > 1 ? script.shift()! : script[0]!;
    queueMicrotask(() => {
      this.world.nowMs += this.tookMsBy[name] ?? this.tookMs;
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

/** Called after each test that makes scenes. */
export function closeScenes(): void {
  for (const { registry } of scenes.splice(0)) registry.close();
}
