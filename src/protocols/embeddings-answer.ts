import { GatewayError, messageOf } from "../core/index.ts";

/** The body of an answer to a request for embeddings. @throws GatewayError `upstream_invalid_response`. */
export function parseEmbeddings(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw invalidEmbeddings(messageOf(cause), cause);
  }
}

export function invalidEmbeddings(what: string, cause?: unknown): GatewayError {
  return new GatewayError("upstream_invalid_response", `The provider's answer to a request for embeddings is none: ${what}.`, { cause });
}
