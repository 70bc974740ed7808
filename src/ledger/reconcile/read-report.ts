import { readAnthropic } from "./anthropic-report.ts";
import { readGoogle } from "./google-report.ts";
import { readOpenAi } from "./openai-report.ts";
import { readOpenRouter } from "./openrouter-report.ts";
import { readCsv } from "./read-csv.ts";
import type { VendorLine } from "./vendor-line.ts";

const readers = { openai: readOpenAi, anthropic: readAnthropic, google: readGoogle, openrouter: readOpenRouter } as const;

/** The vendors whose exports are read. */
export type ReportVendor = keyof typeof readers;

export function isReportVendor(name: string): name is ReportVendor {
  return Object.hasOwn(readers, name);
}

/**
 * Reads a vendor's export: JSON, lines of JSON, or CSV with a header.
 * @throws Error that says what was expected, if nothing in it is a day's usage or cost.
 */
export function readVendorReport(vendor: ReportVendor, text: string): readonly VendorLine[] {
  const lines = readers[vendor](parse(text));
  if (lines.length > 0) return lines;
  throw new Error(
    `The file has no line of ${vendor}'s usage or costs by day. docs/reconcile.md shows which export to take; several pages of JSON are one file each.`,
  );
}

function parse(text: string): unknown {
  const first = text.trimStart().charAt(0);
  if (first !== "{" && first !== "[") return readCsv(text);
  try {
    return JSON.parse(text);
  } catch {
    return parseLines(text);
  }
}

function parseLines(text: string): unknown {
  return text.split("\n").flatMap((line, i) => {
    if (line.trim() === "") return [];
    try {
      return [JSON.parse(line) as unknown];
    } catch {
      throw new Error(`Line ${i + 1} of the file is not JSON.`);
    }
  });
}
