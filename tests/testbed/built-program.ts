import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleProgram } from "../../scripts/bundle-program.ts";
import { readVersion } from "../../src/app/self.ts";
import { atEndOfRun } from "./end-of-run.ts";

/** The program as it is published, made from the sources as they are. */
export interface BuiltProgram {
  /** `tokligence-daemon`. */
  readonly daemon: string;
  readonly tokligence: string;
  /** For the environment of its processes: what one of them has compiled the others do not compile again. */
  readonly env: Readonly<Record<string, string>>;
}

/** Made once for all tests of a process: a start from the sources, which are 1,400 modules, takes three times the computing. */
let built: Promise<BuiltProgram> | undefined;
let folder: string | undefined;

atEndOfRun(async () => {
  await built?.catch(() => {});
  built = undefined;
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
});

export function builtProgram(): Promise<BuiltProgram> {
  return (built ??= make());
}

async function make(): Promise<BuiltProgram> {
  folder = mkdtempSync(join(tmpdir(), "tokligence-program-"));
  await bundleProgram(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "tokligence", version: readVersion(), type: "module" }));
  symlinkSync(fileURLToPath(new URL("../../docs", import.meta.url)), join(folder, "docs"));
  return {
    daemon: join(folder, "bin/tokligence-daemon.cjs"),
    tokligence: join(folder, "bin/tokligence.cjs"),
    env: { NODE_COMPILE_CACHE: join(folder, "compiled") },
  };
}
