/**
 * A gateway key (`tok_` and 43 characters of base64url), or the beginning of a truncated one, or a key that was imported from LiteLLM (`sk-…`). Whatever
 * looks like a key is treated as one.
 */
const keyShape = /tok_[\w-]{16,}|(?<![A-Za-z0-9_])sk-[\w-]{16,}/;
const keyShapes = new RegExp(keyShape, "g");

/** Whether a text contains something that looks like a gateway key. */
export function hasGatewayKey(text: string): boolean {
  return (text.includes("tok_") || text.includes("sk-")) && keyShape.test(text);
}

/** The text with `[key]` in place of each gateway key. */
export function maskGatewayKeys(text: string): string {
  return text.includes("tok_") || text.includes("sk-") ? text.replace(keyShapes, "[key]") : text;
}

/** How the stored prefix of a key is shown: `tok_ab12…`, or the `sk-…AbCd` of an imported key. */
export function prefixLabel(prefix: string): string {
  return prefix.includes("…") ? prefix : `${prefix}…`;
}

/** Some servers decode more than once. */
const maxDecodings = 4;

/**
 * Whether a part of a URL contains something that looks like a gateway key, in plain text or percent-encoded, also encoded several times or with
 * broken escapes.
 */
export function hasEscapedGatewayKey(text: string): boolean {
  let decoded = text;
  for (let turn = 0; turn < maxDecodings; turn++) {
    if (hasGatewayKey(decoded)) return true;
    if (!decoded.includes("%")) return false;
    decoded = decoded.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
  return hasGatewayKey(decoded);
}
