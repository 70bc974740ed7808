import type { TextDelta } from "../capabilities.ts";
import { isObject, objectsOf } from "../shared/fields.ts";
import { deltasIn } from "../shared/text-deltas.ts";

const texts = ["content", "reasoning_content", "reasoning", "refusal"];

/** The pieces of text in a chunk. */
export function textDeltas(chunk: object): readonly TextDelta[] {
  return objectsOf((chunk as { readonly choices?: unknown }).choices).flatMap(({ index, delta, finish_reason: end }) => {
    if (!isObject(delta)) return [];
    const owner = `choice ${String(index)}`;
    const calls = objectsOf(delta["tool_calls"]).flatMap(({ index: call, function: called }) =>
      argumentsOf(called, `${owner} call ${String(call)}`, owner),
    );
    const { audio } = delta;
    const isLast = isEnd(end);
    return [
      ...deltasIn(delta, texts, { channel: owner, owner }),
      ...partsOf(delta["content"], owner),
      ...objectsOf(delta["reasoning_details"]).flatMap((detail) =>
        deltasIn(detail, ["text", "summary"], { channel: `${owner} detail ${String(detail["index"])}`, owner }),
      ),
      ...(isObject(audio) ? deltasIn(audio, ["transcript"], { channel: owner, owner: `${owner} audio` }) : []),
      ...argumentsOf(delta["function_call"], owner, owner),
      ...calls,
    ].map((each) => (isLast ? { ...each, isLast } : each));
  });
}

/** Mistral's servers send a list of parts where reasoning is among them. */
function partsOf(content: unknown, owner: string): TextDelta[] {
  return objectsOf(content).flatMap((part) => [
    ...deltasIn(part, ["text"], { channel: `${owner} part`, owner }),
    ...objectsOf(part["thinking"]).flatMap((thought) => deltasIn(thought, ["text"], { channel: `${owner} thought`, owner })),
  ]);
}

/** Some servers send an empty reason with each chunk. */
const isEnd = (reason: unknown): boolean => typeof reason === "string" && reason !== "";

function argumentsOf(called: unknown, channel: string, owner: string): TextDelta[] {
  return isObject(called) ? deltasIn(called, ["arguments"], { channel, owner, form: "json" }) : [];
}

/** The beginnings of the channels whose texts have ended. */
export function endedTexts(chunk: object): readonly string[] {
  const choices = objectsOf((chunk as { readonly choices?: unknown }).choices);
  return choices.flatMap(({ index, finish_reason: end }) => (isEnd(end) ? [`choice ${String(index)} `] : []));
}
