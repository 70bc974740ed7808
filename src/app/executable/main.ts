import { homedir } from "node:os";
import { Script } from "node:vm";
import { codeCacheFile, readCodeCache, writeCodeCache } from "./code-cache.ts";
import { readRole, type Role } from "./role.ts";

/*
 * The main script of an executable. It is small, as Node compiles it at each start: it answers `version` itself, and runs all else from the asset
 * `program.cjs` (`program.ts`) with V8's compiled code.
 */

/** Defined by the bundler. */
declare const TOKLIGENCE_VERSION: string;
/** Of the asset: the compiled code of another one must not be used. */
declare const TOKLIGENCE_DIGEST: string;
/** Node's own, of a CommonJS script. */
declare const require: NodeJS.Require;

/** A gateway has answered its first requests by then. */
const keepAfterMs = 10_000;

interface Program {
  run(role: Role, args: readonly string[]): Promise<void>;
}

// Node would open its debugger on a port of this machine. With a listener of ours it does not.
process.on("SIGUSR1", () => {});
const { role, args } = readRole(process.argv0, process.argv.slice(2));
if (args.length === 1 && args[0] === "version" && role === "tokligence") process.stdout.write(`${TOKLIGENCE_VERSION}\n`);
else void loadProgram().run(role, args);

function loadProgram(): Program {
  const { platform, arch, env, versions } = process;
  // A gateway runs other functions than a command: with the compiled code of a command alone it would compile most of its own at each start.
  const isGateway = role === "worker" || (args.includes("start") && !args.includes("--background"));
  const name = `${TOKLIGENCE_VERSION}-${TOKLIGENCE_DIGEST}-${versions.node}-${platform}-${arch}${isGateway ? "-gateway" : ""}`;
  const uid = process.geteuid?.();
  const file = codeCacheFile({ platform, env, home: homedir(), name });
  const cached = readCodeCache(file, uid);
  // The bundler writes ASCII alone: one byte a character, read without decoding.
  const bytes = process.getBuiltinModule("node:sea").getRawAsset("program.cjs");
  const source = `(function (require, module, exports) {${Buffer.from(bytes).toString("latin1")}\n})`;
  const script = new Script(source, { filename: "tokligence.cjs", ...(cached === undefined ? {} : { cachedData: cached }) });
  // At the end, when most of the functions that are used have been compiled. A worker leaves it to its primary.
  if ((cached === undefined || script.cachedDataRejected === true) && role !== "worker") {
    const keep = (): void => {
      writeCodeCache(file, script.createCachedData(), uid);
    };
    process.once("exit", keep);
    // A gateway that is killed has not lost it.
    if (isGateway) setTimeout(keep, keepAfterMs).unref();
  }
  const module = { exports: {} as Program };
  (script.runInThisContext() as (...args: unknown[]) => void)(require, module, module.exports);
  return module.exports;
}
