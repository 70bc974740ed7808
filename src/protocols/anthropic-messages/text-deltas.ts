import type { TextDelta } from "../capabilities.ts";
import { isObject } from "../shared/fields.ts";
import { deltasIn } from "../shared/text-deltas.ts";

/** The piece of text in an event. */
export function textDeltas(event: object): readonly TextDelta[] {
  const { index, delta } = event as { readonly index?: unknown; readonly delta?: unknown };
  if (!isObject(delta)) return [];
  const channel = `block ${String(index)}`;
  const place = { channel, owner: channel };
  return [...deltasIn(delta, ["text", "thinking"], place), ...deltasIn(delta, ["partial_json"], { ...place, form: "json" })];
}

/** The beginnings of the channels whose texts have ended. */
export function endedTexts(event: object): readonly string[] {
  const { type, index } = event as { readonly type?: unknown; readonly index?: unknown };
  if (type === "content_block_stop") return [`block ${String(index)} `];
  return type === "message_delta" || type === "message_stop" || type === "error" ? [""] : [];
}
