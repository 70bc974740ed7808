import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test, type TestContext } from "node:test";
import { startSuccessor, type SuccessorOptions } from "./successor.ts";

/** A successor that is a program of a few lines. */
function optionsOf(source: string, more: Partial<SuccessorOptions> = {}): SuccessorOptions {
  return {
    command: [process.execPath, "-e", source],
    env: {},
    inheritsOutput: false,
    manager: "none",
    address: { host: "127.0.0.1", port: 0, servedPort: 8081 },
    sockets: [],
    sink: { write: () => Promise.resolve() },
    ...more,
  };
}

test("a new gateway that ends at once has failed, with its last words", async () => {
  const started = await startSuccessor(optionsOf('console.error("no key"); process.exitCode = 3;'));
  assert.deepEqual(started, { outcome: "failed", problem: "The new gateway ended at once (exit 3).", stderr: "no key\n" });
});

test("a program that is not there has failed", async () => {
  const started = await startSuccessor(optionsOf("", { command: ["/nowhere/node"] }));
  assert.deepEqual(started, { outcome: "failed", problem: "spawn /nowhere/node ENOENT", stderr: "" });
});

test("a new gateway that does not serve in time is ended", async () => {
  const started = await startSuccessor(optionsOf("setInterval(() => {}, 1000)", { timeoutMs: 300 }));
  assert.deepEqual(started, { outcome: "failed", problem: "The new gateway did not serve within 0.3 s, and was ended.", stderr: "" });
});

test("a new gateway that cannot take the place while the old one runs says why", async () => {
  const source = 'process.on("message", ({ host }) => process.send({ type: "declined", reason: host === "127.0.0.1" ? "schema" : "" }))';
  assert.deepEqual(await startSuccessor(optionsOf(source)), { outcome: "declined", reason: "schema" });
});

test("a new gateway serves the sockets of the old one, and writes rows through it until it is released", async (t: TestContext) => {
  const socket = createServer().listen(0, "127.0.0.1");
  await once(socket, "listening");
  t.after(() => socket.close());
  const written: unknown[] = [];
  const source = `
    process.on("message", (message, server) => {
      if (message.type === "address") process.send({ type: "sockets-wanted" });
      if (message.type === "socket") process.send('ledger-batch {"id":1,"rows":[],"checkpoint":{"journal":"of the new one","seq":1}}');
      if (message === 'ledger-ack {"id":1}') process.send({ type: "serving" });
      server?.close();
    })`;
  const sink: SuccessorOptions["sink"] = {
    write: async (rows, checkpoint) => void written.push([rows, checkpoint]),
  };
  const started = await startSuccessor(optionsOf(source, { sockets: [socket], sink }));
  assert.ok(started.outcome === "serving");
  assert.deepEqual(written, [[[], { journal: "of the new one", seq: 1 }]]);
  // Without the channel it has nothing left to do.
  started.successor.release();
});
