import type { Provider } from "../upstream/index.ts";

/** Shorter ones are words and versions: taking them out would make holes in texts and hide nothing. */
const shortestSecret = 8;

/**
 * A text of an upstream's, without what its provider is called with: some repeat the key that they refuse, or the whole request. Headers and query
 * of the configuration count as secrets, as they do where it is shown.
 */
export function redact(text: string, provider: Pick<Provider, "keys" | "headers" | "query">): string {
  let out = text;
  const cover = (secret: string): void => {
    if (secret.length >= shortestSecret && out.includes(secret)) out = out.replaceAll(secret, "[secret]");
  };
  for (const key of provider.keys) cover(key.secret.reveal());
  for (const [, value] of provider.headers) cover(value);
  for (const [, value] of provider.query) {
    cover(value);
    cover(encodeURIComponent(value));
  }
  return out;
}
