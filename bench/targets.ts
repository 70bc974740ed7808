import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { HeapReading } from "./garbage.ts";
import type { Processes, Running } from "./processes.ts";
import { waitFor } from "./processes.ts";
import type { Workload, WorkloadName } from "./workloads.ts";

export const TARGET_NAMES = ["gateway", "nginx", "minimal", "direct", "litellm", "portkey"] as const;
/** `against`: the gateway of another commit. */
export type TargetName = (typeof TARGET_NAMES)[number] | "against";

/** A system under test, started and answering. */
export interface Target {
  readonly name: TargetName;
  readonly pid: number;
  /** The loads it can carry. */
  readonly loads: readonly WorkloadName[];
  readonly origin: string;
  readonly running: Running;
  headers(workload: Workload): Readonly<Record<string, string>>;
  /** Called before a window. */
  mark(): Promise<void>;
  /**
   * Called after a window in which `requests` were answered: waits until the work they left behind is done, so that it is counted
   * with them, and gives the reason why the window does not count, if there is one.
   */
  settle(requests: number): Promise<string | undefined>;
  /** What it has allocated up to now; absent if it cannot say. */
  heap?(this: void): Promise<HeapReading>;
}

/** What a target needs to be started. `core` is the core of the system under test. */
export interface TargetContext {
  readonly processes: Processes;
  readonly directory: string;
  readonly core: number;
  readonly upstream: Running;
  readonly upstreamPort: number;
  readonly connections: number;
  readonly freePort: () => Promise<number>;
  readonly warn: (text: string) => void;
  /** Gateways are started with the probe of their heap. */
  readonly heapProbe: boolean;
}

const START_TIMEOUT_MS = 15_000;
const PLAIN_LOADS = ["W2", "W4p", "W6"] as const;
const MINIMAL_KEY = "bench-client-key";

/** The client's headers of a dialect with its key, as the vendors' SDKs send them. */
export function clientHeaders(workload: Workload, key: string): Readonly<Record<string, string>> {
  const type = { "content-type": "application/json" };
  return workload.dialect === "openai-chat"
    ? { ...type, authorization: `Bearer ${key}` }
    : { ...type, "x-api-key": key, "anthropic-version": "2023-06-01" };
}

/** True once `url` answers with 200. */
export async function answersOk(url: string): Promise<true | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1000) });
    await response.arrayBuffer();
    return response.ok ? true : undefined;
  } catch {
    return undefined; // not listening yet
  }
}

const nothingToMark = (): Promise<void> => Promise.resolve();
const nothingLeft = (): Promise<undefined> => Promise.resolve(undefined);

/** The port in the line "PORT n" that the bench's own servers print. */
export function printedPort(running: Running): Promise<number> {
  return waitFor("the server", running, START_TIMEOUT_MS, () => {
    const port = /^PORT (\d+)$/m.exec(running.output())?.[1];
    return port === undefined ? undefined : Number(port);
  });
}

/** nginx as people put it before an API, but for what would make it stop keeping connections, or write bodies to disk. */
function nginxConfiguration(directory: string, port: number, upstreamPort: number): string {
  const scratch = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `  ${kind}_temp_path ${join(directory, kind)};`);
  return `daemon off;
worker_processes 1;
${process.getuid?.() === 0 ? "user root;\n" : ""}pid ${join(directory, "nginx.pid")};
error_log ${join(directory, "error.log")};
events { worker_connections 1024; }
http {
${scratch.join("\n")}
  access_log ${join(directory, "access.log")};
  keepalive_requests 100000000;
  client_max_body_size 16m;
  client_body_buffer_size 256k;
  upstream provider {
    server 127.0.0.1:${upstreamPort};
    keepalive 128;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`;
}

async function startNginx(context: TargetContext): Promise<Target> {
  const directory = join(context.directory, "nginx");
  mkdirSync(directory);
  const port = await context.freePort();
  const file = join(directory, "nginx.conf");
  writeFileSync(file, nginxConfiguration(directory, port, context.upstreamPort));
  const running = context.processes.start({
    command: "nginx",
    args: ["-c", file, "-e", join(directory, "error.log"), "-p", directory],
    core: context.core,
    env: { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin` }, // Debian has nginx there, and users have not
  });
  const origin = `http://127.0.0.1:${port}`;
  await waitFor("nginx", running, START_TIMEOUT_MS, () => answersOk(`${origin}/health`));
  return {
    name: "nginx",
    pid: running.pid,
    loads: PLAIN_LOADS,
    origin,
    running,
    headers: (workload) => clientHeaders(workload, MINIMAL_KEY),
    mark: nothingToMark,
    settle: nothingLeft,
  };
}

async function startMinimal(context: TargetContext): Promise<Target> {
  const script = join(import.meta.dirname, "baseline", "minimal-proxy.ts");
  const running = context.processes.start({
    command: process.execPath,
    args: [script, "0", String(context.upstreamPort), MINIMAL_KEY],
    core: context.core,
  });
  const port = await printedPort(running);
  return {
    name: "minimal",
    pid: running.pid,
    loads: PLAIN_LOADS,
    origin: `http://127.0.0.1:${port}`,
    running,
    headers: (workload) => clientHeaders(workload, MINIMAL_KEY),
    mark: nothingToMark,
    settle: nothingLeft,
  };
}

/** No system at all: what the load generator and the upstream do alone. Its CPU is the upstream's. */
function direct(context: TargetContext): Target {
  return {
    name: "direct",
    pid: context.upstream.pid,
    loads: PLAIN_LOADS,
    origin: `http://127.0.0.1:${context.upstreamPort}`,
    running: context.upstream,
    headers: (workload) => clientHeaders(workload, MINIMAL_KEY),
    mark: nothingToMark,
    settle: nothingLeft,
  };
}

/** Starts one of the measures; gateways have files of their own. */
export function startMeasure(name: "nginx" | "minimal" | "direct", context: TargetContext): Promise<Target> {
  switch (name) {
    case "nginx":
      return startNginx(context);
    case "minimal":
      return startMinimal(context);
    case "direct":
      return Promise.resolve(direct(context));
  }
}
