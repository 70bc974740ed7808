import { GatewayError } from "../core/index.ts";
import { AnsweredError, isError } from "./answered-error.ts";
import { isObject } from "./fields.ts";
import type { UpstreamError } from "./protocol.ts";

/**
 * The body of an answer to a request for embeddings. `readError`: what the protocol's errors say.
 * @throws GatewayError `upstream_invalid_response`; AnsweredError where it is an error.
 */
export function parseEmbeddings(body: string, readError: (wire: unknown) => UpstreamError | undefined): unknown {
  let wire: unknown;
  try {
    wire = JSON.parse(body);
  } catch (cause) {
    // The parser's own message quotes the body.
    throw invalidEmbeddings("not JSON", cause);
  }
  const error = isObject(wire) && isError(wire["error"]) ? readError(wire) : undefined;
  if (error !== undefined) throw new AnsweredError(error);
  return wire;
}

export function invalidEmbeddings(what: string, cause?: unknown): GatewayError {
  return new GatewayError("upstream_invalid_response", `The provider's answer to a request for embeddings is none: ${what}.`, { cause });
}
