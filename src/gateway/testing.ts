import type { Principal } from "../accounts/index.ts";
import { Secret, silentLogger, type Bytes, type GatewayError, type Text } from "../core/index.ts";
import type { ProtocolId } from "../ir/index.ts";
import { ActiveAttempt, type CloseRecord, type OpenRecord } from "../ledger/index.ts";
import { protocols, type Operation, type RouteCall } from "../protocols/index.ts";
import {
  buildProviders,
  createCatalog,
  createAffinity,
  createTargetStates,
  defaultResilience,
  RetryBudget,
  type Attempt,
  type UpstreamCall,
} from "../upstream/index.ts";
import type { Delivery } from "./delivery.ts";
import type { GatewayDeps, GatewaySnapshot } from "./deps.ts";
import type { ClientExchange } from "./exchange.ts";
import { HedgeCounts } from "./failover/hedge-counts.ts";
import type { Lane } from "./lane.ts";
import { createVerbatimLane } from "./lanes/verbatim-lane.ts";
import { createModelCall, type ModelCall } from "./model-call.ts";
import { createTokenCalibration } from "./tokens/token-calibration.ts";

/** What the unit tests of this room share: a gateway of fakes, in which nothing has a clock, a network or a database. */

/** A client that notes what it gets; headers of times are left out, as they change. */
export class FakeExchange implements ClientExchange {
  readonly requestId = "req_1";
  readonly method = "POST";
  readonly startedMs = 0;
  readonly clientRequestId = undefined;
  readonly rawHeaders: readonly string[];
  readonly sent: string[] = [];
  /** What the client does not take at once: chunks return `false` until `drain`. */
  isSlow = false;
  closed = false;
  #drain: (() => void) | undefined;
  readonly #body: string;

  constructor(body: string, rawHeaders: readonly string[] = []) {
    this.#body = body;
    this.rawHeaders = rawHeaders;
  }

