import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isExecutable } from "../core/index.ts";

/** Defined by the bundlers alone. */
declare const TOKLIGENCE_BUNDLED: boolean | undefined;
/** Defined by the bundler of the executables alone. */
declare const TOKLIGENCE_VERSION: string | undefined;

const isBundled = typeof TOKLIGENCE_BUNDLED === "boolean";

/** The folder of the package, or of the clone. `src/app` and `dist/app` are two folders deep, the parts of the bundle are in `lib`. */
const root = new URL(isBundled ? "../" : "../../", import.meta.url);

/** What lies on the disk and must be readable for the program to run: the folder of the package or of the clone, or the executable. */
export function packageFolder(): string {
  return isExecutable ? process.execPath : fileURLToPath(root);
}

/**
 * The first argument of `process.execPath` for the daemon: a file in a clone, in a built package, and in the published one; the name of a role in an
 * executable.
 */
export function daemonProgram(): string {
  if (isExecutable) return "--as=tokligence-daemon";
  return fileURLToPath(new URL(`bin/tokligence-daemon.${isBundled ? "cjs" : "js"}`, root));
}

/** The same for a worker: TypeScript in a clone, JavaScript in a package. */
export function workerProgram(): string {
  if (isExecutable) return "--as=worker";
  if (isBundled) return fileURLToPath(new URL("worker-start.js", import.meta.url));
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return fileURLToPath(new URL(`daemon/worker-start.${extension}`, import.meta.url));
}

/** The command line of this process, which runs a daemon. */
export function ownDaemonCommand(): string[] {
  if (!isExecutable) return [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  return [process.execPath, daemonProgram(), ...process.argv.slice(2).filter((word, index) => index > 0 || !word.startsWith("--as="))];
}

/** The package's version. */
export function readVersion(): string {
  if (typeof TOKLIGENCE_VERSION === "string") return TOKLIGENCE_VERSION;
  const manifest: unknown = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));
  return (manifest as { version: string }).version;
}
