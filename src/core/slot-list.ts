/** An item that can have a place in one `SlotList`. */
export interface Slotted {
  /** Its place, or -1 if it has none. Only the list writes it. */
  slot: number;
}

/**
 * A list of active items, which are added and removed in any order, many thousand times a second. It is an array in which the last item moves to the
 * place of a removed one. A `Set` is not used because of V8: when a Set has used up its table, it makes a new one, and the old table points to it.
 * Once an old table has moved to the old generation, every later table, and every request that was in it, stays in memory until the next full
 * collection. Measured on forwarded requests: minor collections of 20 ms instead of 1 ms, and 100 MB of finished requests.
 */
export class SlotList<T extends Slotted> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  add(item: T): void {
    if (item.slot >= 0) return;
    item.slot = this.#items.length;
    this.#items.push(item);
  }

  delete(item: T): void {
    const { slot } = item;
    if (slot < 0) return;
    item.slot = -1;
    const last = this.#items.pop()!;
    if (last === item) return;
    this.#items[slot] = last;
    last.slot = slot;
  }

  /** Calls `visit` for each item. `visit` may remove items; an item that moves may be visited twice. */
  forEach(visit: (item: T) => void): void {
    for (let slot = this.#items.length - 1; slot >= 0; slot--) {
      const item = this.#items[slot];
      if (item !== undefined) visit(item);
    }
  }
}
