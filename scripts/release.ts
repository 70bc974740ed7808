import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { targets } from "./executables/targets.ts";
import { releaseChanges } from "./release/change-log.ts";
import {
  executableCarrier,
  fetchOldNode,
  findOldPython,
  measureFirstHour,
  npmCarrier,
  pipCarrier,
  type Carrier,
  type FirstHour,
} from "./release/first-hour.ts";

/**
 * `npm run release`: makes everything that a release consists of in `build/release`, installs each in an empty folder, and measures how long a newcomer needs
 * from the installation to the usage of a user. It takes about ten minutes. With names of platforms it makes only these, as a trial. Nothing is published.
 */

const out = "build/release";

function node(script: string, ...args: readonly string[]): void {
  execFileSync(process.execPath, [script, ...args], { stdio: "inherit" });
}

function build(names: readonly string[]): void {
  for (const folder of ["build/npm", "build/executables", out]) rmSync(folder, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  node("scripts/build-packages.ts", ...names);
  node("scripts/build-wheel.ts", "--sdist");
  const files = globSync(["build/packages/*.tgz", "build/executables/*", "build/wheel/*"]).filter(
    (file) => basename(file) !== "SHA256SUMS",
  );
  for (const file of files) copyFileSync(file, join(out, basename(file)));
}

/** In the form that `sha256sum --check` reads. */
function writeSums(): void {
  const files = globSync(`${out}/*`).filter((file) => basename(file) !== "SHA256SUMS");
  const sums = files.toSorted().map((file) => `${createHash("sha256").update(readFileSync(file)).digest("hex")}  ${basename(file)}\n`);
  writeFileSync(join(out, "SHA256SUMS"), sums.join(""));
}

function carriers(version: string, nodeFolder: string): Carrier[] {
  const python = findOldPython();
  if (python === undefined)
    throw new Error("There is no Python 3.9 on this machine (~/.pyenv/versions/3.9.*, python3.9): the wheel cannot be tried.");
  const file = (name: string): string => resolve(out, name);
  return [
    npmCarrier([file(`tokligence-${version}.tgz`), file(`tokligence-linux-x64-${version}.tgz`)], nodeFolder),
    pipCarrier(file(`tokligence-${version}-py3-none-any.whl`), python),
    pipCarrier(file(`tokligence-${version}.tar.gz`), python),
    executableCarrier(file("tokligence-linux-x64")),
  ];
}

const [begin, end] = ["<!-- measured by npm run release -->", "<!-- end of what was measured -->"];

/** The table in the README, between its two comments. */
function writeReadme(version: string, measured: readonly FirstHour[]): void {
  const row = ({ title, lines, install_s, first_answer_s, user_and_usage_s }: FirstHour): string =>
    `| ${title} | ${lines.map((line) => `\`${line}\``).join("<br>")} | ${install_s} | ${first_answer_s} | ${user_and_usage_s} |`;
  const table = [
    "| with | lines | installed after | first answer of an SDK | a user, a key and the usage |",
    "|---|---|---|---|---|",
    ...measured.map(row),
  ].join("\n");
  const day = new Date().toISOString().slice(0, 10);
  // The load of the last minutes: others may have used the same processors.
  const machine = `a machine of ${availableParallelism()} processors at a load of ${loadavg()[1]!.toFixed(1)}`;
  const said = `Seconds, each from the step before, with version ${version} on ${day}, on ${machine}; the packages come from files.`;
  const shown = `${begin}\n${table}\n\n${said}\n${end}`;
  const text = readFileSync("README.md", "utf8");
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`README.md has no place for what is measured: ${begin} … ${end}`);
  writeFileSync("README.md", text.slice(0, from) + shown + text.slice(to + end.length));
}

async function run(names: readonly string[]): Promise<void> {
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { readonly version: string };
  const changes = releaseChanges(readFileSync("CHANGELOG.md", "utf8"), version, new Date().toISOString().slice(0, 10));
  build(names);
  writeFileSync(join(out, "CHANGES.md"), `${changes.section}\n`);
  writeSums();
  const folder = mkdtempSync(join(tmpdir(), "tokligence-node-"));
  try {
    const measured: FirstHour[] = [];
    for (const carrier of carriers(version, fetchOldNode(folder))) {
      const found = await measureFirstHour(carrier);
      measured.push(found);
      process.stdout.write(`${JSON.stringify(found)}\n`);
    }
    writeReadme(version, measured);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (names.length > 0) return;
  writeFileSync("CHANGELOG.md", changes.text);
  process.stdout.write(
    `${out}: version ${version} for ${targets.length} platforms. Publish what is in it, and tag the commit with v${version}.\n`,
  );
}

await run(process.argv.slice(2));
