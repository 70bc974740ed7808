/** One who takes connections: a worker process. */
export interface Taker<C> {
  readonly give: (connection: C) => void;
}

export interface HandOutOptions<C> {
  /** A connection that waits longer for a taker is dropped. */
  readonly maxWaitMs: number;
  /** More connections than this do not wait. */
  readonly maxWaiting: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly drop: (connection: C) => void;
  /** A taker has confirmed a connection: this process needs it no longer. */
  readonly release: (connection: C) => void;
}

/** Gives connections to workers in turn. */
export interface HandOut<C> {
  add(taker: Taker<C>): void;
  /** The worker has ended, and all its messages are read. Connections that it had not confirmed are given to another worker. */
  remove(taker: Taker<C>): void;
  offer(connection: C): void;
  /** The taker has confirmed what it was given. */
  confirm(taker: Taker<C>): void;
  /** Drops what waits for too long; to be called now and then. */
  sweep(): void;
  /** Resolves when no connection waits and all are confirmed. */
  whenEmpty(): Promise<void>;
  /** Drops all that wait. */
  close(): void;
}

/**
 * Each taker has at most one connection that it has not confirmed yet. So a busy worker gets fewer, and one that dies leaves one, which another
 * takes: a worker confirms before it reads.
 */
// A factory: its functions share the takers and those who wait.
// oxlint-disable-next-line max-lines-per-function
export function createHandOut<C>({ maxWaitMs, maxWaiting, now, drop, release }: HandOutOptions<C>): HandOut<C> {
  /** Those that have confirmed all they were given; the one whose turn is next comes first. */
  const free = new Set<Taker<C>>();
  const given = new Map<Taker<C>, C>();
  let waiting: { readonly connection: C; readonly sinceMs: number }[] = [];
  let onEmpty: (() => void) | undefined;

  function give(taker: Taker<C>, connection: C): void {
    free.delete(taker);
    given.set(taker, connection);
    taker.give(connection);
  }

  function serveWaiting(): void {
    for (const taker of free) {
      const next = waiting.shift();
      if (next === undefined) break;
      give(taker, next.connection);
    }
    if (isEmpty()) onEmpty?.();
  }

  function isEmpty(): boolean {
    return waiting.length === 0 && given.size === 0;
  }

  return {
    add(taker) {
      free.add(taker);
      serveWaiting();
    },
    remove(taker) {
      free.delete(taker);
      const connection = given.get(taker);
      if (connection === undefined) return;
      given.delete(taker);
      waiting.unshift({ connection, sinceMs: now() });
      serveWaiting();
    },
    offer(connection) {
      const [next] = free;
      if (next !== undefined) give(next, connection);
      else if (waiting.length < maxWaiting) waiting.push({ connection, sinceMs: now() });
      else drop(connection);
    },
    confirm(taker) {
      const connection = given.get(taker);
      if (connection === undefined) return;
      given.delete(taker);
      release(connection);
      free.add(taker);
      serveWaiting();
    },
    sweep() {
      const nowMs = now();
      const late = waiting.filter(({ sinceMs }) => nowMs - sinceMs > maxWaitMs);
      if (late.length === 0) return;
      waiting = waiting.filter(({ sinceMs }) => nowMs - sinceMs <= maxWaitMs);
      for (const { connection } of late) drop(connection);
    },
    async whenEmpty() {
      if (isEmpty()) return;
      await new Promise<void>((resolve) => (onEmpty = resolve));
    },
    close() {
      for (const { connection } of waiting) drop(connection);
      waiting = [];
      onEmpty?.();
    },
  };
}
