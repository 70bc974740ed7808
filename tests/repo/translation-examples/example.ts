import type { ProtocolId } from "../../../src/ir/index.ts";

/** Members of a request's body. */
export type Fields = Readonly<Record<string, unknown>>;

/** A field in use: `fields` are put over the request of `bases`, and what they change is compared with the same request and only `beside`. */
export interface FieldExample {
  readonly fields: Fields;
  readonly beside?: Fields;
  /** Asked for as a stream. */
  readonly stream?: boolean;
}

export const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
export const pixel = "iVBORw0KGgo=";

export const just = (fields: Fields): FieldExample => ({ fields });
export const each = (fields: Fields): Readonly<Record<string, FieldExample>> =>
  Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, just({ [key]: value })]));

/** The least request of each dialect; Gemini's model stands in the path. */
export const bases: Readonly<Record<ProtocolId, Fields>> = {
  "openai-chat": { model: "m", messages: [{ role: "user", content: "hi" }] },
  "openai-responses": { model: "m", input: "hi" },
  "anthropic-messages": { model: "m", max_tokens: 8000, messages: [{ role: "user", content: "hi" }] },
  "gemini-generate": { contents: [{ role: "user", parts: [{ text: "hi" }] }] },
};

/** A conversation that has begun. */
export const talk = [
  { role: "user", content: "hi" },
  { role: "assistant", content: "Yes?" },
];
