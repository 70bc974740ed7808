import { isError } from "../shared/answered-error.ts";
import { brokenEnd, isBrokenEnd } from "../shared/broken-end.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import { readErrorObject } from "../openai-shared/errors.ts";
import type { UpstreamError } from "../protocol.ts";

/** The error object in a choice of an answer or a chunk: OpenRouter puts `error` into the choice (openrouter.ai/docs, November 2026), other servers into its message or delta. */
export function errorOfChoice(choice: WireObject): UpstreamError | undefined {
  for (const holder of [choice, choice["delta"], choice["message"]]) {
    if (isObject(holder) && isError(holder["error"])) return readErrorObject({ error: holder["error"] });
  }
  return undefined;
}

/** The error if the finish reason of a choice is one; `native_finish_reason` has the word of the vendor behind OpenRouter. */
export function brokenEndOfChoice(choice: WireObject): UpstreamError | undefined {
  const reason = choice["finish_reason"];
  if (typeof reason !== "string" || !isBrokenEnd(reason)) return undefined;
  const native = choice["native_finish_reason"];
  return brokenEnd(reason, native === reason ? undefined : native);
}

/** The first error object among the choices of an answer or a chunk. */
export function errorOfChoices(choices: unknown): UpstreamError | undefined {
  return firstOf(choices, errorOfChoice);
}

/** The first broken end among them. */
export function brokenEndOfChoices(choices: unknown): UpstreamError | undefined {
  return firstOf(choices, brokenEndOfChoice);
}

function firstOf(choices: unknown, read: (choice: WireObject) => UpstreamError | undefined): UpstreamError | undefined {
  if (!Array.isArray(choices)) return undefined;
  for (const choice of choices as readonly unknown[]) {
    const error = isObject(choice) ? read(choice) : undefined;
    if (error !== undefined) return error;
  }
  return undefined;
}
