import type { Provider, ProviderKey } from "../types.ts";

/**
 * The key for the next request to a provider: each in turn where it has several; `undefined` where it has none. The only place that chooses a key.
 * `pinned` is the id of a key that must be used again (a stored response belongs to its account); it counts only while the provider still has it.
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