  readBody(): Promise<readonly Buffer[]> {
    const bytes = Buffer.from(this.#body);
    return Promise.resolve([bytes.subarray(0, 5), bytes.subarray(5)]);
  }

  onLeave(_callback: () => void): void {}
  onSent(): void {}

  json(status: number, headers: readonly string[], body: Text): void {
    this.sent.push(`${status} ${namesOf(headers)} ${body}`);
  }

  jsonBytes(status: number, headers: readonly string[], body: Bytes): void {
    this.sent.push(`${status} ${namesOf(headers)} ${body}`);
  }

  streamHead(status: number): void {
    this.sent.push(`head ${status}`);
  }

  chunk(data: Bytes): boolean {
    this.sent.push(data);
    return !this.isSlow;
  }

  onDrain(callback: () => void): void {
    this.#drain = callback;
  }

  drain(): void {
    this.#drain?.();
  }

  finish(last?: Bytes): void {
    this.sent.push(`end ${last ?? ""}`);
  }

  abort(): void {
    this.sent.push("abort");
  }
}

/** The gateway's own headers that a test compares, without their prefix. */
function namesOf(headers: readonly string[]): string {
  const names = headers.filter((_, index) => index % 2 === 0);
  const own = names.filter((name) => name.startsWith("x-tokligence-") && !name.endsWith("-ms"));
  return own.map((name) => name.slice("x-tokligence-".length)).join(",");
}

export const principal: Principal = { userId: "u1", username: "alice", keyId: "k1", role: "user" };

/** What the fakes have noted, and how they answer. */
export interface FakeWorld {
  readonly deps: GatewayDeps;
  readonly opened: OpenRecord[];
  readonly closed: CloseRecord[];
  /** What budgets and stored responses were asked. */
  readonly asked: string[];
  /** Waited for by each record. */
  written: Promise<void> | undefined;
  nowMs: number;
}

export function fakeWorld(more: Partial<GatewayDeps> = {}): FakeWorld {
  const catalog = createCatalog({
    providers: buildProviders([
      { name: "openai", enabled: true, keys: [new Secret("sk-1")], models: ["gpt-5"] },
      { name: "anthropic", enabled: true, keys: [new Secret("sk-2")], models: ["claude-opus-4-6"] },
    ]),
    routes: [],
    aliases: new Map(),
    createdAt: 0,
  });
  const snapshot = {
    workMode: "auto",
    onLoss: "report",
    maxStoredBytes: 1000,
    maxValues: 1000,
    resilience: defaultResilience,
    catalog,
    modelFacts: () => undefined,
    redactor: { text: (text: string) => text, whole: (text: string) => text },
    budget: { ceiling: { input: 10n ** 9n, output: 10n ** 9n }, outputTokens: 100 },
  } as unknown as GatewaySnapshot;
  const opened: OpenRecord[] = [];
  const closed: CloseRecord[] = [];
  const world: FakeWorld = { opened, closed, asked: [], written: undefined, nowMs: 0, deps: undefined as unknown as GatewayDeps };
  const deps = {
    protocols,
    current: () => snapshot,
    ledger: {
      open(record: OpenRecord) {
        opened.push(record);
        return new ActiveAttempt(record);
      },
      close(_attempt: ActiveAttempt, record: CloseRecord) {
        closed.push(record);
        return world.written;
      },
      refuse(record: CloseRecord) {
        closed.push(record);
        return world.written;
      },
      cost: () => 5n,
      contextWindow: () => undefined,
      healthy: () => true,
      release: () => undefined,
    },
    budgets: { of: () => undefined, hasTargets: false, ofTarget: () => undefined },
    limits: { ofCaller: () => undefined, hasTargets: false, ofTarget: () => undefined },
    databaseProblem: () => undefined,
    calibration: createTokenCalibration(),
    bodyCalibration: createTokenCalibration(),
    clock: { now: () => 1_000 + world.nowMs, monotonic: () => world.nowMs },
    logger: silentLogger,
    retryBudget: new RetryBudget(),
    hedges: new HedgeCounts(),
    affinity: createAffinity(),
    random: () => 0,
    ...more,
  } as unknown as GatewayDeps;
  return Object.assign(world, { deps });
}

/** A route of a protocol, as it is called. */
export function routeOf(protocol: ProtocolId, operation: Operation, param = ""): RouteCall {
  return { route: protocols.get(protocol)!.routes.find((route) => route.operation === operation)!, param, query: "" };
}

export function fakeCall(
  world: Pick<FakeWorld, "deps">,
  exchange: ClientExchange,
  route: RouteCall = routeOf("openai-chat", "generate"),
  sender: Principal = principal,
): ModelCall {
  const protocol = [...protocols.values()].find(({ routes }) => routes.includes(route.route))!;
  return createModelCall(world.deps, exchange, { principal: sender, protocol, route });
}

/** Notes how the sink ends it. */
export class FakeDelivery implements Delivery {
  readonly call: ModelCall;
  readonly attempt: Attempt;
  readonly entry: Delivery["entry"];
  readonly lane: Lane;
  readonly key = undefined;
  readonly upstream: UpstreamCall;
  readonly events: string[] = [];

  constructor(call: ModelCall) {
    const { catalog } = call.current;
    const provider = catalog.provider("openai")!;
    this.call = call;
    this.attempt = {
      provider,
      upstreamModel: "gpt-5",
      protocol: "openai-chat",
      lane: "verbatim",
      weight: 1,
      turn: { current: 0 },
      states: createTargetStates().of(provider, "gpt-5"),
    };
    this.entry = call.open(this.attempt);
    this.lane = createVerbatimLane(call, this.attempt);
    const note = (event: string) => () => void this.events.push(event);
    this.upstream = { abort: note("abort"), pause: note("pause"), resume: note("resume") };
  }

  opened(): void {
    this.call.answer.firstContentMs = this.call.deps.clock.monotonic();
  }

  answered(ok: boolean): void {
    this.events.push(ok ? "good" : "bad");
  }

  clean(error: GatewayError): GatewayError {
    return error;
  }

  failed(error: GatewayError): void {
    this.events.push(`failed ${error.code} ${error.status}`);
  }

  cut(error: GatewayError): void {
    this.events.push(`cut ${error.code}`);
  }

  delivered(): void {
    this.events.push("delivered");
  }
}
