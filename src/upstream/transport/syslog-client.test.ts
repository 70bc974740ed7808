import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { testCertificate } from "../../../tests/testbed/test-certificate.ts";
import { waitUntil } from "../../../tests/testbed/wait-until.ts";
import { silentLogger, type Logger, type Schedule } from "../../core/index.ts";
import { createSyslogClient, type SyslogTarget } from "./syslog-client.ts";

/** Takes messages that are framed by their length. */
class Collector {
  readonly messages: string[] = [];
  readonly sockets = new Set<Socket>();
  #rest = Buffer.alloc(0);

  accept(socket: Socket): void {
    this.sockets.add(socket);
    this.#rest = Buffer.alloc(0);
    socket.on("error", () => undefined);
    socket.on("data", (part: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, part]);
      for (let space = this.#rest.indexOf(" "); space > 0; space = this.#rest.indexOf(" ")) {
        const end = space + 1 + Number(this.#rest.subarray(0, space).toString());
        if (this.#rest.length < end) return;
        this.messages.push(this.#rest.subarray(space + 1, end).toString());
        this.#rest = this.#rest.subarray(end);
      }
    });
  }

  async listen(t: TestContext, server: Server, port = 0): Promise<number> {
    server.listen(port, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    t.after(() => {
      for (const socket of this.sockets) socket.destroy();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  }
}

const target = (transport: SyslogTarget["transport"], port: number): SyslogTarget => ({ transport, host: "127.0.0.1", port });
const soon: Schedule = (_delayMs, run) => {
  const timer = setTimeout(run, 5);
  return () => clearTimeout(timer);
};

test("messages go out over TCP in their order, framed by their bytes, also those from before the server was there", async (t) => {
  const first = new Collector();
  const server = createServer((socket) => first.accept(socket));
  const port = await first.listen(t, server);
  server.close();
  const log: string[] = [];
  const logger: Logger = { ...silentLogger, warn: (_fields, message) => void log.push(message) };
  const client = createSyslogClient(target("tcp", port), { logger, schedule: soon });
  client.send("one é");
  client.send("two");
  await waitUntil("the refused connection", () => log.length > 0);
  assert.equal(log[0], "the syslog server cannot be reached; it is tried again");
  const second = new Collector();
  await second.listen(
    t,
    createServer((socket) => second.accept(socket)),
    port,
  );
  client.send("three");
  await waitUntil("three messages", () => second.messages.length === 3);
  // The server ends the connection; the next message goes over another one.
  for (const socket of second.sockets) socket.destroy();
  await waitUntil("a message after the loss", () => {
    client.send("four");
    return second.messages.includes("four");
  });
  await client.close();
  assert.deepEqual(second.messages.slice(0, 4), ["one é", "two", "three", "four"]);
});

test("TLS takes only a server whose certificate is trusted; UDP sends one datagram for each message", async (t) => {
  const { key, cert } = testCertificate;
  const collector = new Collector();
  const port = await collector.listen(
    t,
    createTlsServer({ key, cert }, (socket) => collector.accept(socket)),
  );
  const log: object[] = [];
  const logger: Logger = { ...silentLogger, warn: (fields) => void log.push(fields) };
  const doubtful = createSyslogClient(target("tls", port), { logger, schedule: soon });
  doubtful.send("secret");
  await waitUntil("the refused certificate", () => log.length > 0);
  await doubtful.close();
  const trusted = createSyslogClient({ ...target("tls", port), ca: cert, servername: "api.test" }, { logger, schedule: soon });
  trusted.send("hello");
  await waitUntil("the message", () => collector.messages.length > 0);
  await trusted.close();
  assert.deepEqual(collector.messages, ["hello"]);

  const receiver = createSocket("udp4");
  const datagrams: string[] = [];
  receiver.on("message", (message) => datagrams.push(message.toString()));
  await new Promise<void>((resolve) => receiver.bind(0, "127.0.0.1", resolve));
  const client = createSyslogClient(target("udp", receiver.address().port), { logger });
  client.send("a");
  client.send("b");
  await client.close();
  await waitUntil("two datagrams", () => datagrams.length === 2);
  receiver.close();
  assert.deepEqual(datagrams.toSorted(), ["a", "b"]);
});

test("over UDP a bounded number of messages waits for the system, and the number of dropped ones is in the log", async () => {
  const receiver = createSocket("udp4");
  await new Promise<void>((resolve) => receiver.bind(0, "127.0.0.1", resolve));
  const dropped: unknown[] = [];
  const logger: Logger = { ...silentLogger, error: (fields) => void dropped.push(fields) };
  const client = createSyslogClient(target("udp", receiver.address().port), { logger });
  // The socket is not bound yet.
  for (let number = 0; number < 10_050; number++) client.send("m");
  assert.deepEqual(dropped, []);
  await client.close();
  client.send("after the end");
  receiver.close();
  assert.deepEqual(dropped, [{ dropped: 50 }]);
});
