import type { TextDelta } from "../capabilities.ts";
import type { WireObject } from "./fields.ts";

/** What the pieces of one text have in common, and its form. */
export interface DeltaPlace extends Pick<TextDelta, "owner"> {
  readonly channel: string;
  /** `text` if omitted. */
  readonly form?: TextDelta["form"];
}

/** The members of an object that are pieces of texts. */
export function deltasIn(holder: WireObject, keys: readonly string[], { channel, owner, form = "text" }: DeltaPlace): TextDelta[] {
  return keys.flatMap((key) => (typeof holder[key] === "string" ? [{ channel: `${channel} ${key}`, owner, holder, key, form }] : []));
}
