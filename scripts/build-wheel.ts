import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync } from "node:fs";

/** `npm run build:wheel`: makes the wheel for Python in `build/wheel`, with the parts of the package that `npm run build:bundle` makes. */

const out = "build/wheel";
const inside = "python/src/tokligence/_gateway";

execFileSync(process.execPath, ["scripts/build-bundle.ts"], { stdio: "inherit" });
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
try {
  rmSync(inside, { recursive: true, force: true });
  for (const name of ["bin", "docs", "lib", "man", "package.json", "LICENSE"])
    cpSync(`build/npm/${name}`, `${inside}/${name}`, { recursive: true });
  const python = process.env["PYTHON"] ?? "python3";
  execFileSync(python, ["-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--wheel-dir", out, "./python"], {
    stdio: "inherit",
  });
} finally {
  // An installation of the clone (`pip install -e .`) must use the sources.
  rmSync(inside, { recursive: true, force: true });
}
