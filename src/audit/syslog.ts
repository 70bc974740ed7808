import type { ChainedEntry } from "./entry.ts";
import { ocsfEvent } from "./ocsf.ts";

/** RFC 5424, table 1: log audit. */
const facility = 13;
const notice = 5;
const warning = 4;

/** What does not change from entry to entry. */
export interface SyslogSender {
  readonly host: string;
  readonly pid: number;
  /** Of the program. */
  readonly version: string;
}

/** An entry as a message of RFC 5424: its text is the event in OCSF's form, JSON in UTF-8 behind a BOM. */
export function syslogMessage(entry: ChainedEntry, { host, pid, version }: SyslogSender): string {
  const priority = facility * 8 + (entry.outcome === "ok" ? notice : warning);
  const head = [
    `<${priority}>1`,
    new Date(entry.timeMs).toISOString(),
    printable(host, 255),
    "tokligence",
    pid,
    printable(entry.action, 32),
    "-",
  ];
  return `${head.join(" ")} \uFEFF${JSON.stringify(ocsfEvent(entry, version))}`;
}

/** RFC 5424, section 6: printable ASCII without spaces. */
function printable(text: string, maxLength: number): string {
  const clean = text.replaceAll(/[^\x21-\x7e]/g, "").slice(0, maxLength);
  return clean === "" ? "-" : clean;
}
