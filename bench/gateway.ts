import { readdirSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { stringify } from "yaml";

import { readHeap } from "./garbage.ts";
import type { RowCounter } from "./ledger-rows.ts";
import { openRowCounter, rowsProblem, settledRows } from "./ledger-rows.ts";
import { waitFor } from "./processes.ts";
import type { Target, TargetContext } from "./targets.ts";
import { answersOk, clientHeaders } from "./targets.ts";
import { BENCH_MODEL, WORKLOADS, WORKLOAD_NAMES } from "./workloads.ts";

const START_TIMEOUT_MS = 15_000;
const COMMAND_TIMEOUT_MS = 15_000;
const HEAP_PROBE = join(import.meta.dirname, "heap-probe.ts");
const UPSTREAM_KEY = "bench-upstream-key";
/** Less than the shortest line that names a time, a request, a model and a status. */
const LEAST_LOG_BYTES = 40;

/** The whole configuration: every duty is on by default, and none is turned off. */
function gatewayConfiguration(directory: string, port: number, upstreamPort: number): string {
  const origin = `http://127.0.0.1:${upstreamPort}`;
  return stringify({
    gateway: { host: "127.0.0.1", port, logging: { level: "info", file: join(directory, "gateway.log") } },
    database: { type: "sqlite", path: join(directory, "gateway.db") },
    providers: {
      bench: { protocols: ["openai-chat"], base_url: `${origin}/v1`, api_key: UPSTREAM_KEY, models: [BENCH_MODEL] },
      benchanthropic: { protocols: ["anthropic-messages"], base_url: origin, api_key: UPSTREAM_KEY, models: ["bench-claude"] },
    },
  });
}

/** A gateway's program and its configuration. */
interface Place {
  readonly root: string;
  readonly config: string;
}

/** Runs the command line and gives one text field of the JSON object that it prints. */
async function command(context: TargetContext, { root, config }: Place, args: readonly string[], field: string): Promise<string> {
  const running = context.processes.start({
    command: process.execPath,
    args: [join(root, "bin", "tokligence.js"), "--config", config, ...args, "--json"],
    core: context.core,
    cwd: root,
  });
  const status = await running.finished(COMMAND_TIMEOUT_MS);
  const output = running.output();
  if (status !== 0) throw new Error(`tokligence ${args.join(" ")} exited with ${status}: ${output}`);
  const parsed: unknown = JSON.parse(output.slice(output.indexOf("{"), output.lastIndexOf("}") + 1));
  const value = new Map<string, unknown>(Object.entries(Object(parsed) as Record<string, unknown>)).get(field);
  if (typeof value !== "string") throw new Error(`tokligence ${args.join(" ")} printed no "${field}": ${output}`);
  return value;
}

function logBytes(directory: string): number {
  const names = readdirSync(directory).filter((name) => name.startsWith("gateway") && name.includes("log"));
  return names.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}

/** Refuses figures of a gateway that serves without a key; reports if it has no metrics. */
async function checkDuties(context: TargetContext, origin: string): Promise<void> {
  const { path, body } = WORKLOADS.W1;
  const response = await fetch(origin + path, { method: "POST", headers: { "content-type": "application/json" }, body });
  await response.arrayBuffer();
  if (response.status !== 401) throw new Error(`the gateway answers ${response.status} without a key: auth is not on`);
  if ((await answersOk(`${origin}/metrics`)) === undefined) context.warn("the gateway has no /metrics: its figures are without that duty");
}

/**
 * Starts the gateway with auth, ledger, metrics and log on, makes a user with a key, and watches that every answered request
 * has its row in the ledger and its line in the log.
 * @param root where its files lie: this tree, or another commit's.
 */
export async function startGateway(name: "gateway" | "against", root: string, context: TargetContext): Promise<Target> {
  const directory = join(context.directory, `${name}-home`);
  mkdirSync(directory);
  const port = await context.freePort();
  const config = join(directory, "config.yaml");
  writeFileSync(config, gatewayConfiguration(directory, port, context.upstreamPort), { mode: 0o600 });
  const heapSocket = join(directory, "heap");
  const running = context.processes.start({
    command: process.execPath,
    args: [join(root, "bin", "tokligence-daemon.js"), "--config", config, "start"],
    core: context.core,
    cwd: root,
    ...(context.heapProbe ? { env: { NODE_OPTIONS: `--import=${HEAP_PROBE}`, BENCH_HEAP_SOCKET: heapSocket } } : {}),
  });
  const origin = `http://127.0.0.1:${port}`;
  await waitFor(name === "gateway" ? "the gateway" : "the gateway of the other commit", running, START_TIMEOUT_MS, () =>
    answersOk(`${origin}/health/ready`),
  );
  await checkDuties(context, origin);
  const place = { root, config };
  const user = await command(context, place, ["user", "create", "bench"], "id");
  const key = await command(context, place, ["apikey", "create", user], "key");

  const dispatched = async (): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${context.upstreamPort}/count`)).text();
    if (!/^\d+$/.test(text)) throw new Error(`the upstream gave no count: ${text}`);
    return Number(text);
  };
  let counter: RowCounter | undefined;
  let dispatchedBefore = 0;
  let rowsBefore = 0;
  let logBefore = 0;
  return {
    name,
    pid: running.pid,
    loads: WORKLOAD_NAMES,
    origin,
    running,
    headers: (workload) => clientHeaders(workload, key),
    ...(context.heapProbe ? { heap: () => readHeap(heapSocket) } : {}),
    async mark() {
      counter ??= openRowCounter(join(directory, "gateway.db"));
      rowsBefore = await settledRows(counter, 0);
      dispatchedBefore = await dispatched();
      logBefore = logBytes(directory);
    },
    async settle(answered) {
      if (counter === undefined) throw new Error("settle before mark");
      const rows = (await settledRows(counter, rowsBefore + answered)) - rowsBefore;
      const traffic = { answered, dispatched: (await dispatched()) - dispatchedBefore, connections: context.connections };
      const problem = rowsProblem(rows, traffic);
      if (problem !== undefined) return problem;
      const logged = logBytes(directory) - logBefore;
      return logged < answered * LEAST_LOG_BYTES
        ? `the log grew by ${logged} bytes for ${answered} requests: not one line each`
        : undefined;
    },
  };
}
