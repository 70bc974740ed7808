import type { WireObject } from "../shared/fields.ts";

/**
 * Adds the `phase` to each message of the assistant in `input`, as later models need it back ("dropping it can degrade performance",
 * `EasyInputMessage` of the npm package `openai` 7.57). Other dialects have no phase, so it is that of the gateway's own answers: `commentary` if a
 * call follows in the same turn, else `final_answer`. An item that a client of this protocol sent with fields of its own is not changed.
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
