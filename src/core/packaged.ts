import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Defined by the bundler of the executables alone. */
declare const TOKLIGENCE_EXECUTABLE: boolean | undefined;

/** Whether the program is a single executable, which contains the files that lie beside the modules otherwise. */
export const isExecutable = typeof TOKLIGENCE_EXECUTABLE === "boolean";

/** A data file that lies beside a module (`import.meta.url`), or in the executable under its name. */
export function readPackaged(name: string, moduleUrl: string): string {
  return isExecutable ? readAsset(name) : readFileSync(new URL(`./${name}`, moduleUrl), "utf8");
}

/** What `new Worker(program, { eval })` of `node:worker_threads` needs to start a module that lies beside another one. @param name without an extension. */
export function threadProgram(name: string, moduleUrl: string): { readonly program: string; readonly eval: boolean } {
  if (isExecutable) return { program: readAsset(`${name}.cjs`), eval: true };
  return { program: fileURLToPath(new URL(`./${name}.${moduleUrl.endsWith(".ts") ? "ts" : "js"}`, moduleUrl)), eval: false };
}

/** A file in the executable. @throws Error if there is none of that name. */
export function readAsset(name: string): string {
  return process.getBuiltinModule("node:sea").getAsset(name, "utf8");
}
