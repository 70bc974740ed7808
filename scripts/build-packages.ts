import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { targets, type Target } from "./executables/targets.ts";

/**
 * `npm run build:packages`: packs what is published to npm into `build/packages`: `tokligence`, and `@tokligence/PLATFORM` with the executable of a
 * platform, for all platforms or those that are named. It packs what `build:bundle` and `build:executables` have made, and makes what is missing.
 */

const out = "build/packages";
const folders = "build/platforms";

interface Manifest {
  readonly version: string;
  readonly license: string;
}

function describe({ name, format }: Target, { version, license }: Manifest): object {
  const [os, cpu] = name.split("-") as [string, string];
  return {
    name: `@tokligence/${name}`,
    version,
    description: `The executable of tokligence for ${name}; the package tokligence uses it if the installed Node is too old.`,
    license,
    os: [os],
    cpu: [cpu],
    ...(format === "elf" ? { libc: ["glibc"] } : {}),
    files: ["bin", "LICENSES.txt"],
    engines: { node: ">=18" },
    preferUnplugged: true,
  };
}

function writePlatform(target: Target, manifest: Manifest): string {
  const suffix = target.format === "pe" ? ".exe" : "";
  const folder = join(folders, target.name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "bin"), { recursive: true });
  copyFileSync(join("build/executables", `tokligence-${target.name}${suffix}`), join(folder, "bin", `tokligence${suffix}`));
  copyFileSync("build/executables/LICENSES.txt", join(folder, "LICENSES.txt"));
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(describe(target, manifest), null, 2)}\n`);
  writeFileSync(
    join(folder, "README.md"),
    `# @tokligence/${target.name}\n\nThe executable of [tokligence](https://www.npmjs.com/package/tokligence) for ${target.name}. It needs no Node: \`bin/tokligence${suffix}\`.\n`,
  );
  return folder;
}

function pack(folder: string): void {
  execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", resolve(out)], {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** Runs another script if one of its results is missing. */
function need(files: readonly string[], script: string, names: readonly string[]): void {
  if (files.every((file) => existsSync(file))) return;
  execFileSync(process.execPath, [script, ...names], { stdio: "inherit" });
}

function run(names: readonly string[]): void {
  const chosen = targets.filter(({ name }) => names.length === 0 || names.includes(name));
  const unknown = names.find((name) => !targets.some((target) => target.name === name));
  if (unknown !== undefined)
    throw new Error(`There is no platform "${unknown}". There are: ${targets.map(({ name }) => name).join(", ")}.`);
  const files = chosen.map(({ name, format }) => `build/executables/tokligence-${name}${format === "pe" ? ".exe" : ""}`);
  need(["build/npm/package.json"], "scripts/build-bundle.ts", []);
  need([...files, "build/executables/LICENSES.txt"], "scripts/build-executables.ts", names);
  const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  for (const folder of ["build/npm", ...chosen.map((target) => writePlatform(target, manifest))]) pack(folder);
  for (const file of readdirSync(out))
    process.stdout.write(`${join(out, file)}: ${(statSync(join(out, file)).size / 1e6).toFixed(1)} MB\n`);
}

run(process.argv.slice(2));
