import { utf8OfLatin1, type Bytes } from "./bytes.ts";
import { GatewayError } from "./errors.ts";

/** Parses JSON whose UTF-8 bytes are given as a latin1 string. @throws GatewayError `invalid_json` that names the position. */
export function parseLatin1(text: Bytes): unknown {
  return parseText(utf8OfLatin1(text));
}

/** Parses JSON of a client. @throws GatewayError `invalid_json` that names the position. */
export function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new GatewayError("invalid_json", `The body is not valid JSON: ${error instanceof Error ? error.message : String(error)}.`);
  }
}
