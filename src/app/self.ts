import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Defined by the bundler alone. */
declare const TOKLIGENCE_BUNDLED: boolean | undefined;

const isBundled = typeof TOKLIGENCE_BUNDLED === "boolean";

/** The folder of the package, or of the clone. `src/app` and `dist/app` are two folders deep, the parts of the bundle are in `lib`. */
const root = new URL(isBundled ? "../" : "../../", import.meta.url);

export function packageFolder(): string {
  return fileURLToPath(root);
}

/** The file that starts the daemon: in a clone, in a built package, and in the published one. */
export function daemonProgram(): string {
  return fileURLToPath(new URL(`bin/tokligence-daemon.${isBundled ? "cjs" : "js"}`, root));
}

/** The file that starts a worker: TypeScript in a clone, JavaScript in a package. */
export function workerProgram(): string {
  if (isBundled) return fileURLToPath(new URL("worker-start.js", import.meta.url));
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return fileURLToPath(new URL(`daemon/worker-start.${extension}`, import.meta.url));
}

/** The package's version. */
export function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));
  return (manifest as { version: string }).version;
}
