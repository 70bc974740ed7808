import type { TextDelta } from "../capabilities.ts";
import { isObject, objectsOf } from "../shared/fields.ts";
import { deltasIn } from "../shared/text-deltas.ts";

const texts = ["content", "reasoning_content", "reasoning", "refusal"];

/** The pieces of text in a chunk. */
export function textDeltas(chunk: object): readonly TextDelta[] {
  return objectsOf((chunk as { readonly choices?: unknown }).choices).flatMap(({ index, delta, finish_reason: end }) => {
    if (!isObject(delta)) return [];
    const channel = `choice ${String(index)}`;
    const calls = objectsOf(delta["tool_calls"]).flatMap(({ index: call, function: called }) =>
      isObject(called) ? deltasIn(called, ["arguments"], `${channel} call ${String(call)}`, "json") : [],
    );
    const isLast = typeof end === "string";
    return [...deltasIn(delta, texts, channel), ...calls].map((each) => (isLast ? { ...each, isLast } : each));
  });
}
