import type { IncomingMessage } from "node:http";
import { GatewayError } from "../../core/index.ts";
import { maxHeaderBytes } from "./listeners.ts";
import { EdgeError } from "./refusal.ts";

const closing = ["connection", "close"] as const;

/** @throws GatewayError for a head that Node accepts but that is not one for this server, or that another server may read differently. */
export function checkHead({ headers, rawHeaders, httpVersionMajor, httpVersionMinor }: IncomingMessage): void {
  if (httpVersionMajor !== 1) throw new EdgeError("invalid_request", "This server speaks HTTP/1.1 only.", closing);
  const encoding = headers["transfer-encoding"];
  // RFC 9112, section 6.1: other codings are not understood here, and HTTP/1.0 has none.
  if (encoding !== undefined && (httpVersionMinor === 0 || encoding.toLowerCase() !== "chunked")) {
    throw new EdgeError("invalid_request", "Of transfer encodings only `chunked` is read, and only in HTTP/1.1.", closing);
  }
  if (headers.host === undefined && httpVersionMinor > 0) throw new GatewayError("invalid_request", "The request has no Host header.");
  if (hasTwoHosts(rawHeaders)) throw new EdgeError("invalid_request", "The request has two Host headers.", closing);
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

/** Node keeps the first one alone (RFC 9112, section 3.2). */
function hasTwoHosts(rawHeaders: readonly string[]): boolean {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 4 && name.toLowerCase() === "host") hosts += 1;
  }
  return hosts > 1;
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
