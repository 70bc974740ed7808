import type { IncomingHttpHeaders } from "node:http";
import { Agent, request as httpRequest } from "node:http";

/** A request as a client without an SDK sends it. */
export interface RawCall {
  readonly method?: string;
  /** Path and query, sent as they are. */
  readonly path: string;
  /** Name, value, name, value, …: sent in this order and spelling, repeated ones repeated. */
  readonly headers?: readonly string[];
  /** Sent in one piece, or in several with chunked framing. */
  readonly body?: string | Buffer | readonly Buffer[];
}

export interface RawReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Name, value, …, as received. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

const agent = new Agent({ keepAlive: true });

/** Sends to `http://127.0.0.1:PORT` and reads the whole answer. `Host` and `Content-Length` are added. */
export function sendRaw(origin: string, { method = "POST", path, headers = [], body }: RawCall): Promise<RawReply> {
  const { hostname, port, host } = new URL(origin);
  const length = typeof body === "string" || Buffer.isBuffer(body) ? ["content-length", String(Buffer.byteLength(body))] : [];
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ agent, hostname, port, method, path, headers: ["host", host, ...length, ...headers] }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("error", reject);
      answer.on("end", () => {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, rawHeaders: answer.rawHeaders, body: Buffer.concat(parts) });
      });
    });
    outgoing.on("error", reject);
    if (Array.isArray(body)) for (const part of body) outgoing.write(part);
    outgoing.end(typeof body === "string" || Buffer.isBuffer(body) ? body : undefined);
  });
}

/** All values of a header, in order. `name` is lower case. */
export function headerValues(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name);
}
