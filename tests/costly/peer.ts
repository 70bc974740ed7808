import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { parentPort } from "node:worker_threads";

/** What the other thread is asked to send. */
export interface CostlyRequest {
  /** The reply has the same. */
  readonly id: number;
  readonly url: string;
  readonly key: string;
  readonly body: Uint8Array;
  /** What the upstream answers to it. */
  readonly answer: Uint8Array;
  readonly contentType: string;
}

export interface CostlyReply {
  readonly id: number;
  readonly status: number;
  /** The first characters. */
  readonly text: string;
  readonly headBytes: number;
}

let answer: Uint8Array = Buffer.from("{}");
let contentType = "application/json";

/** The upstream: reads a request to its end and answers what the last message brought. */
const upstream = createServer((incoming, outgoing) => {
  incoming.resume();
  incoming.on("end", () => {
    outgoing.writeHead(200, { "content-type": contentType });
    outgoing.end(answer);
  });
});

parentPort!.on("message", (message: CostlyRequest) => {
  ({ answer, contentType } = message);
  const { id, url, key, body } = message;
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json", "content-length": body.length };
  const sent = request(url, { method: "POST", headers, agent: false, maxHeaderSize: 1 << 24 }, (reply) => {
    let text = "";
    reply.on("data", (chunk: Buffer) => {
      if (text.length < 2000) text += chunk.toString("latin1");
    });
    reply.on("end", () => {
      const headBytes = reply.rawHeaders.reduce((sum, word) => sum + word.length + 2, 0);
      parentPort!.postMessage({ id, status: reply.statusCode ?? 0, text: text.slice(0, 2000), headBytes } satisfies CostlyReply);
    });
  });
  sent.on("error", (error) => {
    parentPort!.postMessage({ id, status: 0, text: String(error), headBytes: 0 } satisfies CostlyReply);
  });
  sent.end(body);
});

upstream.listen(0, "127.0.0.1", () => {
  parentPort!.postMessage((upstream.address() as AddressInfo).port);
});
