import type { TextDelta } from "../capabilities.ts";
import { isObject, objectsOf, type WireObject } from "../shared/fields.ts";
import { deltasIn } from "../shared/text-deltas.ts";

/**
 * The pieces of text in a chunk. Calls of functions come whole, but for Vertex AI with `streamFunctionCallArguments`: `{"functionCall": {"partialArgs": [{"jsonPath": "$.to",
 * "stringValue": "ad", "willContinue": true}], "willContinue": true}}` (googleapis.github.io/js-genai, PartialArg, 2026-11-29).
 */
export function textDeltas(chunk: object): readonly TextDelta[] {
  return objectsOf((chunk as { readonly candidates?: unknown }).candidates).flatMap(({ index, content, finishReason }) => {
    const parts = isObject(content) ? objectsOf(content["parts"]) : [];
    const owner = `candidate ${String(index)}`;
    const hasEnded = isEnd(finishReason);
    const lastOther = parts.findLastIndex(isOther);
    return parts.flatMap((part, at) => {
      const args = partialArgs(part);
      if (args !== undefined) return args.flatMap((arg) => deltasOfArgument(arg, `call ${String(index)}`));
      const deltas = deltasIn(part, ["text"], { channel: `${owner} ${part["thought"] === true}`, owner });
      const isFollowed = at < lastOther;
      return hasEnded || isFollowed ? deltas.map((each) => ({ ...each, isLast: true, isFollowed })) : deltas;
    });
  });
}

/** `undefined`: the part is no call whose arguments come in pieces. */
function partialArgs({ functionCall }: WireObject): readonly WireObject[] | undefined {
  return isObject(functionCall) && functionCall["partialArgs"] !== undefined ? objectsOf(functionCall["partialArgs"]) : undefined;
}

function deltasOfArgument(arg: WireObject, owner: string): readonly TextDelta[] {
  const deltas = deltasIn(arg, ["stringValue"], { channel: `${owner} ${String(arg["jsonPath"])}`, owner });
  return arg["willContinue"] === true ? deltas : deltas.map((each) => ({ ...each, isLast: true, isFollowed: true }));
}

/** A call of a function, or a medium: its place is behind the text that came before it. */
const isOther = (part: WireObject): boolean => typeof part["text"] !== "string";

const isEnd = (reason: unknown): boolean => typeof reason === "string" && reason !== "" && reason !== "FINISH_REASON_UNSPECIFIED";

/** The beginnings of the channels whose texts have ended. */
export function endedTexts(chunk: object): readonly string[] {
  const candidates = objectsOf((chunk as { readonly candidates?: unknown }).candidates);
  return candidates.flatMap(({ index, content, finishReason }) => {
    const parts = isObject(content) ? objectsOf(content["parts"]) : [];
    const isOver = isEnd(finishReason);
    return [
      ...(isOver || parts.some(isOther) ? [`candidate ${String(index)} `] : []),
      ...(isOver || parts.some((part) => isObject(part["functionCall"]) && partialArgs(part) === undefined)
        ? [`call ${String(index)} `]
        : []),
    ];
  });
}
