/** A map of at most `capacity` entries. Entries that are read stay; the others are dropped first. */
export interface BoundedCache<V> {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  clear(): void;
  /** Calls `visit` for each value, in no order. */
  forEach(visit: (value: V) => void): void;
  readonly size: number;
}

/**
 * Two generations of half the capacity each: when the young generation is full, it becomes the old one, and the old one is dropped. A hit costs one
 * look-up in a map; a strict least-recently-used list would be reordered at every hit. `capacity` is at least 2.
 */
export function createBoundedCache<V extends object | true>(capacity: number): BoundedCache<V> {
  if (!Number.isInteger(capacity) || capacity < 2) throw new RangeError(`A cache of ${capacity} entries: give a whole number from 2 up.`);
  const half = Math.floor(capacity / 2);
  let young = new Map<string, V>();
  let old = new Map<string, V>();
  const put = (key: string, value: V): void => {
    if (young.size >= half && !young.has(key)) {
      old = young;
      young = new Map();
    }
    young.set(key, value);
  };
  return {
    get(key) {
      const found = young.get(key);
      if (found !== undefined) return found;
      const older = old.get(key);
      if (older !== undefined) {
        old.delete(key);
        put(key, older);
      }
      return older;
    },
    set(key, value) {
      old.delete(key);
      put(key, value);
    },
    clear() {
      young = new Map();
      old = new Map();
    },
    forEach(visit) {
      for (const value of young.values()) visit(value);
      for (const value of old.values()) visit(value);
    },
    get size() {
      return young.size + old.size;
    },
  };
}
