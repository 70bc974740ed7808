/** A key of the gateway (`tok_` and 43 characters of base64url), or the beginning of one that was cut off: what looks like it is taken for one. */
const keyShape = /tok_[\w-]{16,}/;
const keyShapes = new RegExp(keyShape, "g");

/** Whether a text contains what looks like a key of the gateway. */
export function holdsGatewayKey(text: string): boolean {
  return text.includes("tok_") && keyShape.test(text);
}

/** The text with `[key]` in place of each key of the gateway. */
export function maskGatewayKeys(text: string): string {
  return text.includes("tok_") ? text.replace(keyShapes, "[key]") : text;
}

/** Servers that decode twice exist. */
const maxDecodings = 4;

/** Whether a part of a URL contains what looks like a key of the gateway, in plain or behind percent escapes, also repeated and broken ones. */
export function holdsEscapedGatewayKey(text: string): boolean {
  let decoded = text;
  for (let turn = 0; turn < maxDecodings; turn++) {
    if (holdsGatewayKey(decoded)) return true;
    if (!decoded.includes("%")) return false;
    decoded = decoded.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
  return holdsGatewayKey(decoded);
}
