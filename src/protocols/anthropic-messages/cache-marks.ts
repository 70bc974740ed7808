import type { CacheHint } from "../../ir/index.ts";
import type { CachePlace, MarkablePrompt } from "../prompt-cache.ts";
import type { Losses } from "../shared/losses.ts";
import type { CachingTarget } from "../translation.ts";
import type { OutBlock } from "./render-blocks.ts";
import type { OutTool } from "./render-tools.ts";

/** How many `cache_control` marks a request may have (Anthropic API, "Prompt caching", November 2026). */
const maxMarks = 4;

/** The parts of a request that can be marked, in the order of the prompt: tools, instructions, messages. */
export interface MarkedPrompt {
  readonly tools: readonly OutTool[];
  readonly system: readonly OutBlock[];
  /** They alternate, and the first one is the user's. */
  readonly turns: readonly (readonly OutBlock[])[];
}

/** How the marks of a request are decided on. */
export interface MarkRules {
  readonly caching: CachingTarget | undefined;
  /** The client's cache key. */
  readonly cacheKey: string | undefined;
  /** The client marks the end of its prompt itself, by `cache_control` at the top of its request. */
  readonly isMarkedAtTop: boolean;
  /** `undefined`: it is not known whether the server caches what is marked. */
  readonly minTokens: number | undefined;
  /** The message of a turn as JSON, with instructions of the system that follow it. */
  readonly print: (turn: readonly OutBlock[], at: number) => string;
}

/**
 * The prompt with its marks. The client's own are kept, at most the last four. Otherwise the gateway sets them where the prompt is expected to be used
 * again (`auto`), or, for a client that names a cache key, where they save most: on the tools, on the instructions and on the last two turns of the user.
 */
export function markPrompt(prompt: MarkedPrompt, rules: MarkRules, losses: Losses): MarkedPrompt {
  const { caching, cacheKey, minTokens } = rules;
  const marked = [...prompt.tools, ...prompt.system, ...prompt.turns.flat()].filter(({ cache }) => cache !== undefined);
  if (caching?.mode === "off") {
    if (marked.length > 0) losses.drop("cache", "The configuration switches prompt caches off.");
    return strip(prompt, new Set(marked));
  }
  if (marked.length > 0 || rules.isMarkedAtTop) return keepLast(prompt, marked, losses);
  if (cacheKey !== undefined) losses.emulate("cacheKey", "The provider caches what is marked: the gateway sets the marks.");
  if (caching?.marker !== undefined && minTokens !== undefined) {
    const isToolStep = prompt.turns.at(-1)?.some(({ fields }) => fields["type"] === "tool_result") === true;
    return setMarks(prompt, caching.marker, { isToolStep, minTokens, print: rules.print });
  }
  return cacheKey === undefined ? prompt : addMarks(prompt);
}

function keepLast(prompt: MarkedPrompt, marked: readonly object[], losses: Losses): MarkedPrompt {
  if (marked.length <= maxMarks) return prompt;
  losses.clamp("cache", `The provider accepts ${maxMarks} marks: the last ones are kept.`);
  return strip(prompt, new Set<object>(marked.slice(0, marked.length - maxMarks)));
}

/** Without the marks of some parts. */
function strip({ tools, system, turns }: MarkedPrompt, excess: ReadonlySet<object>): MarkedPrompt {
  const one = <T extends { readonly cache?: CacheHint | undefined }>(part: T): T =>
    excess.has(part) ? { ...part, cache: undefined } : part;
  return { tools: tools.map(one), system: system.map(one), turns: turns.map((blocks) => blocks.map(one)) };
}

function addMarks({ tools, system, turns }: MarkedPrompt): MarkedPrompt {
  const last = turns.length - (turns.length % 2 === 1 ? 1 : 2);
  return {
    tools: markLast(tools),
    system: markLast(system),
    turns: turns.map((blocks, at) => (at === last || at === last - 2 ? markLast(blocks) : blocks)),
  };
}

type MarkerRules = Omit<MarkablePrompt, "places"> & Pick<MarkRules, "print">;

/** Sets the marks that the marker chooses. */
function setMarks(prompt: MarkedPrompt, marker: NonNullable<CachingTarget["marker"]>, { print, ...rules }: MarkerRules): MarkedPrompt {
  const places: CachePlace[] = [];
  /** The turn of each place; -1 for what comes before the turns. */
  const turnOf: number[] = [];
  let prefix = "";
  let sizeBytes = 0;
  const add = (part: CachePlace["part"], text: string, turn: number): void => {
    prefix = marker.hash(prefix, text);
    sizeBytes += text.length;
    if (turn >= 0 && (turn % 2 === 1 || lastMarkable(prompt.turns[turn]!) < 0)) return;
    places.push({ part, prefix, sizeBytes });
    turnOf.push(turn);
  };
  if (prompt.tools.length > 0) add("tools", JSON.stringify(prompt.tools.map(({ fields }) => fields)), -1);
  if (prompt.system.length > 0) add("instructions", JSON.stringify(prompt.system.map(({ fields }) => fields)), -1);
  for (const [at, turn] of prompt.turns.entries()) add("turn", print(turn, at), at);
  const chosen = marker.choose({ ...rules, places });
  if (chosen.length === 0) return prompt;
  const has = (part: CachePlace["part"]): boolean => chosen.some((at) => places[at]!.part === part);
  const marked = new Set(chosen.map((at) => turnOf[at]!));
  return {
    tools: has("tools") ? markLast(prompt.tools) : prompt.tools,
    system: has("instructions") ? markLast(prompt.system) : prompt.system,
    turns: prompt.turns.map((blocks, at) => (marked.has(at) ? markLast(blocks) : blocks)),
  };
}

/** Thinking cannot be marked, and what this program does not know might not. */
const markable: ReadonlySet<unknown> = new Set(["text", "image", "document", "tool_use", "tool_result"]);

export function isMarkableType(type: unknown): boolean {
  return markable.has(type);
}

function lastMarkable(blocks: readonly OutBlock[]): number {
  return blocks.findLastIndex(({ fields }) => fields["type"] === undefined || fields["name"] !== undefined || markable.has(fields["type"]));
}

function markLast<T extends OutBlock>(parts: readonly T[]): readonly T[] {
  const last = lastMarkable(parts);
  return parts.map((part, at) => (at === last ? { ...part, cache: {} } : part));
}
