import { createHash } from "node:crypto";
import type { JsonObject } from "./json.ts";
import { asObjects, isObject } from "./json.ts";
import type { ScenarioUsage } from "./scenario.ts";

/** Input tokens of one request, as the vendor bills them. */
export type CachedUsage = Pick<ScenarioUsage, "input" | "cached" | "cacheWrite5m">;

const lifetimeMs = 5 * 60_000;
/** How many blocks before a mark are looked at, the marked one included. */
const lookback = 20;
const maxMarks = 4;
const bytesOfToken = 4;

interface PromptBlock {
  readonly text: string;
  readonly isMarked: boolean;
}

/**
 * A stand-in for Claude's prompt cache, which caches and bills as the vendor documents (platform.claude.com, "Prompt caching", November 2026): the prompt
 * in the order tools, system, messages; an entry is made at each mark; a request reads the longest entry at one of its marks or at one of the 19 blocks
 * before each; prompts of less than `minTokens` are not cached; an entry lives for five minutes after its last use; at most four marks.
 */
export class ClaudeCache {
  readonly #nowMs: () => number;
  readonly #minTokens: number;
  readonly #entries = new Map<string, number>();

  constructor(nowMs: () => number, minTokens: number) {
    this.#nowMs = nowMs;
    this.#minTokens = minTokens;
  }

  /** What the vendor bills for a request's prompt. */
  bill(body: JsonObject): CachedUsage {
    const prompt = blocksOf(body);
    const marks = prompt.flatMap(({ isMarked }, at) => (isMarked ? [at] : []));
    if (marks.length > maxMarks) throw new Error(`${marks.length} marks: the vendor refuses more than ${maxMarks}`);
    const { prefixes, tokens } = prefixesOf(prompt);
    const input = tokens.at(-1) ?? 0;
    const nowMs = this.#nowMs();
    const isAlive = (at: number): boolean => (this.#entries.get(prefixes[at]!) ?? 0) > nowMs;
    const hits = marks.flatMap((mark) => {
      for (let at = mark; at > mark - lookback && at >= 0; at--) if (isAlive(at)) return [at];
      return [];
    });
    const read = hits.length === 0 ? -1 : Math.max(...hits);
    const written = marks.findLast((mark) => mark > read && tokens[mark]! >= this.#minTokens) ?? -1;
    for (const at of [...marks.filter((mark) => tokens[mark]! >= this.#minTokens), ...(read < 0 ? [] : [read])])
      this.#entries.set(prefixes[at]!, nowMs + lifetimeMs);
    const cached = read < 0 ? 0 : tokens[read]!;
    return { input, cached, cacheWrite5m: written < 0 ? 0 : tokens[written]! - cached };
  }
}

function blocksOf(body: JsonObject): readonly PromptBlock[] {
  const system = typeof body["system"] === "string" ? [{ type: "text", text: body["system"] }] : asObjects(body["system"]);
  const turns = asObjects(body["messages"]).flatMap(({ role, content }) =>
    (typeof content === "string" ? [{ type: "text", text: content }] : asObjects(content)).map((block) => ({ ...block, role })),
  );
  return [...asObjects(body["tools"]), ...system, ...turns].map((block: JsonObject) => {
    const { cache_control: mark, ...rest } = block;
    return { text: JSON.stringify(rest), isMarked: isObject(mark) };
  });
}

/** Hash and tokens of the prompt up to each block. */
function prefixesOf(prompt: readonly PromptBlock[]): { readonly prefixes: readonly string[]; readonly tokens: readonly number[] } {
  const prefixes: string[] = [];
  const tokens: number[] = [];
  const hash = createHash("sha256");
  let sizeBytes = 0;
  for (const { text } of prompt) {
    hash.update(text);
    sizeBytes += text.length;
    prefixes.push(hash.copy().digest("base64"));
    tokens.push(Math.round(sizeBytes / bytesOfToken));
  }
  return { prefixes, tokens };
}
