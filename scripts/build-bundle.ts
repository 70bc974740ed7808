import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleProgram } from "./bundle-program.ts";
import { renderManPages } from "./docs/man-pages.ts";
import { libraryPage } from "./docs/library-page.ts";
import { writeMaterials } from "./executables/materials.ts";
import { targets } from "./executables/targets.ts";
import { rollUp } from "./types/roll-up.ts";

/**
 * `npm run build:bundle`: makes the package that is published, in `build/npm`. The gateway with all packages that it uses is in about forty parts in
 * `lib`, so that a command loads what it needs, and Node's compile cache keeps each of them.
 */

const out = "build/npm";

interface Manifest {
  readonly version: string;
  readonly [field: string]: unknown;
}

function readVersion(): string {
  return (JSON.parse(readFileSync("package.json", "utf8")) as Manifest).version;
}

function writeManifest(): void {
  const { name, version, description, keywords, license } = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;
  const manifest = {
    name,
    version,
    description,
    keywords,
    license,
    type: "module",
    bin: {
      tgw: "bin/tokligence.cjs",
      tokligence: "bin/tokligence.cjs",
      "tokligence-daemon": "bin/tokligence-daemon.cjs",
      tokligenced: "bin/tokligence-daemon.cjs",
    },
    main: "./lib/index.js",
    types: "./types/index.d.ts",
    exports: { ".": { types: "./types/index.d.ts", default: "./lib/index.js" }, "./package.json": "./package.json" },
    directories: { man: "man" },
    files: ["bin", "docs", "lib", "man", "types", "LICENSES.txt", "sbom.cdx.json"],
    engines: { node: ">=18" },
    // One of them is installed: its executable runs the commands if the user's Node is too old.
    optionalDependencies: Object.fromEntries(targets.map((target) => [`@tokligence/${target.name}`, version])),
  };
  writeFileSync(`${out}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`);
}

/** One file of types, and the page about them. */
function writeTypes(): void {
  const separate = "build/types";
  rmSync(separate, { recursive: true, force: true });
  const tsc = fileURLToPath(new URL("../node_modules/typescript/bin/tsc", import.meta.url));
  execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json", "--emitDeclarationOnly", "--outDir", separate], { stdio: "inherit" });
  const types = rollUp(resolve(separate, "app/index.d.ts"));
  rmSync(separate, { recursive: true });
  writeFileSync(`${out}/types/index.d.ts`, types.text);
  writeFileSync("docs/library-api.md", libraryPage(types));
}

function writeManPages(): void {
  mkdirSync(`${out}/man`, { recursive: true });
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { readonly version: string };
  for (const [name, text] of renderManPages(version)) writeFileSync(`${out}/man/${name}`, text);
}

rmSync(out, { recursive: true, force: true });
await bundleProgram(out);
mkdirSync(`${out}/types`);
writeTypes();
writeManPages();
// The assistant searches the pages.
cpSync("docs", `${out}/docs`, { recursive: true, filter: (path) => statSync(path).isDirectory() || path.endsWith(".md") });
for (const file of ["README.md", "LICENSE"]) copyFileSync(file, `${out}/${file}`);
writeManifest();
writeMaterials(out, readVersion());
const parts = readdirSync(`${out}/lib`);
const sizeBytes = parts.reduce((sum, part) => sum + statSync(`${out}/lib/${part}`).size, 0);
process.stdout.write(`${out}: ${parts.length} parts, ${(sizeBytes / 1e6).toFixed(1)} MB\n`);
