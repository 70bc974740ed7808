import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { asBytes, latin1OfUtf8 } from "../../src/core/index.ts";
import { StreamOfTexts } from "../../src/gateway/firewall/stream-of-texts.ts";
import type { AnswerCheck } from "../../src/policy/firewall/answer-check.ts";
import { detectorNames, detectors, findAll } from "../../src/policy/firewall/detectors.ts";
import { Firewall } from "../../src/policy/firewall/firewall.ts";
import { Placeholders } from "../../src/policy/firewall/placeholders.ts";
import { scan } from "../../src/policy/firewall/scan.ts";
import { protocols } from "../../src/protocols/index.ts";
import { writeFigures } from "./figures.ts";

/** Pinned, so that the same seed makes the same texts, but for dates. */
const packages = ["Faker==40.63.0", "presidio_analyzer==2.2.366", "spacy==3.8.18", "python-stdnum==2.2"];
const installMs = 900_000;
const corpusMs = 1_800_000;
/** Detectors were mended by the texts of other seeds: this one is only reported. With a seed in the environment, what is wrong or missed is printed, and nothing is written. */
const reportedSeed = 20_261_129;
const triedSeed = process.env["CORPUS_SEED"];
const seed = Number(triedSeed ?? reportedSeed);
const positives = Number(process.env["CORPUS_POSITIVES"] ?? 2700);
/** What Presidio is less sure of is not counted. */
const leastScore = 0.4;
/** The least that a detector must reach: [precision, recall]. */
const least: Readonly<Record<string, readonly [number, number]>> = {
  email: [0.99, 0.98],
  phone: [0.97, 0.7],
  iban: [0.99, 0.99],
  card: [0.93, 0.88],
  national_id: [0.93, 0.95],
  ip: [0.95, 0.98],
  secret: [0.99, 0.98],
};
const page = new URL("../../docs/firewall.md", import.meta.url);

type Place = readonly [start: number, end: number, kind: string];

interface Line {
  readonly group: string;
  readonly text: string;
  readonly spans: readonly Place[];
  readonly presidio: readonly (readonly [...place: Place, score: number])[];
}

