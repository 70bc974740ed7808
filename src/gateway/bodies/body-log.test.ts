import assert from "node:assert/strict";
import { test } from "node:test";
import { latin1OfUtf8, asBytes, type Schedule } from "../../core/index.ts";
import type { BodySettings, EntryBody } from "../../ledger/index.ts";
import type { ClientExchange } from "../exchange.ts";
import { createBodyLog, type BodyLog } from "./body-log.ts";

const on: BodySettings = { enabled: true, maxSizeBytes: 100, redact: [] };

/** A client that takes what it is sent, and may leave. */
class FakeExchange implements Partial<ClientExchange> {
  readonly requestId: string;
  readonly sent: string[] = [];
  closed = false;
  readonly #body: string;

  constructor(requestId: string, body: string) {
    this.requestId = requestId;
    this.#body = body;
  }
  readBody(): Promise<readonly Buffer[]> {
    const bytes = Buffer.from(this.#body);
    return Promise.resolve([bytes.subarray(0, 3), bytes.subarray(3)]);
  }
  jsonBytes(_status: number, _headers: readonly string[], body: string): void {
    this.sent.push(body);
  }
  streamHead(): void {}
  chunk(data: string): boolean {
    this.sent.push(data);
    return true;
  }
  finish(last = ""): void {
    this.sent.push(last);
  }
}

function open(settings: () => BodySettings = () => on, secrets: readonly string[] = []) {
  const written: EntryBody[][] = [];
  const logged: string[] = [];
  const planned: (() => void)[] = [];
  const database = { write: (rows: readonly EntryBody[]): Promise<void> => Promise.resolve(void written.push([...rows])) };
  const note = (_fields: object, message: string): void => void logged.push(message);
  const schedule: Schedule = (_delayMs, callback) => {
    planned.push(callback);
    return () => undefined;
  };
  const log = createBodyLog({
    bodies: { write: (rows) => database.write(rows) },
    settings,
    secrets: () => secrets,
    clock: { now: () => 7, monotonic: () => 0 },
    logger: { debug: note, info: note, warn: note, error: note },
    schedule,
  });
  return { log, written, logged, planned, database };
}

async function ask(log: BodyLog, id: string, body: string, answer: (exchange: ClientExchange) => void, attempt = 1): Promise<FakeExchange> {
  const client = new FakeExchange(id, body);
  const exchange = log.record(client as unknown as ClientExchange, "generate");
  assert.ok(exchange !== undefined);
  await exchange.readBody();
  answer(exchange);
  exchange.end(attempt);
  return client;
}

const row = (changes: Partial<EntryBody>): EntryBody => ({
  requestId: "r",
  attempt: 1,
  timeMs: 7,
  request: "ask",
  requestTruncated: false,
  answer: "",
  answerTruncated: false,
  ...changes,
});

test("off, and for other operations, nothing stands between", () => {
  const { log } = open(() => ({ ...on, enabled: false }));
  assert.equal(log.record(new FakeExchange("r", "") as unknown as ClientExchange, "generate"), undefined);
  const other = open().log;
  for (const operation of ["count-tokens", "get-response"] as const)
    assert.equal(other.record(new FakeExchange("r", "") as unknown as ClientExchange, operation), undefined);
});

test("JSON, streams, and answers that never began or were broken off by the client, in one write after a while", async () => {
  const { log, written, planned } = open();
  const json = await ask(log, "json", "frägt", (exchange) => exchange.json(200, [], "säy"), 2);
  assert.deepEqual(json.sent, [Buffer.from("säy").toString("latin1")]);
  const stream = await ask(log, "stream", "ask", (exchange) => {
    exchange.streamHead(200, []);
    exchange.chunk(asBytes("data: 1\n\n"));
    exchange.finish(asBytes("data: 2\n\n"));
  });
  assert.deepEqual(stream.sent, ["data: 1\n\n", "data: 2\n\n"]);
  await ask(log, "never", "ask", () => undefined, 0);
  const left = new FakeExchange("left", "ask");
  const exchange = log.record(left as unknown as ClientExchange, "embed")!;
  await exchange.readBody();
  exchange.streamHead(200, []);
  exchange.chunk(asBytes("data: 1\n\n"));
  left.closed = true;
  exchange.chunk(asBytes("data: 2\n\n"));
  exchange.end(1);
  assert.deepEqual([written.length, planned.length], [0, 1]);
  planned[0]!();
  await log.flush();
  assert.deepEqual(written, [
    [
      row({ requestId: "json", attempt: 2, request: "frägt", answer: "säy" }),
      row({ requestId: "stream", answer: "data: 1\n\ndata: 2\n\n" }),
      row({ requestId: "never", attempt: 0, answer: undefined }),
      row({ requestId: "left", answer: "data: 1\n\n" }),
    ],
  ]);
});

test("a request whose body never came is not kept", async () => {
  const { log, written } = open();
  log.record(new FakeExchange("r", "") as unknown as ClientExchange, "generate")!.end(0);
  await log.flush();
  assert.deepEqual(written, []);
});

test("both sides are cut to size at a character, and say so", async () => {
  const { log, written } = open();
  await ask(log, "r", `a${"é".repeat(50)}`, (exchange) => exchange.json(200, [], "x y ".repeat(25)));
  await ask(log, "long", "é ".repeat(5000), (exchange) => {
    exchange.streamHead(200, []);
    for (let i = 0; i < 100; i++) exchange.chunk(latin1OfUtf8("é ".repeat(100)));
  });
  await log.flush();
  // Three bytes a pair.
  const pairs = "é ".repeat(33);
  assert.deepEqual(
    written[0]!.map(({ request, requestTruncated, answer, answerTruncated }) => [request, requestTruncated, answer, answerTruncated]),
    [
      [`a${"é".repeat(49)}`, true, "x y ".repeat(25), false],
      [pairs, true, pairs, true],
    ],
  );
});

test("no cut leaves half of a secret", async () => {
  const secret = "sk-a-secret-of-forty-characters-0123456789";
  const { log, written } = open(() => on, [secret]);
  // Wherever the cut falls: of what is stored, and of what is taken in.
  for (let before = 50; before < 110; before++) await ask(log, `stored-${before}`, "x".repeat(before) + secret, () => undefined);
  for (let before = 4140; before < 4200; before++)
    await ask(log, `taken-${before}`, " .".repeat(before / 2) + " ".repeat(before % 2) + secret, () => undefined);
  // Media shrinks, so that the end of what was taken in comes to stand within what is stored.
  await ask(log, "shrunk", "ask", (exchange) => {
    exchange.streamHead(200, []);
    exchange.chunk(asBytes(`${"A".repeat(4196 - 20)}"${secret}`));
  });
  await log.flush();
  const texts = written.flat().flatMap(({ request, answer }) => [request, answer ?? ""]);
  assert.equal(texts.length, 242);
  assert.deepEqual(
    texts.filter((text) => /sk-a/.test(text)),
    [],
  );
});

test("what the database does not take is dropped, told once, counted, and the next is kept", async () => {
  const { log, written, logged, database } = open();
  const { write } = database;
  database.write = () => Promise.reject(new Error("disk full"));
  for (const id of ["a", "b"]) {
    await ask(log, id, "ask", () => undefined);
    await log.flush();
  }
  assert.deepEqual([log.counts(), logged], [{ dropped: 2 }, ["bodies of requests and answers are not kept"]]);
  database.write = write;
  await ask(log, "c", "ask", () => undefined);
  await log.flush();
  assert.deepEqual([written.flat().map(({ requestId }) => requestId), log.counts()], [["c"], { dropped: 2 }]);
});

test("while the database hangs only so much waits, and an end waits only so long", async () => {
  const { log, database, planned } = open(() => ({ ...on, maxSizeBytes: 8 * 2 ** 20 }));
  database.write = () => new Promise(() => undefined);
  const body = "a ".repeat(4 * 2 ** 20);
  for (let i = 0; i < 6; i++) {
    await ask(log, `r${i}`, body, () => undefined);
    void log.flush();
  }
  assert.deepEqual(log.counts(), { dropped: 2 });
  const closing = log.close();
  planned.at(-1)!();
  await closing;
});

test("only the body with which the patterns take too long is dropped", async () => {
  const { log, written, logged } = open(() => ({ ...on, maxSizeBytes: 2 ** 20, redact: ["a.*b|a"] }));
  // Each of the matches looks through the rest of the text.
  await ask(log, "a", "a ".repeat(30_000), () => undefined);
  await ask(log, "b", "cab", () => undefined);
  await log.flush();
  assert.deepEqual([written.flat(), log.counts()], [[row({ requestId: "b", request: "c[redacted]", answer: undefined })], { dropped: 1 }]);
  assert.deepEqual(logged, ["bodies of requests and answers are not kept"]);
});
