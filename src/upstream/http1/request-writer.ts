import type { Socket } from "node:net";
import { errorWithCode, unsendableCode } from "./answer-error.ts";
import type { OutgoingRequest } from "./carrier.ts";
import { isHeaderName, isHeaderValue } from "./header-characters.ts";
import { joinSmall } from "./request-body.ts";

/**
 * A head and a body up to this size together are written as one latin1 string. Larger bodies are not copied: their parts follow the head, all in one system call.
 */
const oneWriteBytes = 16 * 1024;

/** A request in the form in which it is written. */
export interface WrittenRequest {
  /** latin1: the head, and the body if it is small. */
  readonly text: string;
  /** What follows. */
  readonly parts: readonly Uint8Array[] | undefined;
}

/**
 * Renders a request. The head is checked character by character, since a line break in a value would make two requests of one.
 * @param start the lines that are the same for each request to this origin.
 * @throws Error with the code `unsendableCode`
 */
export function renderRequest(request: OutgoingRequest, start: string): WrittenRequest {
  const { body } = request;
  const head = renderHead(request, start);
  if (body === undefined) return { text: `${head}\r\n`, parts: undefined };
  if (typeof body === "string") {
    const text = `${head}content-length: ${body.length}\r\n\r\n`;
    if (body.length > oneWriteBytes) return { text, parts: [Buffer.from(body, "latin1")] };
    return { text: text + body, parts: undefined };
  }
  let length = 0;
  for (const part of body) length += part.length;
  let text = `${head}content-length: ${length}\r\n\r\n`;
  if (length > oneWriteBytes) return { text, parts: joinSmall(body) };
  for (const part of body) text += latin1Of(part);
  return { text, parts: undefined };
}

export function writeRequest(socket: Socket, { text, parts }: WrittenRequest): void {
  if (parts === undefined) {
    socket.write(text, "latin1");
    return;
  }
  socket.cork();
  socket.write(Buffer.from(text, "latin1"));
  for (const part of parts) socket.write(part);
  socket.uncork();
}

function renderHead({ method, path, headers, heldHeaders, added }: OutgoingRequest, start: string): string {
  if (!isTarget(path)) throw errorWithCode(unsendableCode, "invalid request path");
  let head = `${method} ${path} HTTP/1.1\r\n${start}`;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!;
    if (heldHeaders.has(name.toLowerCase())) continue;
    const value = headers[i + 1]!;
    if (!isHeaderName(name)) throw errorWithCode(unsendableCode, "invalid header name");
    if (!isHeaderValue(value)) throw errorWithCode(unsendableCode, `invalid ${name} header`);
    head += `${name}: ${value}\r\n`;
  }
  if (added.lines === undefined) throw errorWithCode(unsendableCode, "invalid header of the provider");
  return head + added.lines;
}

/** Whether a path with its query can be in a request line: no blank, no control character, nothing above latin1. */
function isTarget(path: string): boolean {
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code <= 32 || code > 255 || code === 127) return false;
  }
  return path !== "";
}

function latin1Of(part: Uint8Array): string {
  return (Buffer.isBuffer(part) ? part : Buffer.from(part.buffer, part.byteOffset, part.length)).toString("latin1");
}

/** Lines of a head; `undefined` if one of the names or values cannot be sent. @param headers name, value, … */
export function headerLines(headers: readonly string[]): string | undefined {
  let lines = "";
  for (let i = 0; i < headers.length; i += 2) {
    if (!isHeaderName(headers[i]!) || !isHeaderValue(headers[i + 1]!)) return undefined;
    lines += `${headers[i]!}: ${headers[i + 1]!}\r\n`;
  }
  return lines;
}
