import type { TextDelta } from "../capabilities.ts";
import { isObject, objectsOf, type WireObject } from "../shared/fields.ts";
import { deltasIn } from "../shared/text-deltas.ts";

/** The pieces of text in a chunk. Calls of functions come whole. */
export function textDeltas(chunk: object): readonly TextDelta[] {
  return objectsOf((chunk as { readonly candidates?: unknown }).candidates).flatMap(({ index, content, finishReason }) => {
    const parts = isObject(content) ? objectsOf(content["parts"]) : [];
    const owner = `candidate ${String(index)}`;
    const hasEnded = isEnd(finishReason);
    const lastOther = parts.findLastIndex(isOther);
    return parts.flatMap((part, at) => {
      const deltas = deltasIn(part, ["text"], { channel: `${owner} ${part["thought"] === true}`, owner });
      const isFollowed = at < lastOther;
      return hasEnded || isFollowed ? deltas.map((each) => ({ ...each, isLast: true, isFollowed })) : deltas;
    });
  });
}

/** A call of a function, or a medium: its place is behind the text that came before it. */
const isOther = (part: WireObject): boolean => typeof part["text"] !== "string";

const isEnd = (reason: unknown): boolean => typeof reason === "string" && reason !== "" && reason !== "FINISH_REASON_UNSPECIFIED";

/** The beginnings of the channels whose texts have ended. */
export function endedTexts(chunk: object): readonly string[] {
  const candidates = objectsOf((chunk as { readonly candidates?: unknown }).candidates);
  return candidates.flatMap(({ index, content, finishReason }) => {
    const parts = isObject(content) ? objectsOf(content["parts"]) : [];
    return isEnd(finishReason) || parts.some(isOther) ? [`candidate ${String(index)} `] : [];
  });
}
