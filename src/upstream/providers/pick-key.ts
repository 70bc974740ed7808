import type { Provider, ProviderKey } from "../types.ts";

/**
 * The key for the next request to a provider: the keys take turns; `undefined` if it has none. No other code chooses a key. `pinned` is the id of a
 * key that must be used again (a stored response belongs to its account); it is ignored once the provider does not have it any more.
 */
export function pickKey(provider: Provider, pinned?: string): ProviderKey | undefined {
  const { keys, keyTurn } = provider;
  if (pinned !== undefined) {
    const key = keys.find((candidate) => candidate.id === pinned);
    if (key !== undefined) return key;
  }
  if (keyTurn === undefined || keys.length < 2) return keys[0];
  const turn = keyTurn.next % keys.length;
  keyTurn.next = turn + 1;
  return keys[turn];
}
