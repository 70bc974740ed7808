import { isError } from "../answered-error.ts";
import { isObject, type WireObject } from "../fields.ts";
import { readErrorObject } from "../openai-shared/errors.ts";
import type { UpstreamError } from "../protocol.ts";

/**
 * The error that a choice ends with, in an answer or a chunk: OpenRouter puts `error` into the choice, and OpenRouter and Mistral use
 * `"finish_reason":"error"` (openrouter.ai/docs, docs.mistral.ai, November 2026).
 */
export function errorOfChoice(choice: WireObject): UpstreamError | undefined {
  const { error } = choice;
  if (isError(error)) return readErrorObject({ error });
  return choice["finish_reason"] === "error" ? { status: 502, message: "The provider ended its answer with an error." } : undefined;
}

/** The first error among the choices of an answer or a chunk. */
export function errorOfChoices(choices: unknown): UpstreamError | undefined {
  if (!Array.isArray(choices)) return undefined;
  for (const choice of choices as readonly unknown[]) {
    const error = isObject(choice) ? errorOfChoice(choice) : undefined;
    if (error !== undefined) return error;
  }
  return undefined;
}
