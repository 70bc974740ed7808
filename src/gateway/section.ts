import * as z from "zod";
import { choice, flag, lifetime, size } from "../settings/index.ts";

export const responseCacheSchema = z
  .strictObject({
    enabled: flag("Whether answers are kept, and sent again to equal requests of keys with cache: on.").prefault(false),
    store: choice("Where answers are kept: in the memory of each process, or in the Redis of redis.url, for several gateways.", [
      "memory",
      "redis",
    ]).prefault("memory"),
    lifetime: lifetime("How long an answer is kept, as in 10m.").prefault("10m"),
    max_size: size("Most bytes of answers in the memory of a process, or in Redis.", 16 * 1024 ** 3, "16GiB").prefault("64MiB"),
    shared: flag("Whether one user may get an answer that was made for another.").prefault(false),
  })
  .describe("Answers that are sent again to equal requests. See docs/caching.md.")
  .prefault({});

export type ParsedResponseCache = z.output<typeof responseCacheSchema>;

export interface ResponseCacheSettings {
  readonly store: "memory" | "redis";
  readonly lifetimeMs: number;
  readonly maxBytes: number;
  readonly isShared: boolean;
}

/** With what a request needs of them. */
export interface ResponseCacheOptions extends ResponseCacheSettings {
  /** Hash of the configuration: after a change of it no answer from before is used. */
  readonly configuration: string;
}

/** `undefined`: no answers are kept. */
export function readResponseCache(parsed: ParsedResponseCache): ResponseCacheSettings | undefined {
  const { enabled, store, lifetime: lifetimeMs, max_size: maxBytes, shared } = parsed;
  return enabled ? { store, lifetimeMs, maxBytes, isShared: shared } : undefined;
}
