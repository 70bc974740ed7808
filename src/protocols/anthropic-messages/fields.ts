import type { Extensions } from "../../ir/index.ts";
import { createFieldReaders, type WireObject } from "../shared/fields.ts";

/** The readers of the dialect. They name a field as the vendor's own messages do: `messages.0.content.1.text: …`. */
export const {
  invalidField,
  join,
  readObject,
  readArray,
  requiredString,
  optionalString,
  optionalNumber,
  optionalBoolean,
  optionalObject,
  optionalArray,
  optionalStrings,
} = createFieldReaders({
  message: (path, expected) => `${path}: expected ${expected}.`,
  element: (path, index) => (path === "" ? String(index) : `${path}.${index}`),
});

export function extensionsOf(fields: WireObject | undefined): Extensions | undefined {
  return fields === undefined ? undefined : { "anthropic-messages": fields };
}
