import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { GatewayError, nodeHttp, type ErrorCode, type GatewayErrorOptions } from "../../core/index.ts";
import type { Protocol } from "../../protocols/index.ts";

/** An error of the edge whose answer needs headers of its own: `allow` with 405, `upgrade` with 426 (RFC 9110, sections 15.5.6 and 15.5.22). */
export class EdgeError extends GatewayError {
  /** Name, value, name, value, … */
  readonly headers: readonly string[];

  constructor(code: ErrorCode, message: string, headers: readonly string[], options: GatewayErrorOptions = {}) {
    super(code, message, options);
    this.headers = headers;
  }
}

/** The headers of an error's answer, except ids and length. */
export function errorHeaders(error: GatewayError, status: number): string[] {
  const headers = ["content-type", "application/json"];
  if (error.retryAfterSeconds !== undefined) headers.push("retry-after", String(error.retryAfterSeconds));
  if (status === 401) headers.push("www-authenticate", "Bearer");
  if (error instanceof EdgeError) headers.push(...error.headers);
  return headers;
}

/** For this time, what the client still sends is read and ignored, so that it can read the answer before the connection is closed. */
const rawLingerMs = 1000;

/** Answers bytes that are no HTTP request, and ends the connection. */
export function endRaw(socket: Duplex, protocol: Protocol, error: GatewayError, requestId: string): void {
  const { status, body } = protocol.renderError(error, requestId);
  const headers = [...errorHeaders(error, status), "x-request-id", requestId, "request-id", requestId];
  headers.push("content-length", String(Buffer.byteLength(body)), "connection", "close");
  let head = `HTTP/1.1 ${status} ${nodeHttp().STATUS_CODES[status] ?? "Error"}\r\n`;
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]!}: ${headers[i + 1]!}\r\n`;
  socket.end(`${head}\r\n${body}`);
  socket.resume();
  const timer = setTimeout(() => {
    socket.destroy();
  }, rawLingerMs);
  timer.unref();
  (socket as Socket).once("close", () => {
    clearTimeout(timer);
  });
}

/** A program around the gateway has handed on a request too late. */
export function bodyWasRead(): GatewayError {
  return new GatewayError(
    "internal_error",
    "The program around the gateway has read the body of this request. It must hand the request on before any body parser.",
  );
}
