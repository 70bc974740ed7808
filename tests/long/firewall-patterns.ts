import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseSync } from "oxc-parser";
import { asBytes } from "../../src/core/index.ts";
import { writeFigures } from "./figures.ts";

const recheck = "recheck@4.5.0";
const installMs = 300_000;
const checkMs = 1_800_000;

interface GivenPattern {
  readonly source: string;
  readonly flags: string;
}

interface CheckedPattern extends GivenPattern {
  readonly status: "safe" | "vulnerable" | "unknown";
  readonly complexity: string | undefined;
}

/** The literals of a file. */
function literalsOf(path: string): GivenPattern[] {
  const found: GivenPattern[] = [];
  const { program } = parseSync(path, readFileSync(path, "utf8"));
  JSON.stringify(program, (_, value: unknown) => {
    if (typeof value === "object" && value !== null && "regex" in value) {
      const { pattern, flags } = value.regex as { readonly pattern: string; readonly flags: string };
      found.push({ source: pattern, flags });
    }
    return value;
  });
  return found;
}

/** Those that the detectors make when they are loaded, of forms and their beginnings. */
async function madePatterns(): Promise<GivenPattern[]> {
  const made: GivenPattern[] = [];
  const { RegExp: Original } = globalThis;
  globalThis.RegExp = new Proxy(Original, {
    construct(target, [source, flags]: [string, string | undefined]) {
      made.push({ source, flags: flags ?? "" });
      return new target(source, flags);
    },
  });
  try {
    await import("../../src/policy/firewall/detectors.ts");
  } finally {
    globalThis.RegExp = Original;
  }
  return made;
}

const checker = `import { checkSync } from "recheck";
import { readFileSync } from "node:fs";
const patterns = JSON.parse(readFileSync("patterns.json", "utf8"));
const checked = patterns.map((each) => {
  const { status, complexity } = checkSync(each.source, each.flags, { timeout: 20000, randomSeed: 1 });
  return { ...each, status, complexity: complexity?.summary };
});
process.stdout.write(JSON.stringify(checked));
`;

function check(patterns: readonly GivenPattern[]): readonly CheckedPattern[] {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-patterns-"));
  try {
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
    execFileSync("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", recheck], {
      cwd: folder,
      timeout: installMs,
      stdio: ["ignore", "ignore", "inherit"],
    });
    writeFileSync(join(folder, "patterns.json"), JSON.stringify(patterns));
    writeFileSync(join(folder, "check.mjs"), checker);
    const out = execFileSync(process.execPath, ["check.mjs"], {
      cwd: folder,
      timeout: checkMs,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
    });
    return JSON.parse(out) as readonly CheckedPattern[];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("recheck finds no slow pattern in the firewall", async () => {
  const files = globSync("src/policy/firewall/**/*.ts").filter((path) => !path.endsWith(".test.ts"));
  const given = [...(await madePatterns()), ...files.flatMap(literalsOf)];
  const patterns = [...new Map(given.map((each) => [`${each.flags} ${each.source}`, each])).values()];
  const checked = check(patterns);
  const slow = checked.filter(({ status }) => status === "vulnerable");
  const undecided = checked.filter(({ status }) => status === "unknown");
  writeFigures("firewall-patterns", { patterns: checked.length, slow: slow.length, undecided: undecided.length });
  assert.ok(checked.length > 60, `${checked.length} patterns`);
  assert.deepEqual(slow, []);
  // Beginnings of phrases: each of their atoms may also be the end of the text, which is more than recheck decides in its time.
  for (const pattern of undecided) assert.ok(pattern.source.includes("(?:e|$)"), pattern.source);
  for (const { source, flags } of undecided) {
    for (const piece of phrasePieces)
      assert.ok(cpuMs(() => new RegExp(source, flags).exec(piece.repeat(20_000))) <= mostPhraseMs, `${source}: ${piece}`);
  }
});

/** Repeated, and cut at the end by the text's own. */
const phrasePieces = [
  " ",
  "        ",
  " all",
  "        the",
  " your ",
  " previous",
  " all the your",
  " me your full",
  " tell the",
  " mention it to",
  " reveal this to the ",
];
const mostPhraseMs = 20;

/** Beginnings of what detectors know, over and over. */
const pieces =
  "a@|a.|1|1 |1-|1234 |4111 |+1 |DE12|::|a:|1.|sk-|sk-a|to sk-|eyJaaaaaaaaaaa.|-----BEGIN PRIVATE KEY-----|ignore all |AKIA|ABCDEF12| 1 85 |phone 1 |tel: 12 |202-555-|001-202-555-|2345 6789 |a@b.co |192.0.|AB 12 34 56 |529.982.|ghp_aaaaaaaaaaaaaaaa|[inst|<<sys|-----BEGIN |1:2:|2001:db8:|https://hooks.slack.com/services/T|12345678:AA|reveal your |44051401359 |DE89370400440532013000|4111111111111111,".split(
    "|",
  );
const megabyte = 1024 * 1024;
/** Of one detector; a machine that is busy takes twice the time. */
const mostCpuMs = 100;

test("a megabyte that is made to be slow", async () => {
  const { detectors } = await import("../../src/policy/firewall/detectors.ts");
  const { scan } = await import("../../src/policy/firewall/scan.ts");
  const { Firewall, firewallSchema, readFirewall } = await import("../../src/policy/index.ts");
  const rules = Object.fromEntries(Object.keys(detectors).map((name) => [name, { action: "observe", detect: [name] }]));
  const firewall = new Firewall(
    readFirewall(firewallSchema.parse({ rules: { ...rules, words: { action: "observe", sets: ["confidential"] } } })).rules,
  );
  const slowest = { detector_ms: 0, detector: "", all_ms: 0, all: "" };
  for (const piece of pieces) {
    const body = asBytes(JSON.stringify({ messages: [{ content: piece.repeat(megabyte / piece.length) }] }));
    const { content } = (JSON.parse(body) as { readonly messages: readonly [{ readonly content: string }] }).messages[0];
    const candidates = scan(content);
    for (const [name, detector] of Object.entries(detectors)) {
      const ms = cpuMs(() => detector.find(content, candidates, 0));
      if (ms > slowest.detector_ms) Object.assign(slowest, { detector_ms: ms, detector: `${name}: ${piece}` });
    }
    const ms = cpuMs(() => firewall.check(body, "ada", "m"));
    if (ms > slowest.all_ms) Object.assign(slowest, { all_ms: ms, all: piece });
  }
  writeFigures("firewall-patterns", { slowest });
  assert.ok(slowest.detector_ms <= mostCpuMs, JSON.stringify(slowest));
});

/** The least of three runs. */
function cpuMs(run: () => unknown): number {
  const times = [1, 2, 3].map(() => {
    const begun = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(begun);
    return (user + system) / 1000;
  });
  return Math.round(Math.min(...times));
}
