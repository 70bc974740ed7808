import type { TextDelta } from "../capabilities.ts";
import { deltasIn } from "../shared/text-deltas.ts";

/** The piece of text in an event; other events have texts as a whole. */
export function textDeltas(event: object): readonly TextDelta[] {
  const holder = event as Record<string, unknown>;
  const { type, item_id: item, output_index: output, content_index: content, summary_index: summary } = holder;
  if (typeof type !== "string" || !type.endsWith(".delta")) return [];
  const channel = [type, item, output, content, summary].map(String).join(" ");
  return deltasIn(holder, ["delta"], channel, type === "response.function_call_arguments.delta" ? "json" : "text");
}
