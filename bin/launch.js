import { existsSync } from "node:fs";
import { spawn } from "node:child_process";
// Whole, as a Node that is too old lacks the name that is used of it, and must get as far as to start the other one.
import * as nodeModule from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

// Node would open its debugger on a port of this machine. With a listener of ours it does not.
process.on("SIGUSR1", () => {});

/**
 * Runs a command's main function: from `src/` in a clone (Node takes the types out as it loads), from `dist/` in a package. In a clone, a Node that
 * is too old starts the one that `npm install` brought.
 */
export async function launch(module, run, binFile) {
  const source = new URL(`../src/${module}.ts`, import.meta.url);
  const inClone = existsSync(source);
  if (Number(process.versions.node.split(".")[0]) < 24) {
    const own = fileURLToPath(new URL(`../node_modules/node/bin/node${process.platform === "win32" ? ".exe" : ""}`, import.meta.url));
    if (!inClone || !existsSync(own)) {
      process.stderr.write(`tokligence needs Node 24 or later; this is ${process.versions.node}.\n`);
      process.exitCode = 1;
      return;
    }
    const child = spawn(own, [fileURLToPath(binFile), ...process.argv.slice(2)], { stdio: "inherit" });
    // A terminal sends its signals to the child as well; those that only this process gets are passed on. The child takes the same signal twice as one.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
    child.on("exit", (code, signal) => {
      process.exitCode = code ?? (signal === null ? 1 : 128);
    });
    return;
  }
  nodeModule.enableCompileCache();
  const target = inClone ? source : new URL(`../dist/${module}.js`, import.meta.url);
  const loaded = await import(pathToFileURL(fileURLToPath(target)).href);
  process.exitCode = await loaded[run](process.argv.slice(2), fileURLToPath(binFile));
}
