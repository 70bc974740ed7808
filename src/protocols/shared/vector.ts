/** Reads a vector of an answer: an array of finite numbers, or base64 of 32-bit floats, little-endian. `undefined` for anything else. */
export function readVector(value: unknown): readonly number[] | undefined {
  if (typeof value === "string") return vectorOfBase64(value);
  if (!Array.isArray(value) || value.length === 0) return undefined;
  return value.every((number) => typeof number === "number" && Number.isFinite(number)) ? (value as readonly number[]) : undefined;
}

/** Base64 of 32-bit floats, little-endian, as OpenAI's SDKs read it. A number with more digits is rounded to the nearest float. */
export function base64OfVector(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (let index = 0; index < vector.length; index++) bytes.writeFloatLE(vector[index]!, index * 4);
  return bytes.toString("base64");
}

function vectorOfBase64(text: string): readonly number[] | undefined {
  const bytes = Buffer.from(text, "base64");
  if (bytes.length === 0 || bytes.length % 4 !== 0) return undefined;
  const vector = Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
  return vector.every(Number.isFinite) ? vector : undefined;
}
