import { withMockUpstream } from "../e2e/harness.ts";
import { sendRaw } from "../e2e/raw-http.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import type { PostgresServer } from "../testbed/postgres-server.ts";
import type { Home, RunningProcess } from "./processes.ts";
import { createHome } from "./processes.ts";
import { waitUntil } from "../testbed/wait-until.ts";

interface Question {
  readonly key?: string;
  readonly model?: string;
  readonly stream?: boolean;
}

/** Two daemons with homes of their own, started at once on one empty database. */
export interface GatewayPair {
  readonly postgres: PostgresServer;
  readonly database: string;
  readonly homes: readonly Home[];
  readonly daemons: readonly RunningProcess[];
  /** Ids of all requests that were asked and not refused for their key. */
  readonly answered: readonly string[];
  /** One chat request on a connection of its own, with the first admin's key unless another is given. @returns the status. */
  ask(daemon: number, question?: Question): Promise<number>;
  get(daemon: number, path: string): Promise<unknown>;
  /** Restarts the database while clients of both daemons ask without a pause. @returns the statuses that they saw. */
  restartUnderLoad(how: "fast" | "immediate"): Promise<Record<number, true>>;
  /** Ids of the requests in the ledger, sorted, as soon as there are as many as were answered. */
  entries(): Promise<string[]>;
  clear(): Promise<void>;
}

const clients = 6;

export async function startPair(postgres: PostgresServer): Promise<GatewayPair> {
  const mock = await createMockUpstream({ validate: false });
  const database = await postgres.createDatabase();
  const homes = await Promise.all([createHome(), createHome()]);
  const config = `database: { type: postgresql, url: "${postgres.url(database)}", pool: 4 }\n${withMockUpstream(mock.url)}`;
  for (const home of homes) await home.writeConfig(config);
  const daemons = await Promise.all(homes.map((home) => home.start()));
  const firstKey = daemons.find((daemon) => daemon.api_key !== null)?.api_key ?? "";
  const answered: string[] = [];

  const ask = async (daemon: number, { key = firstKey, model = "loopback", stream = false }: Question = {}): Promise<number> => {
    const reply = await sendRaw(`http://127.0.0.1:${daemons[daemon]!.port}`, {
      path: "/v1/chat/completions",
      headers: ["authorization", `Bearer ${key}`, "content-type", "application/json", "connection", "close"],
      body: JSON.stringify({ model, messages: [{ role: "user", content: "hi" }], ...(stream ? { stream } : {}) }),
    });
    if (reply.status !== 401) answered.push(String(reply.headers["x-request-id"]));
    // A stream that broke off has its status all the same.
    return stream && !reply.body.toString().includes("[DONE]") ? 0 : reply.status;
  };
  const ids = async (): Promise<string[]> =>
    (await postgres.run(database, "select request_id from usage_entries")).map((row) => String(row["request_id"])).toSorted();

  return {
    postgres,
    database,
    homes,
    daemons,
    answered,
    ask,
    async get(daemon, path) {
      const headers = ["authorization", `Bearer ${firstKey}`, "connection", "close"];
      const { body } = await sendRaw(`http://127.0.0.1:${daemons[daemon]!.port}`, { method: "GET", path, headers });
      return JSON.parse(body.toString()) as unknown;
    },
    async restartUnderLoad(how) {
      const over = new AbortController();
      const statuses: Record<number, true> = {};
      const load = Array.from({ length: clients }, async (_, client) => {
        for (let i = 0; !over.signal.aborted; i++) {
          statuses[await ask(client % 2, { model: i % 2 === 0 ? "loopback" : "gpt-mock", stream: i % 3 === 0 })] = true;
        }
      });
      const askedFor = (count: number): Promise<unknown> => {
        const from = answered.length;
        return waitUntil(`${count} more answers`, () => answered.length >= from + count);
      };
      await askedFor(clients * 3);
      await postgres.down(how);
      await askedFor(clients * 3);
      await postgres.up();
      await askedFor(clients * 3);
      over.abort();
      await Promise.all(load);
      return statuses;
    },
    async entries() {
      await waitUntil("all entries are there", async () => (await ids()).length >= answered.length);
      return ids();
    },
    async clear() {
      for (const home of homes) await home.clear();
      await mock.close();
    },
  };
}
