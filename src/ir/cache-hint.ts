/** Marks that the prompt up to here is worth caching. */
export interface CacheHint {
  readonly ttl?: "5m" | "1h";
}
