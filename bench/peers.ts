/** Other gateways, installed from their registries when they are asked for, beside this one. Their versions are pinned: see README.md. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { stringify } from "yaml";

import { waitFor } from "./processes.ts";
import type { Target, TargetContext } from "./targets.ts";
import { answersOk, clientHeaders } from "./targets.ts";
import { BENCH_MODEL, type WorkloadName } from "./workloads.ts";

type PeerName = "litellm" | "portkey";

/** The newest of LiteLLM whose proxy is in a registry as a whole (November 2026). */
const LITELLM = "litellm[proxy]==1.99.4";
const PORTKEY = "@portkey-ai/gateway@1.15.2";
const PEERS = join(import.meta.dirname, "bin", "peers");
const INSTALL_TIMEOUT_MS = 10 * 60_000;
/** LiteLLM imports for half a minute on a slow machine. */
const START_TIMEOUT_MS = 120_000;
const PEER_KEY = "sk-bench-master-key";

/** Installs into a folder named after the version, once. An installation that was interrupted begins anew. */
function install(name: string, run: (folder: string) => void): string {
  const folder = join(PEERS, name.replaceAll(/[^\w.=-]/g, "_"));
  const mark = join(folder, "installed");
  if (existsSync(mark)) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  run(folder);
  writeFileSync(mark, "");
  return folder;
}

function command(program: string, args: readonly string[], cwd: string): void {
  execFileSync(program, args, { cwd, stdio: ["ignore", "ignore", "inherit"], timeout: INSTALL_TIMEOUT_MS });
}

/** As its page on production recommends: one worker a core, no verbose log, JSON log lines at ERROR. Its database and its Redis are not used. */
async function startLitellm(context: TargetContext): Promise<Target> {
  const folder = install(LITELLM, (made) => {
    command("python3", ["-m", "venv", join(made, "venv")], made);
    command(join(made, "venv", "bin", "python"), ["-m", "pip", "install", "--quiet", LITELLM], made);
  });
  const directory = join(context.directory, "litellm");
  mkdirSync(directory);
  const config = join(directory, "config.yaml");
  writeFileSync(
    config,
    stringify({
      model_list: [
        {
          model_name: BENCH_MODEL,
          litellm_params: {
            model: `hosted_vllm/${BENCH_MODEL}`,
            api_base: `http://127.0.0.1:${context.upstreamPort}/v1`,
            api_key: "bench",
          },
        },
      ],
      general_settings: { master_key: PEER_KEY },
      litellm_settings: { set_verbose: false, json_logs: true, request_timeout: 600, telemetry: false },
    }),
  );
  const port = await context.freePort();
  const running = context.processes.start({
    command: join(folder, "venv", "bin", "python"),
    args: [
      "-c",
      "from litellm import run_server; run_server()",
      "--config",
      config,
      "--host",
      "127.0.0.1",
      "--port",
      String(port),
      "--num_workers",
      "1",
    ],
    core: context.core,
    cwd: directory,
    env: { LITELLM_MODE: "PRODUCTION", LITELLM_LOG: "ERROR", LITELLM_LOCAL_MODEL_COST_MAP: "True" },
  });
  const origin = `http://127.0.0.1:${port}`;
  await waitFor("LiteLLM", running, START_TIMEOUT_MS, () => answersOk(`${origin}/health/liveliness`));
  return peer("litellm", ["W2", "W3", "W4p", "W6"], { running, origin, headers: (workload) => clientHeaders(workload, PEER_KEY) });
}

/** As its README starts it. It has no keys of its own: each request names the provider. */
async function startPortkey(context: TargetContext): Promise<Target> {
  const folder = install(PORTKEY, (made) =>
    command("npm", ["install", "--silent", "--no-save", "--ignore-scripts", "--prefix", made, PORTKEY], made),
  );
  const port = await context.freePort();
  const running = context.processes.start({
    command: process.execPath,
    args: [join(folder, "node_modules", "@portkey-ai", "gateway", "build", "start-server.js"), `--port=${port}`, "--headless"],
    core: context.core,
    cwd: folder,
    env: { TRUSTED_CUSTOM_HOSTS: "127.0.0.1,localhost" },
  });
  const origin = `http://127.0.0.1:${port}`;
  await waitFor("Portkey", running, START_TIMEOUT_MS, () => answersOk(`${origin}/`));
  const provider = { "x-portkey-provider": "openai", "x-portkey-custom-host": `http://127.0.0.1:${context.upstreamPort}/v1` };
  // It answers Messages only where the provider is Anthropic, and a stream with status 500 ("immutable" headers; seen under Node 22 and 26).
  return peer("portkey", ["W2", "W6"], {
    running,
    origin,
    headers: (workload) => ({ ...clientHeaders(workload, PEER_KEY), ...provider }),
  });
}

function peer(
  name: PeerName,
  loads: readonly WorkloadName[],
  { running, origin, headers }: Pick<Target, "running" | "origin" | "headers">,
): Target {
  return {
    name,
    pid: running.pid,
    loads,
    origin,
    running,
    headers,
    mark: () => Promise.resolve(),
    settle: () => Promise.resolve(undefined),
  };
}

/** Installs a peer if needed, and starts it. @throws Error if it does not start. */
export function startPeer(name: PeerName, context: TargetContext): Promise<Target> {
  return name === "litellm" ? startLitellm(context) : startPortkey(context);
}
