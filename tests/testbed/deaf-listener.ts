import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Worker } from "node:worker_threads";

/** A port whose machine takes no more connections and does not say so: what asks for one waits. */
export interface DeafListener {
  /** On 127.0.0.1. */
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on a thread that then blocks and accepts nothing. */
const listening = `
  const { createServer } = require("node:net");
  const { parentPort } = require("node:worker_threads");
  const server = createServer().listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
  });
`;

/** Linux drops the first packet of a connection (SYN) where the queue of those that wait to be accepted is full: one more than its length. */
const places = 2;

export async function createDeafListener(): Promise<DeafListener> {
  const thread = new Worker(listening, { eval: true });
  const [port] = (await once(thread, "message")) as [number];
  const fillers: Socket[] = [];
  for (let place = 0; place < places; place++) {
    const filler = connect(port, "127.0.0.1");
    fillers.push(filler);
    await once(filler, "connect");
  }
  return {
    port,
    async close() {
      for (const filler of fillers) filler.destroy();
      await thread.terminate();
    },
  };
}
