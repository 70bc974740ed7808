import type { MarketScope, Secret } from "../core/index.ts";
import type { ProtocolId } from "../ir/index.ts";
import type { Caching, Operation, ProviderTraits, RenderQuirks, ServerQuirks } from "../protocols/index.ts";
import type { TargetState } from "./resilience/target-state.ts";
import type { FallbackLists, FallbackReason, Hedge, Strategy } from "./routing/targets.ts";

export type WorkMode = "auto" | "passthrough" | "translation";

/** A service that has models. Built from the configuration and a preset. */
export interface Provider {
  readonly name: string;
  /** The names of its preset: `gemini/MODEL` finds the provider `google`, unless a provider is called `gemini`. */
  readonly otherNames?: readonly string[];
  readonly enabled: boolean;
  /** Why it is disabled, in words for people: `OPENAI_API_KEY is not set`. */
  readonly disabledReason?: string;
  /** In order of preference; the client's own protocol comes first. */
  readonly protocols: readonly ProtocolId[];
  /** The base URL for each protocol: no trailing slash, with the version if the wire has one (`…/v1`, `…/v1beta`). */
  readonly baseUrls: { readonly [P in ProtocolId]?: string };
  readonly keys: readonly ProviderKey[];
  /** Which of several keys is next; changed by `nextKeyIndex`. The only mutable part of a provider. */
  readonly keyTurn?: { next: number };
  /** Models known by exact name. */
  readonly models: readonly string[];
  /** The preset's own globs. */
  readonly modelPatterns: readonly string[];
  readonly headers: readonly (readonly [string, string])[];
  /** Query parameters added to every request. */
  readonly query: readonly (readonly [string, string])[];
  readonly timeouts: Timeouts;
  readonly quirks: Quirks;
  /** The quirks that also change requests of the provider's own protocol: those of its preset and of the configuration. Absent: such requests go as they are. */
  readonly ownQuirks?: Quirks;
  /** `quirks` and `ownQuirks` by model. */
  readonly modelQuirks: ServerQuirks;
  readonly ownModelQuirks?: ServerQuirks;
  /** What its models accept. */
  readonly traits: ProviderTraits;
  /** How prompts are marked for its cache, if the configuration says so. */
  readonly caching?: Caching;
  /** The vendor's own server, which keeps prompts under names and bills their storage by the hour. */
  readonly hasContextCaches?: boolean;
  /** Whether the gateway itself answers: no network, no key. */
  readonly builtin: boolean;
  /** `false`: the gateway does not ask it whether it answers while nobody else does. */
  readonly isProbed?: boolean;
  /** Its requests carry an `authorization` of their own, made for each: it is another node of the market. */
  readonly signsRequests?: boolean;
  /** Its address comes from somebody else: only public addresses are connected to. */
  readonly isPublicOnly?: boolean;
  /** Its models are bought over an exchange, from sellers that this gateway's owner has not chosen. */
  readonly isExchange?: boolean;
}

export interface ProviderKey {
  /** Not secret: `openai#1`. For logs, the ledger and health. */
  readonly id: string;
  readonly secret: Secret;
}

export interface Timeouts {
  readonly connectMs: number;
  /** For streams: time to the response's head. */
  readonly firstByteMs: number;
  /** Between two pieces of a body. */
  readonly idleMs: number;
  /** For JSON answers: time from dispatch to the last byte. */
  readonly totalMs: number;
  readonly streamTotalMs: number;
}

/** How a compatible server differs from the vendor. Data, no code. */
export interface Quirks extends RenderQuirks {
  /**
   * Header that carries the key instead of the protocol's own, e.g. Azure's `api-key`; the value is the bare key. `authorization` is sent as
   * `Bearer KEY`.
   */
  readonly keyHeader?: string;
  /** Headers of its answers that are sent to the client in addition to the common ones, in lower case; a trailing `-` makes a prefix. */
  readonly answerHeaders?: readonly string[];
  /** Its reports of what it bills (`usage.cost`, …) are US dollars, and are charged as they are. */
  readonly reportsDollars?: boolean;
  /** It chooses among models and providers itself, by fields of the request (`models`, `provider`): they are sent to it as they are. */
  readonly routesItself?: boolean;
  /** The server cannot count the tokens of a request, although its protocol has an operation for that. */
  readonly noTokenCounter?: boolean;
}

export type Lane = "verbatim" | "patched" | "translated" | "builtin";

/** One way to serve a request. */
export interface Attempt {
  readonly provider: Provider;
  readonly upstreamModel: string;
  readonly protocol: ProtocolId;
  /** `verbatim` here means the same protocol; whether bytes change is known once the body has been read. */
  readonly lane: Lane;
  readonly weight: number;
  /** How prompts are marked for the provider's cache, if the configuration says so for the model or the provider. */
  readonly caching?: Caching;
  /** Its place in the turns of `weighted`; changed by each request. */
  readonly turn: { current: number };
  /** What is known of it, for each of the provider's keys; one if it has no key. */
  readonly states: readonly TargetState[];
}

