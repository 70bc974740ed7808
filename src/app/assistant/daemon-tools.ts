import * as z from "zod";
import { stopDaemon } from "../daemon/start-background.ts";
import type { RuntimePaths } from "../paths.ts";
import { Daemon, type DaemonState } from "../library/daemon.ts";
import type { AdminClient } from "../../server/index.ts";
import type { ChangeTool, Tool, ToolResult } from "./tool.ts";

export interface DaemonToolDeps {
  /** The configuration file; the standard one if omitted. */
  readonly config: string | undefined;
  /** Of the gateway of this machine. */
  readonly paths: RuntimePaths;
  readonly call: AdminClient;
  /** The gateway was started. */
  readonly onChange: () => Promise<void>;
}

/** Starting the gateway of this machine, and starting it anew. Stopping is an operation of the admin API. */
export function daemonTools(deps: DaemonToolDeps): Tool[] {
  return [startTool(deps), restartTool(deps)];
}

function startTool({ config, call, onChange }: DaemonToolDeps): ChangeTool {
  return {
    kind: "change",
    name: "gateway_start",
    description: "Starts the gateway of this machine in the background, if it does not run. The user is asked before it happens.",
    parameters: z.strictObject({}),
    askedBy: /\b(?:start|run|launch|boot|bring up)\b/i,
    async plan() {
      const running = await statusOf(call);
      if (running !== undefined) throw new Error(`The gateway runs already (pid ${running.pid}, port ${running.port}).`);
      return {
        summary: `gateway_start: start the gateway in the background${config === undefined ? "" : ` with ${config}`}`,
        async apply() {
          const state = await new Daemon(config === undefined ? {} : { config }).start({ background: true });
          await onChange();
          return resultOf(state);
        },
      };
    },
  };
}

function restartTool({ config, paths, call, onChange }: DaemonToolDeps): ChangeTool {
  return {
    kind: "change",
    name: "gateway_restart",
    description:
      "Stops the gateway of this machine in order and starts it again. Most settings need no restart: config_set has them read at once. The user is asked before it happens.",
    parameters: z.strictObject({}),
    askedBy: /\b(?:restart|reboot|start again)\b/i,
    async plan() {
      const running = await statusOf(call);
      if (running === undefined) throw new Error("The gateway does not run. gateway_start starts it.");
      return {
        summary: `gateway_restart: stop the gateway (pid ${running.pid}, port ${running.port}) after the answers under way, and start it again; requests in between are refused`,
        async apply() {
          const daemon = new Daemon({ ...(config === undefined ? {} : { config }), ...running.overrides });
          await stopDaemon(paths, { via: "assistant" });
          const state = await daemon.start({ background: true });
          await onChange();
          return resultOf(state);
        },
      };
    },
  };
}

interface Running {
  readonly pid: number;
  readonly port: number;
  /** What its command line said over the configuration. */
  readonly overrides: { readonly port?: number; readonly host?: string };
}

async function statusOf(call: AdminClient): Promise<Running | undefined> {
  const { status, pid, port, ...more } = await call("status.get");
  if (status !== "running" || pid === undefined || port === undefined) return undefined;
  const said = (more as { readonly overrides?: Readonly<Record<string, unknown>> }).overrides ?? {};
  const [givenPort, host] = [Number(said["gateway.port"]), said["gateway.host"]];
  return {
    pid,
    port,
    overrides: { ...(givenPort > 0 ? { port: givenPort } : {}), ...(typeof host === "string" ? { host } : {}) },
  };
}

/** The key of the very first start is for the user alone. */
function resultOf(state: DaemonState): ToolResult {
  if (state.status !== "running" || state.api_key === undefined) return { value: state };
  const { api_key: key, ...rest } = state;
  return { value: { ...rest, api_key: "[shown to the user alone]" }, shownOnce: key };
}
