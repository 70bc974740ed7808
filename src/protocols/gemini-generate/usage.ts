import { readTokenCount, type Usage } from "../../ir/index.ts";
import { isObject } from "../fields.ts";
import type { WireUsage } from "./wire.ts";

/**
 * Reads `usageMetadata`. The prompt includes what was cached, thoughts stand beside the candidates, and what tools put into the prompt beside the
 * prompt. `undefined` where nothing is reported; a count that is no whole number of tokens is as absent.
 */
export function readUsage(wire: unknown): Usage | undefined {
  if (!isObject(wire)) return undefined;
  const prompt = readTokenCount(wire["promptTokenCount"]);
  const toolPrompt = readTokenCount(wire["toolUsePromptTokenCount"]);
  const candidates = readTokenCount(wire["candidatesTokenCount"]);
  const reasoning = readTokenCount(wire["thoughtsTokenCount"]);
  const cacheRead = readTokenCount(wire["cachedContentTokenCount"]);
  const usage: Usage = {
    ...(prompt === undefined ? {} : { input: prompt + (toolPrompt ?? 0) }),
    ...(candidates === undefined && reasoning === undefined ? {} : { output: (candidates ?? 0) + (reasoning ?? 0) }),
    ...(cacheRead === undefined ? {} : { cacheRead }),
    ...(reasoning === undefined ? {} : { reasoning }),
  };
  return Object.keys(usage).length === 0 ? undefined : usage;
}

/** `usageMetadata` of an answer; what is not known is left out. Tokens written to a cache are a part of the prompt and have no name here. */
export function renderUsage(usage: Usage): WireUsage {
  const { input, output, reasoning, cacheRead } = usage;
  return {
    ...(input === undefined ? {} : { promptTokenCount: input }),
    ...(output === undefined ? {} : { candidatesTokenCount: Math.max(0, output - (reasoning ?? 0)) }),
    ...(reasoning === undefined ? {} : { thoughtsTokenCount: reasoning }),
    ...(cacheRead === undefined ? {} : { cachedContentTokenCount: cacheRead }),
    ...(input === undefined && output === undefined ? {} : { totalTokenCount: (input ?? 0) + (output ?? 0) }),
  };
}
