import { spawn } from "node:child_process";
import { builtProgram } from "../testbed/built-program.ts";
import type { Home } from "./processes.ts";

/** Starts the daemon as people do, and gives what it prints, up to the line that ends it. `more`: of the environment. */
export async function spawnStart(
  home: Home,
  more: Readonly<Record<string, string>> = {},
): Promise<{ readonly text: string; end(): Promise<{ code: number | null }> }> {
  const program = await builtProgram();
  const env = { PATH: process.env["PATH"] ?? "", HOME: home.folder, XDG_CONFIG_HOME: `${home.folder}/config`, ...program.env, ...more };
  const child = spawn(process.execPath, [program.daemon, "start"], { env, cwd: home.folder, stdio: ["ignore", "pipe", "inherit"] });
  const limit = setTimeout(() => child.kill("SIGKILL"), 20_000);
  const ended = new Promise<{ code: number | null }>((resolve) => {
    child.on("close", (code) => {
      clearTimeout(limit);
      resolve({ code });
    });
  });
  let text = "";
  await new Promise<void>((resolve, reject) => {
    child.stdout.on("data", (data: Buffer) => {
      text += data.toString();
      if (text.includes("Ctrl-C ends it.")) resolve();
    });
    void ended.then(() => reject(new Error(`it ended: ${text}`)));
  });
  return {
    text,
    end() {
      child.kill("SIGINT");
      return ended;
    },
  };
}
