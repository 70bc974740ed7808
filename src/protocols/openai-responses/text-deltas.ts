import type { TextDelta } from "../capabilities.ts";
import { deltasIn } from "../shared/text-deltas.ts";

/** The piece of text in an event; other events have texts as a whole. */
export function textDeltas(event: object): readonly TextDelta[] {
  const holder = event as Record<string, unknown>;
  const { type } = holder;
  if (typeof type !== "string" || !type.endsWith(".delta")) return [];
  const channel = channelOf(type, holder);
  return deltasIn(holder, ["delta"], { channel, owner: channel, form: isArguments(type) ? "json" : "text" });
}

const isArguments = (type: string): boolean => type.endsWith("_arguments.delta");

function channelOf(
  type: string,
  { item_id: item, output_index: output, content_index: content, summary_index: summary }: Record<string, unknown>,
): string {
  return [type, item, output, content, summary].map(String).join(" ");
}

const endings: ReadonlySet<string> = new Set(["response.completed", "response.incomplete", "response.failed", "error"]);

/** The beginnings of the channels whose texts have ended. */
export function endedTexts(event: object): readonly string[] {
  const holder = event as Record<string, unknown>;
  const { type } = holder;
  if (typeof type !== "string") return [];
  if (type.endsWith(".done")) return [`${channelOf(type.replace(/done$/, "delta"), holder)} `];
  return endings.has(type) ? [""] : [];
}
