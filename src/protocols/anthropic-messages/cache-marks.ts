import type { CacheHint } from "../../ir/index.ts";
import type { Losses } from "../shared/losses.ts";
import type { OutBlock } from "./render-blocks.ts";
import type { OutTool } from "./render-tools.ts";

/** How many `cache_control` marks a request may have (Anthropic API, "Prompt caching", November 2026). */
const maxMarks = 4;

/** The parts of a request that can be marked, in the order of the prompt: tools, instructions, messages. */
export interface MarkedPrompt {
  readonly tools: readonly OutTool[];
  readonly system: readonly OutBlock[];
  readonly turns: readonly (readonly OutBlock[])[];
}

/**
 * Keeps the last four marks. If the client speaks another dialect, names a cache key and sets no marks, the gateway sets them where they save most:
 * on the tools, on the instructions and on the last two turns of the user.
 */
export function limitMarks(prompt: MarkedPrompt, cacheKey: string | undefined, losses: Losses): MarkedPrompt {
  const marked = [...prompt.tools, ...prompt.system, ...prompt.turns.flat()].filter(({ cache }) => cache !== undefined);
  if (marked.length === 0 && cacheKey !== undefined) {
    losses.emulate("cacheKey", "The provider caches what is marked: the gateway sets the marks.");
    return addMarks(prompt);
  }
  if (marked.length <= maxMarks) return prompt;
  losses.clamp("cache", `The provider accepts ${maxMarks} marks: the last ones are kept.`);
  const excess = new Set<object>(marked.slice(0, marked.length - maxMarks));
  const strip = <T extends { readonly cache?: CacheHint | undefined }>(part: T): T =>
    excess.has(part) ? { ...part, cache: undefined } : part;
  return { tools: prompt.tools.map(strip), system: prompt.system.map(strip), turns: prompt.turns.map((blocks) => blocks.map(strip)) };
}

function addMarks({ tools, system, turns }: MarkedPrompt): MarkedPrompt {
  // Turns alternate, and the first one is the user's.
  const last = turns.length - (turns.length % 2 === 1 ? 1 : 2);
  return {
    tools: markLast(tools),
    system: markLast(system),
    turns: turns.map((blocks, at) => (at === last || at === last - 2 ? markLast(blocks) : blocks)),
  };
}

function markLast<T extends { readonly cache?: CacheHint | undefined }>(parts: readonly T[]): readonly T[] {
  return parts.map((part, at) => (at === parts.length - 1 ? { ...part, cache: {} } : part));
}
