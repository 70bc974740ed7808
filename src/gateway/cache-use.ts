/** How a request uses the cache. */
export interface CacheUse {
  /** Hash of all that decides the answer. */
  readonly key: string;
  /** `false`: the client wants a new answer. */
  readonly isRead: boolean;
  /** The age of the answer, once it came from the cache. */
  ageMs: number | undefined;
}
