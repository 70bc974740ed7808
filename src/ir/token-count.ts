/** A token count as a safe, whole, non-negative number; anything else is `undefined` (negative, NaN, 1e308, a string). */
export function readTokenCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= 1e12 ? value : undefined;
}
