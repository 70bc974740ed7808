import type { TextDelta } from "../capabilities.ts";
import { isObject, objectsOf } from "../shared/fields.ts";
import { deltasIn } from "../shared/text-deltas.ts";

/** The pieces of text in a chunk. Calls of functions come whole. */
export function textDeltas(chunk: object): readonly TextDelta[] {
  return objectsOf((chunk as { readonly candidates?: unknown }).candidates).flatMap(({ index, content, finishReason }) => {
    const parts = isObject(content) ? objectsOf(content["parts"]) : [];
    const owner = `candidate ${String(index)}`;
    const deltas = parts.flatMap((part) => deltasIn(part, ["text"], { channel: `${owner} ${part["thought"] === true}`, owner }));
    const isLast = typeof finishReason === "string";
    return deltas.map((each) => (isLast ? { ...each, isLast } : each));
  });
}

/** The beginnings of the channels whose texts have ended. */
export function endedTexts(chunk: object): readonly string[] {
  const candidates = objectsOf((chunk as { readonly candidates?: unknown }).candidates);
  return candidates.flatMap(({ index, finishReason }) => (typeof finishReason === "string" ? [`candidate ${String(index)} `] : []));
}
