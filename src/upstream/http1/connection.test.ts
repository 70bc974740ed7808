import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { jsonAnswer, rawServer } from "../testing.ts";
import { endedCode } from "./answer-error.ts";
import type { CarriedExchange, OutgoingRequest } from "./carrier.ts";
import { Connection } from "./connection.ts";
import { headerLines } from "./request-writer.ts";

const request: OutgoingRequest = {
  method: "GET",
  path: "/",
  headers: [],
  heldHeaders: new Set(),
  added: { list: [], lines: "" },
  body: undefined,
};

/** Collects what happens to a request, up to its end. */
function gathering(): { readonly exchange: CarriedExchange; readonly done: Promise<string> } {
  const { promise, resolve } = Promise.withResolvers<string>();
  let body = "";
  const exchange: CarriedExchange = {
    onBegin: () => undefined,
    onAnswering: () => undefined,
    onHead: () => undefined,
    onPiece(piece) {
      body += piece.toString("latin1");
    },
    onEnd: () => resolve(body),
    onError: (error) => resolve(`failed: ${(error as NodeJS.ErrnoException).code}`),
  };
  return { exchange, done: promise };
}

test("bytes that a used connection has before the next request is written end the connection, and nothing is written", async (t) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write(jsonAnswer()));
  let departing: Connection | undefined;
  let gone = 0;
  const connection = new Connection({
    connector: {
      open(sink) {
        const socket = connect(upstream.port, "127.0.0.1", () => sink.onOpen(socket));
        return socket.on("data", (bytes: Buffer) => sink.onBytes(bytes));
      },
    },
    departures: {
      add(waiting) {
        departing = waiting;
      },
    },
    startLines: "host: x\r\n",
    onGone: () => gone++,
  });
  const first = gathering();
  connection.send(request, first.exchange);
  assert.equal(await first.done, '{"ok":true}');
  assert.equal(connection.isReusable, true);
  const second = gathering();
  connection.send(request, second.exchange);
  assert.equal(departing, connection);
  upstream.sockets[0]!.write(jsonAnswer('{"stray":1}'));
  assert.equal(await second.done, `failed: ${endedCode}`);
  departing.depart();
  assert.deepEqual([upstream.requests.length, gone, connection.isReusable], [1, 1, false]);
});

test("headers that a provider adds are not sent if one of them would break its line", () => {
  assert.equal(headerLines(["a", "1", "B-c", "\t2 \xe9"]), "a: 1\r\nB-c: \t2 \xe9\r\n");
  for (const [name, value] of [
    ["", "1"],
    ["a b", "1"],
    ["a:", "1"],
    ["a", "1\r\nb: 2"],
    ["a", "\x00"],
    ["a", "\u20ac"],
  ] as const) {
    assert.equal(headerLines([name, value]), undefined, JSON.stringify([name, value]));
  }
});
