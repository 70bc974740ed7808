import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** A block of code of a page. */
export interface Snippet {
  readonly page: string;
  /** Of its first line, from 1 on. */
  readonly line: number;
  /** As after the fence; empty if the page names none. */
  readonly language: string;
  readonly text: string;
}

export interface Page {
  readonly page: string;
  readonly snippets: readonly Snippet[];
}

/** README.md and all pages of docs/. */
export function readPages(): Page[] {
  const paths = ["README.md", ...globSync("docs/**/*.md", { cwd: root })].map((path) => path.replaceAll("\\", "/"));
  return paths.toSorted().map((page) => ({ page, snippets: snippetsOf(page, readFileSync(`${root}${page}`, "utf8")) }));
}

function snippetsOf(page: string, text: string): Snippet[] {
  return [...text.matchAll(/^( *)```(\w*)[^\n]*\n([\s\S]*?)^ *```/gm)].map(({ 1: indent = "", 2: language = "", 3: body = "", index }) => ({
    page,
    line: text.slice(0, index).split("\n").length + 1,
    language,
    text: indent === "" ? body : body.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  }));
}

/** The words of each command line of a shell text; comments and prompts are not among them, and a line that ends with `\` goes on. */
function commandLines(text: string): string[][] {
  return text
    .replaceAll(/\\\n\s*/g, " ")
    .split("\n")
    .flatMap((line) => line.split(/ && | \| | {2,}(?=(?:tokligence|tgw)\b)/))
    .map((line) => splitWords(line.replace(/^\$ /, "")))
    .filter((words) => words.length > 0);
}

function splitWords(line: string): string[] {
  const words: string[] = [];
  for (const [word] of line.matchAll(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'])+/g)) {
    if (word.startsWith("#")) break;
    words.push(word.replaceAll(/^(['"])([\s\S]*)\1$/g, "$2"));
  }
  return words;
}

export interface CommandLine {
  readonly program: "tokligence" | "tokligence-daemon";
  readonly words: readonly string[];
}

/** The commands of the gateway in a shell text. */
export function tokligenceCommands(text: string): CommandLine[] {
  return commandLines(text).flatMap((all): CommandLine[] => {
    const words = all.filter((word, i) => i > 0 || !/^[A-Z_]+=/.test(word));
    const name = words[0]?.split("/").at(-1);
    if (name === "tokligence" || name === "tgw") return [{ program: "tokligence", words: words.slice(1) }];
    if (name === "tokligence-daemon" || name === "tokligenced") return [{ program: "tokligence-daemon", words: words.slice(1) }];
    return [];
  });
}

export interface CurlCall {
  readonly url: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

/** The calls of a gateway on this machine that a shell text makes with curl. */
export function readCurl(text: string): CurlCall[] {
  return commandLines(text).flatMap((words) => {
    const url = words.find((word) => word.startsWith("http://localhost:8081"));
    if (words[0] !== "curl" || url === undefined) return [];
    const headers: Record<string, string> = {};
    let body: string | undefined;
    let method: string | undefined;
    words.forEach((word, i) => {
      const value = words[i + 1] ?? "";
      if (word === "-H") headers[value.slice(0, value.indexOf(":"))] = value.slice(value.indexOf(":") + 1).trim();
      if (word === "-d" || word === "--data") body = value;
      if (word === "-X") method = value;
    });
    return [{ url, method: method ?? (body === undefined ? "GET" : "POST"), headers, ...(body === undefined ? {} : { body }) }];
  });
}
