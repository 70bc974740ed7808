import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { ToyAnswer, ToyError } from "./answer.ts";
import type { ToyRequest } from "./request.ts";
import { frameOf } from "./stream.ts";

/** A provider of the toy protocol, with one answer for all requests. */
export interface ToyServer {
  readonly url: string;
  /** What it was asked, since the answer was set. */
  readonly requests: readonly ToyRequest[];
  answerWith(answer: Omit<ToyAnswer, "id" | "model"> | ToyError): void;
  close(): Promise<void>;
}

export async function startToyServer(apiKey: string): Promise<ToyServer> {
  const requests: ToyRequest[] = [];
  let answer: Omit<ToyAnswer, "id" | "model"> | ToyError = { parts: [], end: "done", tokens: { in: 0, out: 0 } };
  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (incoming.url !== "/toy/ask" || incoming.headers["x-toy-key"] !== apiKey) {
      response.writeHead(404).end();
      return;
    }
    const request = JSON.parse(await text(incoming)) as ToyRequest;
    requests.push(request);
    if ("error" in answer) {
      response.writeHead(answer.error.status, { "content-type": "application/json" }).end(JSON.stringify(answer));
    } else if (request.stream === true) {
      response.writeHead(200, { "content-type": "text/event-stream" }).end(streamOf({ id: "toy_1", model: request.model, ...answer }));
    } else {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ id: "toy_1", model: request.model, ...answer }));
    }
  };
  const server = createServer((incoming, response) => void serve(incoming, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answerWith(next) {
      answer = next;
      requests.length = 0;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Texts and arguments in two pieces each. */
function streamOf({ id, model, parts, end, tokens }: ToyAnswer): string {
  const pieces = parts.flatMap((part, of) => {
    if ("text" in part) return halves(part.text).map((piece) => frameOf({ text: piece }));
    const { args, ...call } = part.call;
    return [frameOf({ call, of }), ...halves(args).map((piece) => frameOf({ args: piece, of }))];
  });
  return [frameOf({ open: { id, model } }), ...pieces, frameOf({ end, tokens })].join("");
}

function halves(whole: string): readonly string[] {
  const middle = Math.ceil(whole.length / 2);
  return [whole.slice(0, middle), whole.slice(middle)];
}
