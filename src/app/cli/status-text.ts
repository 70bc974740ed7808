import type { OperationAnswer } from "../../server/index.ts";

export type Health = OperationAnswer<"health.get">;
type Part = Health["dependencies"][number];

export interface StatusFacts {
  readonly health: Health;
  readonly pid: number;
  readonly port: number;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** Everything works: nothing is degraded or down, of providers and their keys neither. */
export function isInOrder({ status, dependencies, providers }: Health): boolean {
  const parts = [...dependencies, ...providers, ...providers.flatMap(({ keys }) => keys)];
  return status === "ok" && parts.every(({ state }) => state !== "down" && state !== "degraded");
}

const marks: Readonly<Record<Part["state"], string>> = { up: "✓", degraded: "!", down: "✗", idle: "…", disabled: "–" };
const codes: Readonly<Record<string, string>> = { "✓": "32", "!": "33", "✗": "31", "…": "2", "–": "2" };

interface Row {
  readonly indent: number;
  readonly part: Part;
}

/** The health of a gateway as a screen, without colours. @param columns the terminal's; `Infinity` without one. */
export function renderStatus({ health, pid, port, nowMs }: StatusFacts, columns: number): string {
  const rows: Row[] = health.providers.flatMap((provider) => [
    { indent: 2, part: provider },
    ...keysOf(provider).map((part) => ({ indent: 4, part })),
  ]);
  const own: Row[] = health.dependencies.map((part) => ({ indent: 2, part }));
  const nameWidth = Math.max(...[...own, ...rows].map(({ indent, part }) => indent + part.name.length));
  const line = (row: Row): string => renderRow(row, { nameWidth, columns, nowMs });
  const summary = { ok: "serving", degraded: "serving, degraded", unavailable: "not ready" }[health.status];
  return [
    `Tokligence Gateway ${health.version}: ${summary}`,
    `pid ${pid}, port ${port}, up ${age(health.uptime_seconds * 1000)}`,
    "",
    ...own.map(line),
    "",
    "providers",
    ...(rows.length === 0 ? ["  none"] : rows.map(line)),
    "",
  ].join("\n");
}

/** The keys that say more than their provider; not what both say. */
function keysOf({ keys, state, message }: Health["providers"][number]): readonly Part[] {
  const isMore = keys.length > 1 || keys.some((key) => key.state !== state && key.state !== "idle");
  if (!isMore) return [];
  return keys.map((key) => (key.message === message && message !== null ? { ...key, message: "" } : key));
}

interface Layout {
  readonly nameWidth: number;
  readonly columns: number;
  readonly nowMs: number;
}

const stateWidth = "disabled".length;
const latencyWidth = 8;
const sinceWidth = 8;

function renderRow({ indent, part }: Row, { nameWidth, columns, nowMs }: Layout): string {
  const { name, state, message, latency_ms: latency, since } = part;
  const latencyText = latency === null || state === "down" ? "" : milliseconds(latency);
  const sinceText = since === null ? "" : age(nowMs - Date.parse(since));
  const start = `${" ".repeat(indent)}${marks[state]} ${name.padEnd(nameWidth - indent)}  ${state.padEnd(stateWidth)}`;
  const figures = `  ${latencyText.padStart(latencyWidth)}  ${sinceText.padStart(sinceWidth)}`;
  // The row begins with the name.
  const text = (message ?? lastError(part, nowMs)).replace(/^Provider \S+ (?:\([^)]*\) )?/, "");
  return wrap(`${start}${figures}`, text, columns);
}

/** What was last wrong, where all is well now. */
function lastError({ state, last_error: error, last_error_at: at }: Part, nowMs: number): string {
  if (error === null || at === null || state === "disabled") return "";
  return `last error ${age(nowMs - Date.parse(at))} ago: ${error}`;
}

const gap = "  ";
/** In a narrower place a text goes below its row. */
const narrow = 30;

/** A text behind its row, or below it where there is little room, in lines that are not wider than the terminal. */
function wrap(start: string, text: string, columns: number): string {
  // Messages come from providers, and must not move the cursor.
  const words = text
    .replaceAll(/\p{Cc}/gu, " ")
    .split(" ")
    .filter((word) => word !== "");
  if (words.length === 0) return start.trimEnd();
  const isBelow = columns - start.length - gap.length < narrow && start.length + gap.length + text.length > columns;
  const indent = isBelow ? " ".repeat(6) : " ".repeat(start.length + gap.length);
  const lines = isBelow ? [start.trimEnd()] : [];
  let current = isBelow ? indent : start + gap;
  let isFresh = true;
  for (const word of words) {
    if (!isFresh && current.length + 1 + word.length > columns) {
      lines.push(current);
      current = indent + word;
    } else current += isFresh ? word : ` ${word}`;
    isFresh = false;
  }
  return [...lines, current].join("\n");
}

function milliseconds(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1000)} s`;
}

/** `12 s`, `4 min`, `3 h`, `2 d`. */
function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** The same screen with colours of the terminal's own palette. */
export function colourStatus(screen: string): string {
  const paint = (code: string, text: string): string => `\u001b[${code}m${text}\u001b[0m`;
  return screen
    .replace(/^(.*: )(.*)$/m, (_, title: string, summary: string) => paint("1", title) + paint(summaryCodes[summary] ?? "31", summary))
    .replaceAll(/^( +[✓!✗…–] \S+ +)(\w+)/gm, (_, start: string, state: Part["state"]) => start + paint(codes[marks[state]]!, state))
    .replaceAll(/^( +)([✓!✗…–])(?= )/gm, (_, indent: string, mark: string) => indent + paint(codes[mark]!, mark));
}

const summaryCodes: Readonly<Record<string, string>> = { serving: "32", "serving, degraded": "33", "not ready": "31" };
