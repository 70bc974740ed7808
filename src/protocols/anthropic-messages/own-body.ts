import { memberIn, memberSpan, readString, scanDocument } from "../../core/index.ts";
import type { Loss } from "../translation.ts";
import type { FittedBody, OwnTarget } from "../protocol.ts";

/** The loss on a server that refuses an effort beside thinking that is switched off. */
export const effortLoss: Loss = {
  param: "reasoning.effort",
  action: "dropped",
  reason: "The provider refuses it if the model does not reason.",
};

/**
 * Changes the body of a client of this dialect for a server with quirks. There is one such quirk here: Claude Code sends `output_config.effort`
 * beside `thinking: {"type":"disabled"}` for its subagents, and the effort is cut out.
 */
export function fitOwnBody(text: string, target: OwnTarget): FittedBody | undefined {
  if (target.quirks.noEffortWithoutThinking !== true) return undefined;
  const [thinking, output] = scanDocument(text, ["thinking", "output_config"]).spans;
  const effort = memberIn(text, output, "effort");
  if (effort === undefined || readString(text, memberIn(text, thinking, "type")) !== "disabled") return undefined;
  const cut = memberSpan(text, "effort", effort);
  const isAlone = `${text.slice(output!.start, cut.start)}${text.slice(cut.end, output!.end)}`.replaceAll(/\s/g, "") === "{}";
  const { start, end } = isAlone ? memberSpan(text, "output_config", output!) : cut;
  return { text: text.slice(0, start) + text.slice(end), losses: [effortLoss] };
}
