import type { Provider, ProviderSettings } from "../upstream/index.ts";

/** Shorter ones are words and versions: taking them out would make holes in texts and hide nothing. */
export const shortestSecret = 8;

/**
 * A text of an upstream's, without what its provider is called with: some repeat the key that they refuse, or the whole request. Headers and query
 * of the configuration count as secrets, as they do where it is shown.
 */
export function redact(text: string, { keys, headers, query }: Pick<Provider, "keys" | "headers" | "query">): string {
  let out = text;
  for (const secret of secretsOf({ keys: keys.map((key) => key.secret), headers, query }))
    if (out.includes(secret)) out = out.replaceAll(secret, "[secret]");
  return out;
}

/** What a provider is called with, as its settings have it. */
export function secretsOf({ keys, headers = [], query = [] }: Pick<ProviderSettings, "keys" | "headers" | "query">): readonly string[] {
  const all = [
    ...keys.map((key) => key.reveal()),
    ...headers.map(([, value]) => value),
    ...query.flatMap(([, value]) => [value, encodeURIComponent(value)]),
  ];
  return all.filter((secret) => secret.length >= shortestSecret);
}
