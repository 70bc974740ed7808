import {
  applyEdits,
  asBytes,
  elementsOf,
  latin1OfUtf8,
  noBytes,
  scanDocument,
  skipSpace,
  type Bytes,
  type Edit,
} from "../../core/index.ts";
import type { CacheablePrompt, ContextCaching, FixedPart, KeptContext } from "../context-cache.ts";
import { isObject } from "../shared/fields.ts";
import { jsonValue } from "../shared/json-text.ts";
import { modelResource } from "./model-name.ts";

const fixedNames = ["systemInstruction", "tools", "toolConfig"] as const;
/** Each as the API's JSON spells it, and as its descriptions do; the vendor takes both. */
const spellings = ["systemInstruction", "system_instruction", "tools", "toolConfig", "tool_config"] as const;
const nameOfSpelling: Readonly<Record<string, (typeof fixedNames)[number]>> = {
  systemInstruction: "systemInstruction",
  system_instruction: "systemInstruction",
  tools: "tools",
  toolConfig: "toolConfig",
  tool_config: "toolConfig",
};
/** A request with one of these is left as it is: it has a cache of its own, or another price. */
const excluding = ["cachedContent", "cached_content", "serviceTier", "service_tier"] as const;
/** Names 2.0 to 2.5. */
const older = /gemini-2\./;

/**
 * `cachedContents` of the Gemini API (ai.google.dev, "Context caching" and the reference of `cachedContents`, November 2026): `POST /v1beta/cachedContents` with `model`, `ttl`
 * and `systemInstruction`, `tools`, `toolConfig`, `contents`; a request then has `cachedContent` in their place ("Tool config, tools and system instruction should not be set
 * in the request when using cached content"), and its `contents` follow the kept ones.
 */
export const contextCaching: ContextCaching = {
  // The table "Min token limit" there.
  minTokens: (model) => (older.test(model) ? 2048 : 4096),
  read: readPrompt,
  refer,
  create(prompt, { model, turns, ttlSeconds }) {
    const { text } = prompt;
    const parts = prompt.fixed.map(({ name, value }) => `,"${name}":${text.slice(value.start, value.end)}`);
    const contents =
      turns === 0
        ? ""
        : `,"contents":[${prompt.turns
            .slice(0, turns)
            .map(({ start, end }) => text.slice(start, end))
            .join(",")}]`;
    const head = latin1OfUtf8(`{"model":${JSON.stringify(modelResource(model))},"displayName":"tokligence","ttl":"${ttlSeconds}s"`);
    return { method: "POST", path: "/v1beta/cachedContents", body: asBytes(`${head}${parts.join("")}${contents}}`) };
  },
  extend: (name, ttlSeconds) => ({ method: "PATCH", path: `/v1beta/${name}?updateMask=ttl`, body: asBytes(`{"ttl":"${ttlSeconds}s"}`) }),
  parse: parseKept,
  isAboutCache: (message) => /cached ?content/i.test(message),
  leastTokens(message) {
    const [, least] = /min_total_token_count=(\d{1,7})\b/.exec(message) ?? [];
    return least === undefined ? undefined : Number(least);
  },
};

function readPrompt(text: Bytes): CacheablePrompt | undefined {
  const { spans } = scanDocument(text, [...spellings, "contents", ...excluding]);
  const contents = spans[spellings.length];
  if (contents === undefined || text[contents.start] !== "[" || spans.slice(spellings.length + 1).some((span) => span !== undefined))
    return undefined;
  const fixed: FixedPart[] = [];
  for (const [at, key] of spellings.entries()) {
    const value = spans[at];
    const name = nameOfSpelling[key]!;
    if (value === undefined) continue;
    if (fixed.some((other) => other.name === name)) return undefined;
    fixed.push({ key, name, value });
  }
  const turns = elementsOf(text, contents);
  return turns.length === 0 ? undefined : { text, fixed, turns };
}

/** The kept parts are cut out, with the comma behind them, and the cache's name is the last member. */
function refer({ text, fixed, turns }: CacheablePrompt, kept: number, name: string): Bytes {
  const edits: Edit[] = fixed.map(({ key, value }) => {
    const start = text.lastIndexOf(`"${key}"`, value.start - 1);
    const after = skipSpace(text, value.end);
    return { start, end: text[after] === "," ? after + 1 : value.end, text: noBytes };
  });
  if (kept > 0) edits.push({ start: turns[0]!.start, end: turns[kept]!.start, text: noBytes });
  const close = text.lastIndexOf("}");
  const isLastCut = edits.some(({ end }) => skipSpace(text, end) === close);
  edits.push({ start: close, end: close, text: latin1OfUtf8(`${isLastCut ? "" : ","}"cachedContent":${JSON.stringify(name)}`) });
  return applyEdits(
    text,
    edits.toSorted((one, other) => one.start - other.start),
  );
}

function parseKept(body: string): KeptContext | undefined {
  const wire = jsonValue(body);
  const name = isObject(wire) ? wire["name"] : undefined;
  if (!isObject(wire) || typeof name !== "string" || !/^cachedContents\/[\w-]{1,200}$/.test(name)) return undefined;
  const metadata = wire["usageMetadata"];
  const tokens = isObject(metadata) ? metadata["totalTokenCount"] : undefined;
  return { name, tokens: typeof tokens === "number" && Number.isSafeInteger(tokens) && tokens > 0 ? tokens : undefined };
}
