import { isObject, objectsOf, type WireObject } from "../shared/fields.ts";
import { takesSampling } from "../openai-shared/render-limits.ts";
import type { RenderTarget, TokenProbability, TokenProbabilities } from "../translation.ts";

/**
 * `logprobs` and `top_logprobs` (`ChatCompletionCreateParamsBase` of the npm package `openai` 7.57; vLLM and most compatible servers have them). The vendor's models take
 * them where they take a temperature: not while they reason.
 */
export const tokenProbabilities: TokenProbabilities = {
  ask(body, target, top) {
    const wire = JSON.parse(body) as WireObject;
    if (refuses(wire, target)) return body;
    return JSON.stringify({ ...wire, logprobs: true, top_logprobs: top });
  },
  read(body) {
    const wire: unknown = JSON.parse(body);
    const [choice] = isObject(wire) ? objectsOf(wire["choices"]) : [];
    const logprobs = choice?.["logprobs"];
    const [first] = isObject(logprobs) ? objectsOf(logprobs["content"]) : [];
    return first === undefined ? undefined : readTokens(objectsOf(first["top_logprobs"]));
  },
};

function refuses(wire: WireObject, target: RenderTarget): boolean {
  if (target.quirks.refusedFields?.includes("logprobs") === true) return true;
  const effort = wire["reasoning_effort"];
  return !takesSampling(target, typeof effort === "string" ? effort : undefined);
}

function readTokens(tokens: readonly WireObject[]): readonly TokenProbability[] | undefined {
  const found = tokens.flatMap(({ token, logprob }): TokenProbability[] =>
    typeof token === "string" && typeof logprob === "number" ? [{ token, probability: Math.exp(Math.min(0, logprob)) }] : [],
  );
  return found.length === 0 ? undefined : found;
}
