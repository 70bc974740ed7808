import type { TextDelta } from "../capabilities.ts";

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function objectsOf(value: unknown): readonly Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** The members of an object that are pieces of texts. `channel`: what the pieces of one text have in common. */
export function deltasIn(
  holder: Record<string, unknown>,
  keys: readonly string[],
  channel: string,
  form: TextDelta["form"] = "text",
): TextDelta[] {
  return keys.flatMap((key) => (typeof holder[key] === "string" ? [{ channel: `${channel} ${key}`, holder, key, form }] : []));
}
