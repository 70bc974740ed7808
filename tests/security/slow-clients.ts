import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { sendRaw } from "../e2e/raw-http.ts";

/** The ways in which a client can be slow. */
export const slowShapes = [
  "says nothing",
  "a head byte by byte",
  "a head without its end",
  "half a body",
  "no body",
  "half a chunk",
] as const;
type SlowShape = (typeof slowShapes)[number];

export interface SlowClientsOptions {
  readonly url: string;
  readonly port: number;
  readonly key: string;
  /** Connections of each shape. */
  readonly each: number;
  /** Between two bytes of those that send some. */
  readonly byteMs: number;
  /** Until when all must have been closed. */
  readonly withinMs: number;
}

export interface SlowClientsFigures {
  readonly connections: number;
  /** Shapes of connections that were still open. */
  readonly stillOpen: readonly string[];
  /** Requests of a good client meanwhile: their statuses, and how long the slowest took. */
  readonly good: { readonly statuses: readonly number[]; readonly slowestMs: number };
}

const good = JSON.stringify({ model: "loopback", messages: [{ role: "user", content: "hi" }] });

/** Opens many connections that are slow, and asks as a good client until all have been closed by the gateway, or the time is over. */
export async function slowClients(options: SlowClientsOptions): Promise<SlowClientsFigures> {
  const { url, port, key, each, byteMs, withinMs } = options;
  const beganMs = performance.now();
  const open = new Map<Socket, SlowShape>();
  const all = await Promise.all(
    slowShapes.flatMap((shape) =>
      Array.from({ length: each }, async () => {
        const socket = connect({ port, host: "127.0.0.1", noDelay: true });
        socket.on("error", () => undefined);
        // What the gateway says is read, so that its end is seen.
        socket.resume();
        await once(socket, "connect");
        open.set(socket, shape);
        socket.once("close", () => open.delete(socket));
        begin(socket, shape, key, byteMs);
        return socket;
      }),
    ),
  );
  const statuses: number[] = [];
  let slowestMs = 0;
  try {
    while (open.size > 0 && performance.now() - beganMs < withinMs) {
      const askedMs = performance.now();
      const headers = ["x-api-key", key, "content-type", "application/json"];
      statuses.push((await sendRaw(url, { path: "/v1/chat/completions", headers, body: good })).status);
      slowestMs = Math.max(slowestMs, performance.now() - askedMs);
      await wait(5);
    }
    return { connections: all.length, stillOpen: [...open.values()], good: { statuses, slowestMs: Math.round(slowestMs) } };
  } finally {
    for (const socket of all) socket.destroy();
  }
}

function begin(socket: Socket, shape: SlowShape, key: string, byteMs: number): void {
  const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nx-api-key: ${key}\r\n`;
  switch (shape) {
    case "says nothing":
      return;
    case "a head byte by byte":
      void trickle(socket, `${head}X: ${"y".repeat(10_000)}`, byteMs);
      return;
    case "a head without its end":
      socket.write(head);
      return;
    case "half a body":
      socket.write(`${head}Content-Length: ${good.length}\r\n\r\n${good.slice(0, 20)}`);
      return;
    case "no body":
      socket.write(`${head}Content-Length: ${good.length}\r\n\r\n`);
      return;
    case "half a chunk":
      socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n40\r\n${good.slice(0, 20)}`);
  }
}

async function trickle(socket: Socket, text: string, byteMs: number): Promise<void> {
  for (const byte of text) {
    if (socket.destroyed || !socket.writable) return;
    socket.write(byte);
    await wait(byteMs);
  }
}
