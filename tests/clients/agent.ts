import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import type { Connection } from "../e2e/sdk-story.ts";
import type { Protocol, ScenarioToolCall, ToolSpec } from "../testbed/scenario.ts";

/** What to run, and with what around it. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A coding agent, as it is set up in `docs/clients/`, and the words it has for what a story does. */
export interface Agent {
  readonly name: string;
  readonly dialect: Protocol;
  /** Names of models whose kind makes the agent send something else. */
  readonly models: readonly string[];
  /** It takes long to start: what goes wrong is tried on one upstream alone. */
  readonly isSlow?: true;
  /** It does not repeat a request whose stream is cut or ends with an error: it shows the error and ends. */
  readonly endsWithStream?: true;
  /** Files that it wants in its home. */
  readonly homeFiles: (connection: Connection, model: string) => Readonly<Record<string, string>>;
  readonly command: (connection: Connection, model: string, prompt: string) => Command;
  /** Goes on with the last session of the project. */
  readonly resume: (connection: Connection, model: string, prompt: string) => Command;
  /** Calls that write the file and run the shell command, in one turn: one call where the agent has no parallel ones. */
  readonly work: (tools: readonly ToolSpec[], file: string, text: string, shell: string) => readonly ScenarioToolCall[];
  /** The call that puts an image before the model; `undefined`: this kind of model has none. */
  readonly look: (tools: readonly ToolSpec[], image: string) => ScenarioToolCall | undefined;
}

/** What a run left. */
export interface AgentRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The folder of a run: the agent's home, and the project that it works in. */
export interface Place {
  readonly home: string;
  readonly project: string;
  readonly remove: () => Promise<void>;
}

export async function createPlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), "tokligence-agent-"));
  const home = join(folder, "home");
  const project = join(folder, "project");
  await mkdir(home);
  await mkdir(project);
  return { home, project, remove: () => rm(folder, { recursive: true, force: true }) };
}

const limitMs = 120_000;

/** Writes the files that the agent wants in its home. */
export async function writeHomeFiles(agent: Agent, place: Place, connection: Connection, model: string): Promise<void> {
  for (const [name, text] of Object.entries(agent.homeFiles(connection, model))) {
    const path = join(place.home, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}

/** Runs a command of an agent to its end. Of the surroundings it sees nothing but the path to programs. */
export async function runCommand({ program, args, env }: Command, place: Place): Promise<AgentRun> {
  const child = spawn(program, args, {
    cwd: place.project,
    env: { PATH: [dirname(process.execPath), process.env["PATH"]].join(delimiter), HOME: place.home, TERM: "dumb", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, so that what the agent starts ends with it.
    detached: true,
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const killGroup = (): void => {
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // It is gone already.
    }
  };
  const limit = setTimeout(killGroup, limitMs);
  return await new Promise<AgentRun>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(limit);
      killGroup();
      resolve({ code, stdout, stderr });
    });
  });
}

/** The program of an agent, as `npm run test:clients` installs it. */
export function installed(name: string): string {
  return join(import.meta.dirname, "node_modules", ".bin", name);
}

/** Whether a tool of that name is offered, under a name that a protocol without namespaces may have given it. */
export function offers(tools: readonly ToolSpec[], name: string): boolean {
  return tools.some((tool) => tool.name === name);
}
