import type { Server } from "node:net";
import { createMessageSink, type LedgerSink } from "../../ledger/index.ts";
import type { AddressMessage, DeclineReason, ToPredecessor, ToSuccessor } from "./succession.ts";

/** The gateway whose place this process takes. It is the parent of this process. */
export interface Predecessor {
  /** Where it listens, and what watches it. */
  readonly address: AddressMessage;
  /** Rows go into the database through it, until it has ended. */
  readonly sink: LedgerSink;
  /**
   * Asks for its listening sockets. `share` is called for each as it comes, and must accept connections from it at once.
   * @returns the port. @throws Error if it has ended.
   */
  readonly takeSockets: (share: (socket: Server) => Promise<number>) => Promise<number>;
  /** This process serves. */
  serving(): void;
  /** This process cannot take its place while it runs. @returns the error with which this process ends. */
  readonly decline: (reason: DeclineReason, message: string) => Promise<Error>;
  /** Called when it is asked to stop the gateway. */
  onStop(callback: () => void): void;
  /** Resolves when it has ended. */
  readonly gone: Promise<void>;
}

/** @throws Error if this process was not started by a gateway. */
export async function connectPredecessor(): Promise<Predecessor> {
  if (process.send === undefined) throw new Error("--take-over is an option of `tokligence-daemon restart` alone.");
  const tell = (message: ToPredecessor): void => {
    if (process.connected) process.send!(message, undefined, undefined, () => {});
  };
  const sink = createMessageSink(tell);
  const address = Promise.withResolvers<AddressMessage>();
  const gone = Promise.withResolvers<void>();
  let onSocket: ((socket: Server) => void) | undefined;
  let onStop = (): void => {};
  process.on("message", (message: ToSuccessor, handle?: unknown) => {
    if (typeof message === "string") sink.receive(message);
    else if (message.type === "address") address.resolve(message);
    else if (message.type === "socket") onSocket?.(handle as Server);
    else onStop();
  });
  process.once("disconnect", () => {
    sink.disconnect("the gateway before this one has ended");
    gone.resolve();
  });
  const decline: Predecessor["decline"] = (reason, message) =>
    new Promise((resolve) => {
      process.send!({ type: "declined", reason } satisfies ToPredecessor, undefined, undefined, () => {
        resolve(new Error(message));
      });
    });
  const ended = gone.promise.then(() => {
    throw new Error("The gateway before this one ended while this one started.");
  });
  ended.catch(() => undefined);
  return {
    address: await Promise.race([address.promise, ended]),
    sink,
    gone: gone.promise,
    decline,
    async takeSockets(share) {
      const { sockets } = await address.promise;
      const shared: Promise<number>[] = [];
      const all = Promise.withResolvers<void>();
      onSocket = (socket) => {
        shared.push(share(socket));
        if (shared.length === sockets) all.resolve();
      };
      tell({ type: "sockets-wanted" });
      await Promise.race([all.promise, ended]);
      const [port] = await Promise.all(shared);
      return port!;
    },
    serving() {
      tell({ type: "serving" });
    },
    onStop(callback) {
      onStop = callback;
    },
  };
}
