import type { IncomingMessage } from "node:http";
import { GatewayError } from "../../core/index.ts";
import { maxHeaderBytes } from "./listeners.ts";
import { EdgeError } from "./refusal.ts";

/** @throws GatewayError for a head that is well-formed but not one for this server. */
export function checkHead({ headers, httpVersionMinor }: IncomingMessage): void {
  if (headers.host === undefined && httpVersionMinor > 0) throw new GatewayError("invalid_request", "The request has no Host header.");
  if (headers.upgrade !== undefined) {
    throw new EdgeError("upgrade_required", "This server speaks plain HTTP/1.1 only. Send the request without Upgrade.", [
      "upgrade",
      "HTTP/1.1",
      "connection",
      // Node's parser loses what follows such a request in the same segment: nothing more is read from this connection.
      "upgrade, close",
    ]);
  }
}

/** The error for a request that Node's parser has refused. */
export function errorOfBroken(error: NodeJS.ErrnoException): GatewayError {
  switch (error.code) {
    case "HPE_HEADER_OVERFLOW":
      return new GatewayError("invalid_request", `The request's headers are larger than ${maxHeaderBytes} bytes.`, { status: 431 });
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new GatewayError("request_timeout", "The request's head did not arrive in time.");
    default:
      return new GatewayError("invalid_request", "The request is not valid HTTP/1.1.");
  }
}
