import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { bundleOptions } from "./bundle-options.ts";
import { checkUnmoved } from "./executables/mach-o.ts";
import { writeMaterials } from "./executables/materials.ts";
import { cutCertificate } from "./executables/pe.ts";
import { signAdHoc, verifySignature } from "./executables/sign.ts";
import { nodeVersion, targets, type Target } from "./executables/targets.ts";

/**
 * `npm run build:executables`: makes single executables of the gateway in `build/executables`, for all platforms or those that are named, on Linux
 * x64. Node's own programs are packages of the registry, which `build/nodes` keeps.
 */

const out = "build/executables";
const nodes = "build/nodes";

const digestOf = (algorithm: string, data: Uint8Array, form: "hex" | "base64"): string => createHash(algorithm).update(data).digest(form);

/** A file of the package that has Node for a platform, from the archive with the expected hash. */
function readNodePackage(target: Target, member: string): Buffer {
  mkdirSync(nodes, { recursive: true });
  const archive = join(nodes, `${target.package}-${nodeVersion}.tgz`);
  if (!existsSync(archive)) {
    const folder = mkdtempSync(join(nodes, "pack-"));
    execFileSync("npm", ["pack", `${target.package}@${nodeVersion}`, "--silent", "--pack-destination", folder], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    renameSync(join(folder, basename(archive)), archive);
    rmSync(folder, { recursive: true });
  }
  if (`sha512-${digestOf("sha512", readFileSync(archive), "base64")}` !== target.integrity)
    throw new Error(`${archive} is not the expected one. Remove it.`);
  return execFileSync("tar", ["-xzOf", archive, `package/${member}`], { maxBuffer: 512 * 1024 * 1024 });
}

interface Scripts {
  readonly main: string;
  readonly assets: Readonly<Record<string, string>>;
}

/** Everything that is put into the executables; the same bytes in whatever folder. */
async function writeScripts(folder: string, version: string): Promise<Scripts> {
  const shared = { ...bundleOptions, format: "cjs", charset: "ascii", supported: { "dynamic-import": false } } as const;
  const define = { "import.meta.url": '"file:///"', TOKLIGENCE_EXECUTABLE: "true", TOKLIGENCE_VERSION: JSON.stringify(version) };
  const threads = { "read-thread": "src/store/sqlite/read-thread.ts", "checkpoint-thread": "src/store/sqlite/checkpoint-thread.ts" };
  await build({
    ...shared,
    entryPoints: { program: "src/app/executable/program.ts", ...threads },
    outdir: folder,
    outExtension: { ".js": ".cjs" },
    define,
  });
  const digest = digestOf("sha256", readFileSync(join(folder, "program.cjs")), "hex").slice(0, 16);
  await build({
    ...shared,
    entryPoints: { main: "src/app/executable/main.ts" },
    outdir: folder,
    outExtension: { ".js": ".cjs" },
    define: { ...define, TOKLIGENCE_DIGEST: JSON.stringify(digest) },
  });
  const pages = globSync("docs/**/*.md").toSorted();
  writeFileSync(
    join(folder, "docs.json"),
    JSON.stringify(Object.fromEntries(pages.map((path) => [path.slice("docs/".length), readFileSync(path, "utf8")]))),
  );
  copyFileSync("src/ledger/prices/price-list.json", join(folder, "price-list.json"));
  const names = ["program.cjs", "read-thread.cjs", "checkpoint-thread.cjs", "docs.json", "price-list.json"];
  // By their names in the folder: the path of the main script is in the executable, too.
  return { main: "main.cjs", assets: Object.fromEntries(names.map((name) => [name, name])) };
}

function buildOne(target: Target, scripts: Scripts, folder: string): string {
  const original = readNodePackage(target, `bin/node${target.format === "pe" ? ".exe" : ""}`);
  const node = target.format === "pe" ? cutCertificate(original) : original;
  const file = join(out, `tokligence-${target.name}${target.format === "pe" ? ".exe" : ""}`);
  writeFileSync(join(folder, "node"), node, { mode: 0o755 });
  writeFileSync(
    join(folder, "sea.json"),
    JSON.stringify({
      ...scripts,
      executable: "node",
      output: "made",
      useCodeCache: false,
      useSnapshot: false,
      disableExperimentalSEAWarning: true,
      execArgv: ["--disable-sigusr1"],
      execArgvExtension: "none",
    }),
  );
  execFileSync(process.execPath, ["--build-sea", "sea.json"], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  let finished: Buffer = readFileSync(join(folder, "made"));
  if (target.format === "mach-o") {
    finished = signAdHoc(finished, "tokligence");
    verifySignature(finished);
    checkUnmoved(original, finished);
  }
  writeFileSync(file, finished);
  chmodSync(file, 0o755);
  return file;
}

async function run(names: readonly string[]): Promise<void> {
  if (process.versions.node !== nodeVersion || process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(
      `This is Node ${process.versions.node} on ${process.platform}-${process.arch}; Node ${nodeVersion} on linux-x64 is needed.`,
    );
  }
  const unknown = names.find((name) => !targets.some((target) => target.name === name));
  if (unknown !== undefined)
    throw new Error(`There is no platform "${unknown}". There are: ${targets.map(({ name }) => name).join(", ")}.`);
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { readonly version: string };
  const folder = mkdtempSync(join(tmpdir(), "tokligence-executables-"));
  try {
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out, { recursive: true });
    const scripts = await writeScripts(folder, version);
    const chosen = targets.filter(({ name }) => names.length === 0 || names.includes(name));
    const sums = chosen.map((target) => {
      const file = buildOne(target, scripts, folder);
      const data = readFileSync(file);
      process.stdout.write(`${file}: ${(data.length / 1e6).toFixed(1)} MB\n`);
      return `${digestOf("sha256", data, "hex")}  ${basename(file)}\n`;
    });
    writeFileSync(join(out, "SHA256SUMS"), sums.join(""));
    writeMaterials(out, version, {
      targets: chosen,
      license: readNodePackage(chosen.find(({ format }) => format !== "pe") ?? targets[0]!, "LICENSE").toString("utf8"),
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await run(process.argv.slice(2));
