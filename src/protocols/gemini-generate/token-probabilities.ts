import { isObject, objectsOf, type WireObject } from "../shared/fields.ts";
import type { TokenProbability, TokenProbabilities } from "../translation.ts";

/**
 * `generationConfig.responseLogprobs` and `logprobs`, the number of alternatives; in the answer `logprobsResult.topCandidates[].candidates[]` (Gemini API,
 * `GenerationConfig` and `LogprobsResult`; November 2026).
 */
export const tokenProbabilities: TokenProbabilities = {
  ask(body, _target, top) {
    const wire = JSON.parse(body) as WireObject;
    const config = isObject(wire["generationConfig"]) ? wire["generationConfig"] : {};
    return JSON.stringify({ ...wire, generationConfig: { ...config, responseLogprobs: true, logprobs: top } });
  },
  read(body) {
    const wire: unknown = JSON.parse(body);
    const [candidate] = isObject(wire) ? objectsOf(wire["candidates"]) : [];
    const result = candidate?.["logprobsResult"];
    const [first] = isObject(result) ? objectsOf(result["topCandidates"]) : [];
    const found = objectsOf(first?.["candidates"]).flatMap(({ token, logProbability }): TokenProbability[] =>
      typeof token === "string" && typeof logProbability === "number"
        ? [{ token, probability: Math.exp(Math.min(0, logProbability)) }]
        : [],
    );
    return found.length === 0 ? undefined : found;
  },
};
