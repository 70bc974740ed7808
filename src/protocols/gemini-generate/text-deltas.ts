import type { TextDelta } from "../capabilities.ts";
import { isObject, objectsOf } from "../shared/fields.ts";
import { deltasIn } from "../shared/text-deltas.ts";

/** The pieces of text in a chunk. Calls of functions come whole. */
export function textDeltas(chunk: object): readonly TextDelta[] {
  return objectsOf((chunk as { readonly candidates?: unknown }).candidates).flatMap(({ index, content, finishReason }) => {
    const parts = isObject(content) ? objectsOf(content["parts"]) : [];
    const deltas = parts.flatMap((part) => deltasIn(part, ["text"], `candidate ${String(index)} ${part["thought"] === true}`));
    const isLast = typeof finishReason === "string";
    return deltas.map((each) => (isLast ? { ...each, isLast } : each));
  });
}
