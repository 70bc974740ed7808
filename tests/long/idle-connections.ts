import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { sendRaw } from "../e2e/raw-http.ts";
import { writeFigures } from "./figures.ts";
import { createHome } from "../process/processes.ts";

const connections = 10_000;
/** So many are opened at a time. */
const width = 200;
/** Files that either process needs beside its connections. */
const others = 200;

const question = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";

/** Sends one request on the connection and reads its answer to the end. */
async function ask(socket: Socket): Promise<void> {
  let received = "";
  const whole = new Promise<void>((resolve, reject) => {
    const onData = (data: Buffer): void => {
      received += data.toString("latin1");
      const length = /content-length: (\d+)/i.exec(received);
      const body = received.indexOf("\r\n\r\n");
      if (length === null || body < 0 || received.length < body + 4 + Number(length[1])) return;
      socket.off("data", onData);
      resolve();
    };
    socket.on("data", onData);
    socket.once("error", reject);
    socket.once("close", () => {
      reject(new Error("closed before the answer"));
    });
  });
  socket.write(question);
  await whole;
  assert.match(received, /^HTTP\/1\.1 200 /);
}

/** Node raises its own limit to the hard one at its start. `undefined`: not known here. */
function mostFiles(): number | undefined {
  if (process.platform !== "linux") return undefined;
  const [, hard] = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  return hard === undefined || hard === "unlimited" ? Infinity : Number(hard);
}

function residentKib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]);
}

const files = mostFiles();
const needed = connections + others;
const tooFew = files !== undefined && files < needed && `needs ${needed} open files, may have ${files}`;
const unable = files === undefined ? "reads /proc" : tooFew;

test("ten thousand idle connections: all stay, it still serves them and others, and ends in order", { skip: unable }, async () => {
  const home = await createHome();
  const sockets: Socket[] = [];
  try {
    await home.writeConfig("gateway: { auth: { enabled: false } }\n");
    const daemon = await home.start();
    const open = async (): Promise<void> => {
      const socket = connect({ host: "127.0.0.1", port: daemon.port, noDelay: true });
      sockets.push(socket);
      await once(socket, "connect");
      await ask(socket);
    };
    const openAll = async (count: number): Promise<void> => {
      let left = count - sockets.length;
      await Promise.all(
        Array.from({ length: width }, async () => {
          while (left-- > 0) await open();
        }),
      );
    };
    // What the first thousand requests need once is no connection's.
    await openAll(connections / 10);
    const before = residentKib(daemon.pid);
    await openAll(connections);
    const after = residentKib(daemon.pid);
    assert.equal(sockets.length, connections);

    for (let i = 0; i < 100; i++) {
      const { status } = await sendRaw(daemon.url, {
        path: "/v1/chat/completions",
        headers: ["content-type", "application/json"],
        body: JSON.stringify({ model: "loopback", messages: [{ role: "user", content: "hi" }] }),
      });
      assert.equal(status, 200);
    }
    assert.equal(sockets.filter((socket) => socket.destroyed || !socket.readable).length, 0);
    for (let i = 0; i < connections; i += 100) await ask(sockets[i]!);
    const perConnection = (after - before) / (connections - connections / 10);
    writeFigures("idle-connections", {
      connections,
      resident_mib: Math.round(after / 1024),
      kib_each: Math.round(perConnection * 10) / 10,
      added_mib: Math.round((perConnection * connections) / 1024),
    });
    assert.ok(perConnection * connections <= 200 * 1024, `${perConnection} KiB for each connection`);

    const gone = sockets.map((socket) => once(socket, "close"));
    for (const socket of sockets) socket.resume();
    daemon.child.kill("SIGTERM");
    assert.equal((await daemon.ended).code, 0);
    await Promise.all(gone);
  } finally {
    for (const socket of sockets) socket.destroy();
    await home.clear();
  }
});
