import type { TextDelta } from "../capabilities.ts";
import { isObject } from "../shared/fields.ts";
import { deltasIn } from "../shared/text-deltas.ts";

/** The piece of text in an event. */
export function textDeltas(event: object): readonly TextDelta[] {
  const { index, delta } = event as { readonly index?: unknown; readonly delta?: unknown };
  if (!isObject(delta)) return [];
  const channel = `block ${String(index)}`;
  return [...deltasIn(delta, ["text", "thinking"], channel), ...deltasIn(delta, ["partial_json"], channel, "json")];
}
