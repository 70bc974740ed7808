import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { Agent, createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import type { LedgerReport } from "../../src/app/compose/journals.ts";
import type { UsageRow } from "../../src/ledger/index.ts";
import { createHome, type Home, type RunningProcess } from "./processes.ts";
import { waitUntil } from "../testbed/wait-until.ts";

const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 };
const answer = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "gpt-cheap",
  choices: [{ index: 0, message: { role: "assistant", content: "Hello." }, finish_reason: "stop", logprobs: null }],
  usage,
});
const chunk = (fields: object): string =>
  `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-cheap", ...fields })}\n\n`;
const firstHalf = chunk({ choices: [{ index: 0, delta: { role: "assistant", content: "Hel" }, finish_reason: null }] });
const secondHalf =
  chunk({ choices: [{ index: 0, delta: { content: "lo." }, finish_reason: null }] }) +
  chunk({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }) +
  chunk({ choices: [], usage }) +
  "data: [DONE]\n\n";

/** An upstream that does next to nothing, so that the gateway is what is loaded. */
export async function createCheapUpstream(): Promise<{ readonly url: string; close(): void }> {
  const server: Server = createServer((incoming, outgoing) => {
    const parts: Buffer[] = [];
    incoming.on("data", (part: Buffer) => parts.push(part));
    incoming.on("end", () => {
      if (incoming.method === "GET") {
        outgoing.writeHead(200, { "content-type": "application/json" });
        outgoing.end(JSON.stringify({ object: "list", data: [{ id: "gpt-cheap", object: "model" }] }));
      } else if (Buffer.concat(parts).includes('"stream":true')) {
        outgoing.writeHead(200, { "content-type": "text/event-stream" });
        outgoing.write(firstHalf);
        setImmediate(() => outgoing.end(secondHalf));
      } else {
        outgoing.writeHead(200, { "content-type": "application/json" });
        outgoing.end(answer);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A daemon under load, and what the client remembers. */
export interface LoadedDaemon {
  readonly home: Home;
  /** The client's ids of all requests that were sent, and of those whose answer came whole. */
  readonly sent: ReadonlySet<string>;
  readonly answered: ReadonlySet<string>;
  /** Answers that were not 200. */
  readonly refused: readonly string[];
  /** Requests that the gateway did not take, as the machine had too much to do. They count as not sent. */
  readonly shed: () => number;
  /** What broke off requests, with the client's id. */
  readonly broken: readonly string[];
  start(...args: readonly string[]): Promise<RunningProcess>;
  /** Keeps a number of requests active, JSON and streams by turns, until a number more are answered, the daemon is gone or, if asked, one is refused. */
  load(count: number, width: number, stopWhenRefused?: boolean): Promise<void>;
  /**
   * Keeps a number of requests active, JSON and streams by turns, until `isOver`. What is not answered is tried no more.
   * @param share of the time in which each of them is active; 1 if omitted. 0.5 is half of the load.
   */
  loadUntil(isOver: () => boolean, width: number, share?: number): Promise<void>;
  clear(): Promise<void>;
}

/** A load that takes longer than this has failed. */
const loadMs = 120_000;

/** @param patienceMs how long a client waits for the next bytes of an answer. */
export async function createLoadedDaemon(yaml: string, patienceMs = 2000): Promise<LoadedDaemon> {
  const upstream = await createCheapUpstream();
  const home = await createHome();
  await home.writeConfig(
    `${yaml}\nproviders:\n  cheap: { protocols: [openai-chat], base_url: "${upstream.url}/v1", api_key: sk-nothing, models: [gpt-cheap] }\nmodel_provider_routes: { "gpt-cheap": cheap }\n`,
  );
  const sent = new Set<string>();
  const answered = new Set<string>();
  const refused: string[] = [];
  const broken: string[] = [];
  let shed = 0;
  let daemon: RunningProcess | undefined;
  let key = "";
  let lastId = 0;

  /** @returns whether the whole answer came. */
  function ask(agent: Agent, port: number, id: string, stream: boolean): Promise<boolean> {
    return new Promise((resolve) => {
      const body = JSON.stringify({ model: "gpt-cheap", messages: [{ role: "user", content: "hi" }], stream });
      const headers = {
        authorization: `Bearer ${key}`,
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
        "x-request-id": id,
      };
      const outgoing = httpRequest(
        { host: "127.0.0.1", port, agent, method: "POST", path: "/v1/chat/completions", headers },
        (incoming) => {
          let text = "";
          incoming.setEncoding("latin1");
          incoming.on("data", (part: string) => (text += part));
          incoming.on("error", (error) => {
            broken.push(`${id}: ${error.message} after ${text.length} characters`);
            resolve(false);
          });
          incoming.on("close", () => {
            if (incoming.statusCode === 503 && text.includes('"code":"overloaded"')) {
              shed += 1;
              sent.delete(id);
            } else if (incoming.statusCode !== 200) refused.push(`${incoming.statusCode} ${text}`);
            // A stream is answered with its terminal event, whatever becomes of the connection after it.
            resolve(incoming.statusCode === 200 && (stream ? text.includes("data: [DONE]\n\n") : incoming.complete));
          });
        },
      );
      outgoing.on("error", (error: NodeJS.ErrnoException) => {
        broken.push(`${id}: ${error.message}${outgoing.reusedSocket ? " on an open connection" : ""}`);
        resolve(false);
      });
      // A connection that was handed to a worker as it died is lost.
      outgoing.setTimeout(patienceMs, () => outgoing.destroy(new Error("no answer")));
      outgoing.end(body);
    });
  }

  return {
    home,
    sent,
    answered,
    refused,
    broken,
    shed: () => shed,
    async start(...args) {
      daemon = await home.start(...args);
      key = daemon.api_key ?? key;
      return daemon;
    },
    async load(count, width, stopWhenRefused = false) {
      const { port } = daemon!;
      const agent = new Agent({ keepAlive: true, maxSockets: width });
      const target = answered.size + count;
      const endMs = performance.now() + loadMs;
      await Promise.all(
        Array.from({ length: width }, async () => {
          while (answered.size < target) {
            if (performance.now() > endMs) throw new Error(`${answered.size} of ${target} requests were answered in ${loadMs} ms`);
            const id = `load-${++lastId}`;
            sent.add(id);
            if (await ask(agent, port, id, lastId % 2 === 0)) answered.add(id);
            else if (stopWhenRefused && refused.length > 0) return;
            else if (daemon!.child.exitCode !== null || daemon!.child.signalCode !== null) return;
          }
        }),
      );
      agent.destroy();
    },
    async loadUntil(isOver, width, share = 1) {
      const { port } = daemon!;
      const agent = new Agent({ keepAlive: true, maxSockets: width });
      await Promise.all(
        Array.from({ length: width }, async () => {
          while (!isOver()) {
            const id = `load-${++lastId}`;
            sent.add(id);
            const fromMs = performance.now();
            if (await ask(agent, port, id, lastId % 2 === 0)) answered.add(id);
            // Nobody listens for a while after a stop.
            else await delay(5);
            if (share < 1) await delay((performance.now() - fromMs) * (1 / share - 1));
          }
        }),
      );
      agent.destroy();
    },
    async clear() {
      upstream.close();
      await home.clear();
    },
  };
}

/** Figures of a run, to print. */
export interface KillFigures {
  readonly answered: number;
  readonly rows: number;
  readonly interrupted: number;
  readonly perSecond: number;
}

/** Kills the daemon under load, time and again, and compares what the client was answered with the ledger. */
export async function killRun(options: {
  readonly kills: number;
  readonly requests: number;
  readonly width: number;
  readonly yaml?: string;
}): Promise<KillFigures> {
  const run = await createLoadedDaemon(options.yaml ?? "");
  try {
    let loadMs = 0;
    for (let kill = 0; kill < options.kills; kill++) {
      const daemon = await run.start();
      const goal = run.answered.size + options.requests;
      const startMs = performance.now();
      // More than are waited for: it is killed amid them.
      const load = run.load(options.requests * 4, options.width);
      await waitUntil("enough are answered", () => run.answered.size >= goal, 60_000);
      loadMs += performance.now() - startMs;
      daemon.child.kill("SIGKILL");
      await Promise.all([load, daemon.ended]);
    }
    const answered = run.answered.size;
    const last = await run.start();
    await run.load(50, 8);
    last.child.kill("SIGTERM");
    assert.equal((await last.ended).code, 0);
    const rows = checkRows(run);
    assert.deepEqual(run.refused, []);
    return {
      answered: run.answered.size,
      rows: rows.length,
      interrupted: rows.filter((row) => row.status === "interrupted").length,
      perSecond: Math.round((answered / loadMs) * 1000),
    };
  } finally {
    await run.clear();
  }
}

/** Locks the database under load for `lockMs`; no client may notice, and no entry may be missing afterwards. @returns how many requests were answered. */
export async function lockedRun(lockMs: number): Promise<number> {
  const run = await createLoadedDaemon("");
  try {
    const daemon = await run.start();
    await run.load(50, 8);
    const other = new DatabaseSync(run.home.database, { timeout: 5000 });
    other.exec("begin immediate");
    const endMs = performance.now() + lockMs;
    while (performance.now() < endMs) await run.load(100, 8);
    const { stdout } = await run.home.tokligence("ledger", "status", "--json");
    const status = JSON.parse(stdout) as LedgerReport;
    assert.ok(status.queued! >= 100 && status.lag_ms! > 0 && status.healthy && status.journals.length === 1, stdout);
    other.exec("rollback");
    other.close();
    await run.load(50, 8);
    daemon.child.kill("SIGTERM");
    assert.equal((await daemon.ended).code, 0);
    assert.deepEqual([run.refused, run.sent.size - run.answered.size], [[], 0]);
    checkRows(run);
    assert.deepEqual(
      readdirSync(`${run.home.database}.journal`).filter((name) => !name.endsWith(".wal")),
      [],
      "no lock is left",
    );
    return run.answered.size;
  } finally {
    await run.clear();
  }
}

/**
 * Stops the daemon (SIGSTOP) under load, time and again, for longer than every limit of time that it has, and lets it go on: no client may notice.
 * @returns how many requests were answered.
 */
export async function stoppedRun({ stops, stopMs }: { readonly stops: number; readonly stopMs: number }): Promise<number> {
  const limits = "client: 2s, connect: 1s, first_byte: 3s, idle: 3s, total: 5s, stream_total: 5s";
  const run = await createLoadedDaemon(`gateway: { timeouts: { ${limits} } }`, 3 * stopMs);
  try {
    const daemon = await run.start();
    for (let stop = 0; stop < stops; stop++) {
      const goal = run.answered.size + 500;
      const load = run.load(1500, 32);
      await waitUntil("enough are answered", () => run.answered.size >= goal, 60_000);
      daemon.child.kill("SIGSTOP");
      await delay(stopMs);
      daemon.child.kill("SIGCONT");
      await load;
    }
    daemon.child.kill("SIGTERM");
    assert.equal((await daemon.ended).code, 0);
    assert.deepEqual([run.refused, run.sent.size - run.answered.size], [[], 0]);
    checkRows(run);
    return run.answered.size;
  } finally {
    await run.clear();
  }
}

/** No answered request without a row, none with two, no row without a request. */
export function checkRows(run: LoadedDaemon): readonly UsageRow[] {
  const rows = run.home.rows();
  const byClientId = Map.groupBy(rows, (row) => row.client_request_id ?? "");
  const missing = [...run.answered].filter((id) => !byClientId.get(id)?.some((row) => row.status === "ok" && row.input_tokens === 11));
  const double = [...byClientId].filter(([, same]) => same.length > 1).map(([id]) => id);
  const phantom = [...byClientId.keys()].filter((id) => !run.sent.has(id));
  assert.deepEqual({ missing, double, phantom }, { missing: [], double: [], phantom: [] });
  return rows;
}