function makeCorpus(): readonly Line[] {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-corpus-"));
  try {
    const own = process.env["CORPUS_PYTHON"];
    const python = own ?? join(folder, "bin/python");
    if (own === undefined) {
      execFileSync("python3", ["-m", "venv", folder], { timeout: installMs });
      execFileSync(join(folder, "bin/pip"), ["install", "--quiet", "--disable-pip-version-check", ...packages], {
        timeout: installMs,
        stdio: ["ignore", "ignore", "inherit"],
      });
    }
    const made = execFileSync(python, [resolve("tests/long/firewall_corpus.py"), String(seed), String(positives)], {
      timeout: corpusMs,
      encoding: "utf8",
      maxBuffer: 512 * 1024 * 1024,
      stdio: ["ignore", "pipe", "ignore"],
    });
    return made
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Line);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const own = detectorNames.map((kind) => ({ kind, detector: detectors[kind] }));
const ownPlaces = (text: string): readonly Place[] => findAll(own, text, scan(text)).map(({ start, end, kind }) => [start, end, kind]);

interface Score {
  found: number;
  missed: number;
  wrong: number;
}

/** `phone_american` is a phone. */
const kindOf = (group: string): string => (group.startsWith("phone") ? "phone" : group);

class Scores {
  readonly byKind = new Map<string, Score>();

  at(kind: string): Score {
    const score = this.byKind.get(kind) ?? { found: 0, missed: 0, wrong: 0 };
    this.byKind.set(kind, score);
    return score;
  }

  /** A place is found if at least half of it is. @returns the places that are wrong or missed, for people. */
  add({ group, text, spans }: Line, places: readonly Place[]): string[] {
    const notes: string[] = [];
    const overlaps = (one: Place, other: Place): number => Math.min(one[1], other[1]) - Math.max(one[0], other[0]);
    for (const span of spans) {
      const isFound = places.some((place) => place[2] === kindOf(span[2]) && overlaps(span, place) * 2 >= span[1] - span[0]);
      for (const kind of new Set([kindOf(span[2]), span[2]])) this.at(kind)[isFound ? "found" : "missed"] += 1;
      if (!isFound) notes.push(`missed ${span[2]}: ${JSON.stringify(text.slice(Math.max(0, span[0] - 12), span[1] + 12))}`);
    }
    for (const place of places) {
      if (spans.some((span) => kindOf(span[2]) === place[2] && overlaps(span, place) > 0)) continue;
      this.at(place[2]).wrong += 1;
      notes.push(`wrong ${place[2]} in ${group}: ${JSON.stringify(text.slice(Math.max(0, place[0] - 12), place[1] + 12))}`);
    }
    return notes;
  }

  precision(kind: string): number {
    const { found, wrong } = this.at(kind);
    return found === 0 ? 0 : found / (found + wrong);
  }

  recall(kind: string): number {
    const { found, missed } = this.at(kind);
    return found + missed === 0 ? 0 : found / (found + missed);
  }
}

const share = (value: number): string => `${(100 * value).toFixed(1)} %`;

const rows: Readonly<Record<string, string>> = {
  email: "`email`",
  phone: "`phone`, all",
  phone_international: "– with `+`",
  phone_american: "– of the United States without `+`",
  phone_national: "– of other countries without `+`",
  iban: "`iban`",
  card: "`card`",
  national_id: "`national_id`",
  ip: "`ip`",
  secret: "`secret`",
};

function tableOf(mine: Scores, presidio: Scores): string {
  const lines = ["| | texts with it | precision | recall | precision of Presidio | recall of Presidio |", "|---|---|---|---|---|---|"];
  for (const [kind, name] of Object.entries(rows)) {
    const { found, missed } = mine.at(kind);
    const isPart = kind.startsWith("phone_");
    const shown = (scores: Scores): string[] => [isPart ? "" : share(scores.precision(kind)), share(scores.recall(kind))];
    lines.push(`| ${[name, String(found + missed), ...shown(mine), ...(kind === "secret" ? ["–", "–"] : shown(presidio))].join(" | ")} |`);
  }
  return lines.join("\n");
}

const corpus = makeCorpus();

const base = { direction: "answer", patterns: [], words: [], classifiers: [], users: ["*"], models: ["*"] } as const;
const firewall = new Firewall([{ ...base, name: "all", action: "mask", detect: detectorNames }]);
const createCheck = (): AnswerCheck => firewall.answerCheck("ada", "m", new Placeholders(() => false))!;

/** What passes of a text in pieces, and what was found. */
function passed(pieces: readonly string[]): unknown {
  const check = createCheck();
  const text = check.open("text");
  const out = pieces.map((piece) => text.push(piece)).join("") + text.end();
  return [out, check.findings.map(({ counts }) => [...counts])];
}

test("each text with an entity passes as the whole does, cut at every character", () => {
  let cuts = 0;
  for (const { text, spans } of corpus) {
    if (spans.length === 0) continue;
    const whole = passed([text]);
    assert.deepEqual(passed(text.split("")), whole, text);
    for (let cut = 1; cut < text.length; cut++, cuts++)
      assert.deepEqual(passed([text.slice(0, cut), text.slice(cut)]), whole, text.slice(0, cut));
  }
  if (triedSeed === undefined) writeFigures("firewall-corpus", { cuts });
});

/** A stream of a dialect with a text in pieces of eleven characters. */
const dialects: Readonly<Record<string, (piece: string) => object>> = {
  "openai-chat": (content) => ({ choices: [{ index: 0, delta: { content }, finish_reason: null }] }),
  "openai-responses": (delta) => ({ type: "response.output_text.delta", item_id: "m", output_index: 0, content_index: 0, delta }),
  "anthropic-messages": (text) => ({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }),
  "gemini-generate": (text) => ({ candidates: [{ index: 0, content: { parts: [{ text }] } }] }),
};

function throughStream(dialect: string, parts: readonly string[]): string {
  const work = { check: createCheck(), placeholders: undefined };
  const stream = new StreamOfTexts(work, protocols.get(dialect as "openai-chat")!, { isEventStream: true, watch: () => undefined });
  return parts.map((part) => stream.push(asBytes(part))).join("") + stream.end();
}

test("streams of all dialects, cut at every byte, give what the whole gives", () => {
  let cuts = 0;
  const texts = corpus.filter(({ spans }) => spans.length > 0).filter((_, at) => at % 150 === 0);
  for (const { text } of texts) {
    for (const [dialect, eventOf] of Object.entries(dialects)) {
      const events = (text.match(/[^]{1,11}/g) ?? []).map((piece) => `data: ${JSON.stringify(eventOf(piece))}\n\n`);
      const bytes = latin1OfUtf8(events.join(""));
      const whole = throughStream(dialect, [bytes]);
      for (let cut = 1; cut < bytes.length; cut++, cuts++) {
        assert.equal(throughStream(dialect, [bytes.slice(0, cut), bytes.slice(cut)]), whole, `${dialect} at ${cut}: ${text}`);
      }
    }
  }
  assert.ok(cuts > 0);
  if (triedSeed === undefined) writeFigures("firewall-corpus", { stream_cuts: cuts });
});

test("precision and recall of the detectors on texts of another hand, beside Presidio's pattern recognisers", () => {
  const lines = corpus;
  const mine = new Scores();
  const presidio = new Scores();
  const notes: string[] = [];
  for (const line of lines) {
    notes.push(
      ...mine.add(
        line,
        ownPlaces(line.text).filter(([, , kind]) => kind in least),
      ),
    );
    presidio.add(
      line,
      line.presidio.filter(([, , , score]) => score >= leastScore).map(([start, end, kind]) => [start, end, kind]),
    );
  }
  const negatives = lines.filter(({ spans }) => spans.length === 0).length;
  assert.ok(negatives >= 10 * (lines.length - negatives));
  const table = tableOf(mine, presidio);
  if (triedSeed !== undefined) {
    process.stdout.write(`${table}\n${notes.join("\n")}\n`);
    return;
  }
  const known = readFileSync(page, "utf8");
  writeFileSync(page, known.replace(/\| \| texts with it \|[^]*?(?=\n\n)/, table));
  const figures = Object.fromEntries(
    Object.keys(least).map((kind) => [kind, { precision: mine.precision(kind), recall: mine.recall(kind) }]),
  );
  writeFigures("firewall-corpus", { seed, texts: lines.length, texts_without: negatives, ...figures });
  for (const [kind, [precision, recall]] of Object.entries(least)) {
    assert.ok(mine.precision(kind) >= precision, `${kind}: precision ${share(mine.precision(kind))}`);
    assert.ok(mine.recall(kind) >= recall, `${kind}: recall ${share(mine.recall(kind))}`);
  }
});
