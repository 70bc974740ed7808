import type { TextDelta } from "../capabilities.ts";
import type { WireObject } from "./fields.ts";

/** The members of an object that are pieces of texts. `channel`: what the pieces of one text have in common. */
export function deltasIn(holder: WireObject, keys: readonly string[], channel: string, form: TextDelta["form"] = "text"): TextDelta[] {
  return keys.flatMap((key) => (typeof holder[key] === "string" ? [{ channel: `${channel} ${key}`, holder, key, form }] : []));
}
