import type { Attempt } from "../../upstream/index.ts";
import type { ModelCall } from "../model-call.ts";
import { estimateInput } from "./estimate-usage.ts";

/** The output that is assumed where neither the request nor earlier answers say anything. */
export const usualOutputTokens = 1000;
/** A client may write any number. */
const mostTokens = 10_000_000;
const mostChoices = 1000;

/** The tokens that limits reserve for a request: its prompt as it is estimated, and as much output as it allows, or else as the model's answers had of late. */
export function reservedTokens(call: ModelCall, attempt: Attempt): number {
  const { isBilled, hasOutput } = call.request.traits;
  if (!isBilled) return 0;
  const input = estimateInput(call, attempt);
  if (!hasOutput) return input;
  const { maxOutputTokens, choices = 1 } = call.request.envelope;
  const output = maxOutputTokens ?? attempt.states[0]?.measures.outputTokens.value ?? usualOutputTokens;
  return input + Math.min(mostTokens, Math.ceil(output)) * Math.min(mostChoices, Math.max(1, choices));
}