/** The attempts of a model that is asked when others have failed. */
export interface Fallback {
  /** As configured. */
  readonly model: string;
  readonly attempts: readonly Attempt[];
}

/** All ways to serve a model, made once for each model, protocol and operation. */
export interface Plan {
  /** The model's name, if it is one of the configuration's own: of `models` or `model_aliases`. */
  readonly alias: string | undefined;
  /** In the order of the configuration. */
  readonly attempts: readonly Attempt[];
  readonly strategy: Strategy;
  readonly hasAffinity: boolean;
  /** When a second target is asked at the same time; `undefined`: never. */
  readonly hedge?: Hedge | undefined;
  /** What is asked next when these have failed; `undefined` if there is nothing. */
  readonly fallbacks: { readonly [R in FallbackReason]?: readonly Fallback[] } | undefined;
  /** Attempts at other gateways that a policy has added to this request; they are among `attempts`. */
  readonly bought?: BoughtAttempts | undefined;
}

export interface BoughtAttempts {
  readonly attempts: readonly Attempt[];
  /** They come before all others; otherwise after them. The strategy orders the others alone. */
  readonly isFirst: boolean;
}

/** An attempt with the key that it is made with. */
export interface Target {
  readonly attempt: Attempt;
  readonly state: TargetState;
}

export interface PlanInput {
  readonly model: string;
  readonly clientProtocol: ProtocolId;
  readonly operation: Operation;
  readonly workMode: WorkMode;
}

/** A provider, and its name of the model. */
export interface ResolvedTarget {
  readonly provider: string;
  readonly upstreamModel: string;
  /** 1 if omitted. */
  readonly weight?: number;
}

/** A target that cannot be asked, and why. */
export interface PassedTarget extends ResolvedTarget {
  readonly reason: string;
}

/** How a model was resolved, for `route explain`. */
export interface Resolution {
  readonly model: string;
  /** The name is one of `models` or `model_aliases`. */
  readonly isAlias: boolean;
  /** Each step tried, in order, with its outcome in words. */
  readonly steps: readonly string[];
  readonly targets: readonly ResolvedTarget[];
  /** Targets that cannot be asked. */
  readonly passedOver: readonly PassedTarget[];
  readonly strategy: Strategy;
  /** Whether a conversation stays at one target. */
  readonly hasAffinity: boolean;
  readonly hedge?: Hedge | undefined;
  /** Of the model, if it has a setting of its own. */
  readonly caching?: Caching;
  readonly fallbacks?: FallbackLists;
  /** If there is no target: why, and what to do, for the client's `model_not_found`. */
  readonly problem?: string;
}

/** One request to a provider. */
export interface UpstreamRequest {
  readonly provider: Provider;
  readonly protocol: ProtocolId;
  readonly method: "GET" | "POST" | "DELETE" | "PATCH";
  /** Path under the base URL, with query. */
  readonly path: string;
  /** Name, value, name, value, … without credentials: the client adds those. */
  readonly headers: readonly string[];
  readonly key: ProviderKey | undefined;
  /** The body's parts in order, which are written without joining them; a string is latin1. */
  readonly body: readonly Uint8Array[] | string | undefined;
  readonly stream: boolean;
  /** The latest end of the call in monotonic milliseconds, if it is earlier than the provider's total. */
  readonly deadlineAt?: number | undefined;
  /** The provider's name of the model, and the gateway's id of the request; omitted for requests that are not a client's. */
  readonly model?: string;
  readonly requestId?: string;
  /** For another gateway only: where the request may go. If omitted or `off`, it is not sent. */
  readonly market?: MarketScope | undefined;
}

export type UpstreamFailureKind =
  | "unreachable"
  | "connect-timeout"
  | "certificate"
  | "first-byte-timeout"
  | "idle-timeout"
  | "deadline"
  | "reset"
  | "truncated"
  | "malformed"
  | "refused-destination"
  | "aborted";

/** A failure on the wire. `message` names the provider and the cause; it contains no secret. */
export interface UpstreamFailure {
  readonly kind: UpstreamFailureKind;
  readonly message: string;
}

/**
 * Receives an answer. Nothing follows after `onEnd` or `onFailure`. Its methods are called synchronously from the socket, never from within
 * `dispatch`. They must not throw: an error is logged, the connection is closed, and the failure is `aborted`.
 */
export interface UpstreamHandler {
  /** `headers`: name, value, …, as received. */
  onHead(status: number, headers: readonly string[]): void;
  onData(chunk: Buffer): void;
  /** What the request costs, exactly: the provider has signed it. Before the last bytes, if at all. */
  onBilled?(costNanoUsd: bigint): void;
  onEnd(): void;
  onFailure(failure: UpstreamFailure): void;
}

export interface UpstreamCall {
  /** Closes the connection at once. The handler is not called any more. */
  abort(): void;
  pause(): void;
  resume(): void;
}

/** The only way to the network. */
export interface UpstreamClient {
  dispatch(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall;
  close(): Promise<void>;
}
