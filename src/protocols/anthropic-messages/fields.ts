import type { Extensions } from "../../ir/index.ts";
import { createFieldReaders, type WireObject } from "../fields.ts";

/** The readers of the dialect: `messages.0.content.1.text: …`, as the vendor's own messages name a field. */
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
