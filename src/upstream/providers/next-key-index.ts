import type { Provider } from "../types.ts";

/** The index of the key for the next request to a provider: its keys take turns. */
export function nextKeyIndex({ keys, keyTurn }: Provider): number {
  if (keyTurn === undefined || keys.length < 2) return 0;
  const turn = keyTurn.next % keys.length;
  keyTurn.next = turn + 1;
  return turn;
}
