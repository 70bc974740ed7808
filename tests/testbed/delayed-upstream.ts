import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";

/** An upstream that answers Chat requests after a delay, in a thread of its own: its work does not delay the program that measures. */
export interface DelayedUpstream {
  readonly port: number;
  close(): Promise<void>;
}

const answer = JSON.stringify({
  id: "c",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [{ index: 0, message: { role: "assistant", content: "hello" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
});

export async function startDelayedUpstream(delayMs: number): Promise<DelayedUpstream> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { delayMs } });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  worker.once("message", resolve).once("error", reject);
  const port = await promise;
  return {
    port,
    async close() {
      await worker.terminate();
    },
  };
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  const { delayMs } = workerData as { readonly delayMs: number };
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      setTimeout(() => response.writeHead(200, { "content-type": "application/json" }).end(answer), delayMs);
    });
  });
  server.listen(0, "127.0.0.1", () => {
    port.postMessage((server.address() as AddressInfo).port);
  });
}
