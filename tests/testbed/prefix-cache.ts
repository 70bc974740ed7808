import { createHash } from "node:crypto";

const lifetimeMs = 5 * 60_000;
/** Shorter prompts are not cached. */
const minTokens = 1024;
/** Prefixes are cached in steps of this length. */
const stepTokens = 128;
const bytesOfToken = 4;

/**
 * A stand-in for a prompt cache that needs no marks, as OpenAI documents it (platform.openai.com, "Prompt caching", November 2026): prompts of 1,024 tokens and more,
 * the longest prefix of 1,024 tokens and steps of 128 that a request of the same account has sent within five minutes.
 */
export class PrefixCache {
  readonly #nowMs: () => number;
  readonly #entries = new Map<string, number>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Tokens of a prompt, and how many of them were read from the cache. */
  bill(prompt: string): { readonly input: number; readonly cached: number } {
    const input = Math.ceil(prompt.length / bytesOfToken);
    const nowMs = this.#nowMs();
    let cached = 0;
    const hash = createHash("sha256");
    for (let tokens = stepTokens; tokens <= input; tokens += stepTokens) {
      hash.update(prompt.slice((tokens - stepTokens) * bytesOfToken, tokens * bytesOfToken));
      if (tokens < minTokens) continue;
      const prefix = hash.copy().digest("base64");
      if ((this.#entries.get(prefix) ?? 0) > nowMs) cached = tokens;
      this.#entries.set(prefix, nowMs + lifetimeMs);
    }
    return { input, cached };
  }
}
