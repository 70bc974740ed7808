import { createServer, type Server, type Socket } from "node:net";
import type { Logger } from "../../core/index.ts";
import { listenOnHost, shareSockets } from "./listeners.ts";

/** Accepts connections for other processes to serve. */
export interface Acceptor {
  /** Listens; `localhost` means 127.0.0.1 and ::1. @returns the port. @throws what the socket throws (EADDRINUSE, EACCES). */
  listen(host: string, port: number): Promise<number>;
  /** Accepts from the sockets that another process listens on, too. @returns the port. */
  share(sockets: readonly Server[]): Promise<number>;
  /** The sockets that are listened on, to send them to another process. */
  readonly sockets: readonly Server[];
  /** Accepts no more. */
  close(): void;
}

/** @param onConnection gets each connection with nothing read from it. */
export function createAcceptor(onConnection: (socket: Socket) => void, logger: Logger): Acceptor {
  const servers: Server[] = [];
  const listenOn = (where: { readonly host: string; readonly port: number } | Server): Promise<Server> =>
    new Promise((resolve, reject) => {
      const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, onConnection);
      server.once("error", reject);
      server.listen(where, () => {
        server.off("error", reject);
        server.on("error", (error) => {
          logger.error({ error: error.message }, "the listening socket failed");
        });
        servers.push(server);
        resolve(server);
      });
    });
  return {
    listen: (host, port) => listenOnHost(host, port, listenOn),
    share: (sockets) => shareSockets(sockets, listenOn),
    sockets: servers,
    close() {
      for (const server of servers) server.close();
    },
  };
}
