import { readTokenCount, type Usage } from "../../ir/index.ts";
import { compact, isObject } from "../shared/fields.ts";
import type { WireUsage } from "./wire.ts";

/** The usage of a blocked prompt without counts: no model has read it, so nothing is charged or estimated. */
export const noUsage: Usage = { input: 0, output: 0 };

/**
 * Reads `usageMetadata`. The prompt includes cached tokens; thoughts are counted beside the candidates, and the tokens that tools add to the prompt
 * beside the prompt. `undefined` if nothing is reported. A count that is not a whole number of tokens is ignored.
 */
export function readUsage(wire: unknown): Usage | undefined {
  if (!isObject(wire)) return undefined;
  const prompt = readTokenCount(wire["promptTokenCount"]);
  const toolPrompt = readTokenCount(wire["toolUsePromptTokenCount"]);
  const candidates = readTokenCount(wire["candidatesTokenCount"]);
  const reasoning = readTokenCount(wire["thoughtsTokenCount"]);
  const cacheRead = readTokenCount(wire["cachedContentTokenCount"]);
  const usage: Usage = compact({
    input: prompt === undefined ? undefined : prompt + (toolPrompt ?? 0),
    output: candidates === undefined && reasoning === undefined ? undefined : (candidates ?? 0) + (reasoning ?? 0),
    cacheRead,
    reasoning,
  });
  return Object.keys(usage).length === 0 ? undefined : usage;
}

/** Renders the `usageMetadata` of an answer; unknown counts are omitted. Tokens written to a cache are part of the prompt and have no field here. */
export function renderUsage(usage: Usage): WireUsage {
  const { input, output, reasoning, cacheRead } = usage;
  return compact({
    promptTokenCount: input,
    candidatesTokenCount: output === undefined ? undefined : Math.max(0, output - (reasoning ?? 0)),
    thoughtsTokenCount: reasoning,
    cachedContentTokenCount: cacheRead,
    totalTokenCount: input === undefined && output === undefined ? undefined : (input ?? 0) + (output ?? 0),
  });
}
