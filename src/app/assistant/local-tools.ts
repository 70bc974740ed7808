import { homedir } from "node:os";
import * as z from "zod";
import { createLogFilter, readLastLines } from "../logging/read-log.ts";
import { levelNames } from "../logging/pretty-line.ts";
import { listRolled } from "../logging/roll.ts";
import type { Documentation } from "./documentation.ts";
import type { Tool } from "./tool.ts";

/** Sections of an answer to a search. */
const sectionsShown = 5;
const longestPage = 12_000;

/** Search in the documentation, and its pages. */
export function documentationTools(documentation: Documentation): Tool[] {
  return [
    {
      kind: "read",
      name: "docs_search",
      description:
        "Searches the gateway's documentation. Gives the sections that fit best, each with its page; name the page in the answer.",
      parameters: z.strictObject({ question: z.string().min(1) }),
      isForeign: false,
      read({ question }) {
        const found = documentation.search(String(question), sectionsShown);
        if (found.length === 0) return Promise.resolve({ value: `Nothing was found. The pages are: ${documentation.pages.join(", ")}` });
        return Promise.resolve({ value: found.map(({ page, heading, text }) => ({ page: `docs/${page}`, heading, text })) });
      },
    },
    {
      kind: "read",
      name: "docs_read",
      description: "Shows a page of the documentation, in parts if it is long.",
      parameters: z.strictObject({
        page: z.string().min(1).describe("`budgets.md`, `clients/codex.md`"),
        part: z.int().min(1).optional().describe("from 1; the first if omitted"),
      }),
      isForeign: false,
      read({ page, part = 1 }) {
        const text = documentation.read(String(page));
        if (text === undefined) throw new Error(`There is no page "${String(page)}". The pages are: ${documentation.pages.join(", ")}`);
        const start = (Number(part) - 1) * longestPage;
        const parts = Math.ceil(text.length / longestPage);
        return Promise.resolve({ value: { page: String(page), part, parts, text: text.slice(start, start + longestPage) } });
      },
    },
  ];
}

const mostLines = 100;

/** The gateway's log. */
export function logTool(file: () => string): Tool {
  return {
    kind: "read",
    name: "logs_read",
    description: "Shows the last lines of the gateway's log, of all requests or of one, oldest first.",
    parameters: z.strictObject({
      level: z.enum(["debug", "info", "warn", "error"]).optional().describe("this level and above"),
      request: z.string().optional().describe("only this request, by its id"),
      lines: z.int().min(1).max(mostLines).optional().describe("30 if omitted"),
    }),
    isForeign: true,
    async read({ level, request, lines = 30 }) {
      const path = file();
      const filter = createLogFilter({
        ...(typeof level === "string" ? { level } : {}),
        ...(typeof request === "string" ? { request } : {}),
      });
      const found = await readLastLines(request === undefined ? [path] : [...listRolled(path), path], Number(lines), filter);
      const shown = found.lines.map(({ level: number, time, ...line }) => ({
        time: new Date(time).toISOString(),
        level: levelNames[number] ?? number,
        ...line,
      }));
      return { value: { file: path, lines: shown } };
    },
  };
}

/** What `tokligence doctor` shows. */
export function doctorTool(config: string | undefined): Tool {
  return {
    kind: "read",
    name: "doctor",
    description:
      "Examines configuration, port, database, disk, clock, the keys of all providers, and clients on this machine; names what mends what is wrong.",
    parameters: z.strictObject({}),
    isForeign: true,
    async read() {
      const { examine } = await import("../doctor/examine.ts");
      return { value: await examine({ config, env: process.env, home: homedir(), nowMs: Date.now() }) };
    },
  };
}
