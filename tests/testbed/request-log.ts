/** The requests so far, and a way to wait for more without polling. */
export type RequestLog<T> = {
  readonly requests: T[];
  readonly add: (request: T) => void;
  /** Resolves when the log holds at least `count` requests. */
  readonly waitFor: (count: number) => Promise<readonly T[]>;
};

/** An empty log. */
export function createRequestLog<T>(): RequestLog<T> {
  const requests: T[] = [];
  const waiting = new Set<{ readonly count: number; readonly resolve: (requests: readonly T[]) => void }>();
  return {
    requests,
    add: (request) => {
      requests.push(request);
      for (const entry of waiting) {
        if (requests.length < entry.count) continue;
        waiting.delete(entry);
        entry.resolve(requests);
      }
    },
    waitFor: (count) => (requests.length >= count ? Promise.resolve(requests) : new Promise((resolve) => waiting.add({ count, resolve }))),
  };
}
