import type { Extensions } from "../../ir/index.ts";
import { createFieldReaders, type FieldReaders, type WireObject } from "../shared/fields.ts";

/** The readers of the dialect. They name a field as the vendor's own messages do: `messages.0.content.1.text: …`. */
export const fields: FieldReaders = createFieldReaders({
  message: (path, expected) => `${path}: expected ${expected}.`,
  element: (path, index) => (path === "" ? String(index) : `${path}.${index}`),
});

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
} = fields;

export function extensionsOf(own: WireObject | undefined): Extensions | undefined {
  return own === undefined ? undefined : { "anthropic-messages": own };
}
