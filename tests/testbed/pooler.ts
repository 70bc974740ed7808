import { createServer, connect, type AddressInfo, type Socket } from "node:net";

/** Stands before a PostgreSQL server as PgBouncer does: it refuses parameters of the start that it does not track. */
export interface Pooler {
  readonly port: number;
  /** Connections of clients that are open. */
  readonly open: () => number;
  close(): Promise<void>;
}

/** What PgBouncer takes besides these is refused (pgbouncer.org/config.html, "ignore_startup_parameters", read 2026-11-28). */
const tracked = new Set([
  "user",
  "database",
  "client_encoding",
  "datestyle",
  "timezone",
  "standard_conforming_strings",
  "application_name",
]);

export async function startPooler(serverPort: number): Promise<Pooler> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    sockets.add(client);
    client.on("error", () => {});
    client.once("close", () => sockets.delete(client));
    client.once("data", (start: Buffer) => {
      // Length, version of the protocol, then names and values, each ended by a zero byte.
      const names = start
        .subarray(8)
        .toString()
        .split("\0")
        .filter((_, i) => i % 2 === 0);
      const refused = names.find((name) => name !== "" && !tracked.has(name.toLowerCase()));
      if (refused !== undefined) {
        client.end(errorMessage(`unsupported startup parameter: ${refused}`));
        return;
      }
      const upstream = connect(serverPort, "127.0.0.1");
      upstream.on("error", () => client.destroy());
      client.once("close", () => upstream.destroy());
      upstream.write(start);
      client.pipe(upstream).pipe(client);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    open: () => sockets.size,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** `ErrorResponse` with severity, code and text (postgresql.org/docs/18/protocol-message-formats.html). */
function errorMessage(text: string): Buffer {
  const body = Buffer.from(`SFATAL\0C08P01\0M${text}\0\0`);
  const head = Buffer.alloc(5);
  head.write("E");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
