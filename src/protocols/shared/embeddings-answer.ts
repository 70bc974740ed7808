import { GatewayError } from "../../core/index.ts";
import { AnsweredError, isError } from "./answered-error.ts";
import { isObject } from "./fields.ts";
import type { UpstreamError } from "../protocol.ts";

/**
 * Parses the answer to a request for embeddings. `readError` reads the protocol's errors.
 * @throws GatewayError `upstream_invalid_response`; AnsweredError if it is an error.
 */
export function parseEmbeddings(body: string, readError: (wire: unknown) => UpstreamError | undefined): unknown {
  let wire: unknown;
  try {
    wire = JSON.parse(body);
  } catch (cause) {
    // The parser's own message would quote the body.
    throw invalidEmbeddings("not JSON", cause);
  }
  const error = isObject(wire) && isError(wire["error"]) ? readError(wire) : undefined;
  if (error !== undefined) throw new AnsweredError(error);
  return wire;
}

export function invalidEmbeddings(what: string, cause?: unknown): GatewayError {
  return new GatewayError("upstream_invalid_response", `The provider's answer is not an embedding: ${what}.`, { cause });
}
