import type { WireObject } from "../fields.ts";

/**
 * Items of `input` where each message of the assistant's tells its `phase`, as later models want it back ("dropping it can degrade performance",
 * `EasyInputMessage` of the npm package `openai` 7.57). Other dialects have no such word, so it is what the gateway's own answers say: `commentary` is
 * what a call follows in the same turn, else it is the `final_answer`. An item that a client of this protocol sent with fields of its own stays as it is.
 */
export function labelPhases(items: readonly WireObject[]): readonly WireObject[] {
  let callFollows = false;
  return items
    .toReversed()
    .map((item) => {
      const type = String(item["type"]);
      if (type.endsWith("_call")) callFollows = true;
      if (type.endsWith("_output") || (type === "message" && item["role"] !== "assistant")) callFollows = false;
      return isUnlabelled(item) ? { ...item, phase: callFollows ? "commentary" : "final_answer" } : item;
    })
    .toReversed();
}

function isUnlabelled(item: WireObject): boolean {
  return item["role"] === "assistant" && !["id", "status", "phase"].some((field) => field in item);
}
