import type { Bytes, Span, Text } from "../core/index.ts";

/** A prompt, with the places where a cache of its beginning may end: before its turns, and after each of them. */
export interface CacheablePrompt {
  /** The body. */
  readonly text: Bytes;
  /** What comes before the turns, as members of the body. */
  readonly fixed: readonly FixedPart[];
  readonly turns: readonly Span[];
}

export interface FixedPart {
  /** As the body spells it. */
  readonly key: string;
  readonly name: string;
  readonly value: Span;
}

/** A call of the vendor's API for caches. */
export interface CacheCall {
  readonly method: "POST" | "PATCH";
  /** Under the base URL, with query. */
  readonly path: string;
  readonly body: Bytes;
}

/** A cache as the vendor reports it. */
export interface KeptContext {
  /** What requests refer to it by. */
  readonly name: string;
  /** `undefined`: it is not reported. */
  readonly tokens: number | undefined;
}

/** How a vendor keeps the beginning of a prompt under a name: requests that refer to it read it at a lower price, and its storage costs by the hour. */
export interface ContextCaching {
  /** Shorter prompts are refused. @param model the upstream's name. */
  minTokens(model: string): number;
  /** `undefined`: the body refers to a cache of its client's, asks for another class of service, or is not one of the protocol. */
  read(body: Bytes): CacheablePrompt | undefined;
  /** The body that refers to a cache of what is before its turns and the first `turns` of them. */
  refer(prompt: CacheablePrompt, turns: number, name: string): Bytes;
  create(prompt: CacheablePrompt, cache: { readonly model: string; readonly turns: number; readonly ttlSeconds: number }): CacheCall;
  /** Keeps a cache for this time from now on. */
  extend(name: string, ttlSeconds: number): CacheCall;
  /** `body` is text, not latin1. `undefined`: it is no cache. */
  parse(body: Text): KeptContext | undefined;
  /** Whether the message of a refusal is about the cache that a request refers to. */
  isAboutCache(message: string): boolean;
  /** The least tokens of a cache, if a refusal names them. */
  leastTokens(message: string): number | undefined;
}
