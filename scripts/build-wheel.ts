import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { resolve } from "node:path";

/**
 * `npm run build:wheel`: makes the wheel for Python in `build/wheel`, with the parts of the package that `npm run build:bundle` makes; with `--sdist` also the
 * source distribution, which has the same parts inside and needs no Node to be built.
 */

const out = "build/wheel";
const inside = "python/src/tokligence/_gateway";
/** `python/hatch_build.py` puts them where `man` looks. */
const manPages = "python/man";

/** Hatchling is the build's own tool; pip makes no source distributions. */
const hatchling = "hatchling==1.27.0";

function buildSdist(python: string): void {
  const tools = "build/python-tools";
  if (!existsSync(tools)) execFileSync(python, ["-m", "venv", tools], { stdio: "inherit" });
  execFileSync(`${tools}/bin/pip`, ["install", "--quiet", "--disable-pip-version-check", hatchling], { stdio: "inherit" });
  execFileSync(resolve(tools, "bin/hatchling"), ["build", "--target", "sdist", "--directory", resolve(out)], {
    cwd: "python",
    stdio: "inherit",
  });
}

execFileSync(process.execPath, ["scripts/build-bundle.ts"], { stdio: "inherit" });
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
try {
  rmSync(inside, { recursive: true, force: true });
  rmSync(manPages, { recursive: true, force: true });
  cpSync("build/npm/man", manPages, { recursive: true });
  for (const name of ["bin", "docs", "lib", "package.json", "LICENSE"])
    cpSync(`build/npm/${name}`, `${inside}/${name}`, { recursive: true });
  const python = process.env["PYTHON"] ?? "python3";
  execFileSync(python, ["-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--wheel-dir", out, "./python"], {
    stdio: "inherit",
  });
  if (process.argv.includes("--sdist")) buildSdist(python);
} finally {
  // An installation of the clone (`pip install -e .`) must use the sources.
  for (const folder of [inside, manPages]) rmSync(folder, { recursive: true, force: true });
}
