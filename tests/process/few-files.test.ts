import assert from "node:assert/strict";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { withMockUpstream } from "../e2e/harness.ts";
import { sendRaw } from "../e2e/raw-http.ts";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { createHome, endBy, type Home, type RunningProcess } from "./processes.ts";

/** A little more than the gateway itself needs. */
const openFiles = 96;
const idleClients = 200;
const width = 10;

describe("a process that may open few files", { skip: process.platform === "win32" && "there is no such limit on Windows" }, () => {
  let mock: MockUpstream;
  let home: Home;
  let daemon: RunningProcess;
  const sockets: Socket[] = [];

  before(async () => {
    mock = await createMockUpstream({ validate: false });
    home = await createHome({ openFiles });
    await home.writeConfig(withMockUpstream(mock.url));
    daemon = await home.start();
  });
  after(async () => {
    for (const socket of sockets) socket.destroy();
    await home.clear();
    await mock.close();
  });

  async function ask(model: string): Promise<number> {
    const headers = ["authorization", `Bearer ${daemon.api_key}`, "content-type", "application/json", "connection", "close"];
    const body = JSON.stringify({ model, messages: [{ role: "user", content: "hi" }] });
    return (await sendRaw(daemon.url, { path: "/v1/chat/completions", headers, body })).status;
  }

  /** Opens connections that send nothing, and lets their ends be. */
  async function crowd(): Promise<void> {
    for (let i = 0; i < idleClients; i++) {
      const socket = connect(daemon.port, "127.0.0.1");
      socket.on("error", () => {});
      sockets.push(socket);
      await once(socket, "connect");
    }
  }

  test("idle clients keep nobody out: requests to providers of all protocols are served, several at a time", async () => {
    await crowd();
    const models = ["gpt-mock", "claude-mock", "gemini-mock", "loopback"];
    for (let round = 0; round < 3; round++) {
      const statuses = await Promise.all(Array.from({ length: width }, (_, i) => ask(models[i % models.length]!)));
      assert.deepEqual(statuses, Array(width).fill(200));
    }
  });

  test("the ledger opens the files that it needs: a journal that was removed is made again", async () => {
    rmSync(`${home.database}.journal`, { recursive: true });
    await crowd();
    await waitUntil("a new journal is there", async () => (await home.log()).includes("a file of the journal was removed"));
    const statuses: number[] = [];
    for (let i = 0; i < width; i++) statuses.push(await ask("loopback"));
    assert.deepEqual(statuses, Array(width).fill(200));
  });

  test("it says that it may open few files, and ends in order with all rows written", async () => {
    assert.match(await home.log(), /"open_files":96,"connections":16,.*this process may open few files/);
    const { code } = await endBy(daemon, "SIGTERM");
    assert.equal(code, 0);
    const rows = home.rows();
    assert.deepEqual([rows.length, new Set(rows.map(({ status }) => status))], [4 * width, new Set(["ok"])]);
  });
});
