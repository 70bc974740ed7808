import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isExecutable, readAsset } from "../../core/index.ts";
import { packageFolder } from "../self.ts";

/** A part of a page: the text under one heading. */
export interface DocumentSection {
  /** Relative to `docs/`: `clients/codex.md`. */
  readonly page: string;
  /** `Budgets › Reservations`. */
  readonly heading: string;
  readonly text: string;
}

/** The documentation that is shipped with the gateway. */
export interface Documentation {
  readonly pages: readonly string[];
  /** The sections that fit a question best, the best first. */
  search(question: string, limit: number): readonly DocumentSection[];
  /** A page as it is; `undefined`: there is no such page. */
  read(page: string): string | undefined;
}

/** The list of all pages; it answers no question itself. */
const indexPage = "README.md";

export function readDocumentation(folder?: string): Documentation {
  const texts = readPages(folder);
  let found: SearchableSections | undefined;
  return {
    pages: [...texts.keys()].filter((page) => page !== indexPage),
    search(question, limit) {
      // Made for the first search: it takes a tenth of a second, and most conversations need none.
      const { sections, index } = (found ??= indexSections(texts));
      // Of each page the best section: a long one would take all places.
      const best = new Map<string, DocumentSection>();
      for (const position of index(wordsOf(question))) {
        const section = sections[position]!;
        if (!best.has(section.page)) best.set(section.page, section);
        if (best.size === limit) break;
      }
      return [...best.values()];
    },
    read: (page) => texts.get(page.replace(/^docs\//, "")),
  };
}

interface SearchableSections {
  readonly sections: readonly DocumentSection[];
  readonly index: (words: readonly string[]) => number[];
}

function indexSections(texts: ReadonlyMap<string, string>): SearchableSections {
  const sections = [...texts].filter(([page]) => page !== indexPage).flatMap(([page, text]) => splitPage(page, text));
  const index = createIndex(
    sections.map((section) => ({ title: wordsOf(`${section.heading} ${section.page}`), body: wordsOf(section.text) })),
  );
  return { sections, index };
}

/** Of a folder; of the gateway's own documentation if it is omitted. An executable has all pages in one asset. */
function readPages(folder: string | undefined): Map<string, string> {
  if (folder === undefined && isExecutable) return new Map(Object.entries(JSON.parse(readAsset("docs.json")) as Record<string, string>));
  const place = folder ?? join(packageFolder(), "docs");
  return new Map(listPages(place).map((page) => [page, readFileSync(join(place, page), "utf8")]));
}

function listPages(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".md"))
    .toSorted();
}

/** A page cut at its headings; a heading inside a fence of code is none. Long sections are cut at paragraphs, as an answer quotes few lines. */
function splitPage(page: string, text: string): DocumentSection[] {
  const sections: DocumentSection[] = [];
  let title = page;
  let heading = "";
  let lines: string[] = [];
  let isCode = false;
  const close = (): void => {
    const body = lines.join("\n").trim();
    lines = [];
    for (const part of cutLong(body)) sections.push({ page, heading: heading === "" ? title : `${title} › ${heading}`, text: part });
  };
  for (const line of text.split("\n")) {
    if (line.startsWith("```")) isCode = !isCode;
    const [, marks, words] = (isCode ? null : /^(#{1,4}) (.+)$/.exec(line)) ?? [];
    if (marks === undefined || words === undefined) {
      lines.push(line);
      continue;
    }
    close();
    if (marks.length === 1) title = words;
    heading = marks.length === 1 ? "" : words;
  }
  close();
  return sections;
}

const longestSection = 2_400;

function cutLong(text: string): string[] {
  const parts: string[] = [];
  let part = "";
  for (const line of text.split("\n")) {
    if (part.length + line.length > longestSection && part !== "") {
      parts.push(part.trim());
      part = "";
    }
    part += `${line}\n`;
  }
  if (part.trim() !== "") parts.push(part.trim());
  return parts;
}

/** Words that are in every question. */
const common = new Set(
  "a an and are as at be by can do does for from have how i if in is it me my of on or that the this to use what when where which who why will with you".split(
    " ",
  ),
);

/** In lower case, plurals without their `s`; names of settings also in their parts. */
function wordsOf(text: string): string[] {
  const words: string[] = [];
  for (const [word] of text.toLowerCase().matchAll(/[a-z0-9][\w.-]*/g)) {
    const whole = word.replace(/[.-]+$/, "");
    const parts = whole.split(/[._-]/).filter((part) => part.length > 1);
    for (const candidate of parts.length > 1 ? [whole, ...parts] : [whole]) {
      if (!common.has(candidate)) words.push(candidate.length > 3 && !candidate.endsWith("ss") ? candidate.replace(/s$/, "") : candidate);
    }
  }
  return words;
}

interface IndexedText {
  readonly title: readonly string[];
  readonly body: readonly string[];
}

/** A word of a title counts as this many of the body. */
const titleWeight = 3;
/** The usual constants of BM25 (Robertson and Zaragoza, 2009). */
const saturation = 1.2;
const lengthShare = 0.75;

/** Ranks texts by BM25. @returns a search that gives the positions of the texts that fit, the best first. */
function createIndex(texts: readonly IndexedText[]): (words: readonly string[]) => number[] {
  const postings = new Map<string, Map<number, number>>();
  const lengths = texts.map(({ title, body }, position) => {
    for (const [words, weight] of [
      [title, titleWeight],
      [body, 1],
    ] as const) {
      for (const word of words) {
        const places = postings.get(word) ?? new Map<number, number>();
        places.set(position, (places.get(position) ?? 0) + weight);
        postings.set(word, places);
      }
    }
    return title.length * titleWeight + body.length;
  });
  const average = lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, lengths.length);
  return (words) => {
    const scores = new Map<number, number>();
    for (const word of new Set(words)) {
      const places = postings.get(word);
      if (places === undefined) continue;
      const rarity = Math.log(1 + (texts.length - places.size + 0.5) / (places.size + 0.5));
      for (const [position, count] of places) {
        const share = 1 - lengthShare + (lengthShare * lengths[position]!) / average;
        const score = (rarity * count * (saturation + 1)) / (count + saturation * share);
        scores.set(position, (scores.get(position) ?? 0) + score);
      }
    }
    return [...scores].toSorted(([first, one], [second, other]) => other - one || first - second).map(([position]) => position);
  };
}
