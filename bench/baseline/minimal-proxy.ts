/**
 * The bench's bound: the least a forwarding proxy on node:http and undici can do and still know whom it serves and for what.
 * It checks a key by hash, parses the JSON, relays, and keeps a record in memory. It has no limits, log, retries or time-outs.
 *
 * Usage: node minimal-proxy.ts PORT UPSTREAM_PORT KEY     ("PORT n" on standard output once it listens)
 */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import type { Dispatcher } from "undici";
import { Pool } from "undici";

interface Request {
  readonly model: string;
  readonly stream?: boolean;
}

const [port = "0", upstreamPort = "0", key = ""] = process.argv.slice(2);
const keys = new Set([createHash("sha256").update(key).digest("base64")]);
const upstream = new Pool(`http://127.0.0.1:${upstreamPort}`, { connections: 128, pipelining: 1 });
const counts = new Map<string, { requests: number; bytes: number }>();

/** Relays one upstream answer as it comes, with back-pressure. */
class Relay implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;
  readonly #count: { requests: number; bytes: number };
  #controller: Dispatcher.DispatchController | undefined;
  constructor(response: ServerResponse, count: { requests: number; bytes: number }) {
    this.#response = response;
    this.#count = count;
    response.on("close", () => {
      if (!response.writableFinished) this.#controller?.abort(new Error("the client went away"));
    });
  }
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
  }
  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: NodeJS.Dict<string | string[]>): void {
    const sent: Record<string, string | string[]> = {};
    for (const name of ["content-type", "content-length"]) {
      const value = headers[name];
      if (value !== undefined) sent[name] = value;
    }
    this.#response.writeHead(status, sent);
  }
  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#count.bytes += chunk.length;
    if (this.#response.write(chunk)) return;
    controller.pause();
    this.#response.once("drain", () => controller.resume());
  }
  onResponseEnd(): void {
    this.#count.requests++;
    this.#response.end();
  }
  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (this.#response.headersSent) this.#response.destroy(error);
    else this.#response.writeHead(502).end();
  }
}

function forward(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  const { model } = JSON.parse(body.toString()) as Request;
  const count = counts.get(model) ?? { requests: 0, bytes: 0 };
  counts.set(model, count);
  const headers = { "content-type": "application/json", authorization: "Bearer bench-upstream-key" };
  upstream.dispatch({ path: request.url ?? "/", method: "POST", headers, body }, new Relay(response, count));
}

const server = createServer((request, response) => {
  const hash = createHash("sha256")
    .update(request.headers.authorization?.slice("Bearer ".length) ?? "")
    .digest("base64");
  if (!keys.has(hash)) {
    response.writeHead(401).end();
    return;
  }
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => forward(request, response, parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)));
});
server.listen(Number(port), "127.0.0.1", () => process.stdout.write(`PORT ${(server.address() as AddressInfo).port}\n`));
