/** What one run of the load generator saw. Durations in µs; `bytes` is everything read, heads included. */
export interface WrkReport {
  readonly requests: number;
  readonly durationUs: number;
  readonly bytes: number;
  readonly connectErrors: number;
  readonly readErrors: number;
  readonly writeErrors: number;
  readonly statusErrors: number;
  readonly timeouts: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** One load: who is asked, for how long, with what. `scriptFile` is post.lua. */
export interface WrkLoad {
  readonly url: string;
  readonly seconds: number;
  readonly connections: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bodyFile: string;
  readonly scriptFile: string;
}

const MARKER = "BENCH ";
const TIMEOUT_SECONDS = 10;
const KEYS = [
  "requests",
  "durationUs",
  "bytes",
  "connectErrors",
  "readErrors",
  "writeErrors",
  "statusErrors",
  "timeouts",
  "p50Us",
  "p99Us",
] as const satisfies readonly (keyof WrkReport)[];

/** The arguments of wrk 4 for one load: one thread, since it shares a core with the upstream. */
export function wrkArguments(load: WrkLoad): string[] {
  const headers = Object.entries(load.headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  return [
    "-t1",
    `-c${load.connections}`,
    `-d${load.seconds}s`,
    "--timeout",
    `${TIMEOUT_SECONDS}s`,
    ...headers,
    "-s",
    load.scriptFile,
    load.url,
    "--",
    load.bodyFile,
  ];
}

/** Reads the line that post.lua prints. Throws if it is missing or a number is. */
export function parseWrkReport(output: string): WrkReport {
  const line = output.split("\n").find((text) => text.startsWith(MARKER));
  if (line === undefined) throw new Error(`wrk printed no report; it said: ${output.trim().slice(-500)}`);
  const parsed: unknown = JSON.parse(line.slice(MARKER.length));
  const fields = new Map<string, unknown>(Object.entries(Object(parsed) as Record<string, unknown>));
  const number = (key: keyof WrkReport): number => {
    const value = fields.get(key);
    if (typeof value !== "number") throw new Error(`wrk's report has no number "${key}": ${line}`);
    return value;
  };
  const [requests, durationUs, bytes, connectErrors, readErrors, writeErrors, statusErrors, timeouts, p50Us, p99Us] = KEYS.map(number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return { requests, durationUs, bytes, connectErrors, readErrors, writeErrors, statusErrors, timeouts, p50Us, p99Us };
}

/**
 * Why a load's figures cannot be used, or undefined. An answer that failed is no answer, and answers that are on average shorter
 * than `bodyBytes`, the length of one that was checked, are not the answers that were asked for.
 */
export function reportProblem(report: WrkReport, bodyBytes: number): string | undefined {
  const errors = {
    connect: report.connectErrors,
    read: report.readErrors,
    write: report.writeErrors,
    "status 4xx or 5xx": report.statusErrors,
    timeout: report.timeouts,
  };
  const seen = Object.entries(errors).filter(([, count]) => count > 0);
  if (seen.length > 0) return `errors: ${seen.map(([kind, count]) => `${kind} ${count}`).join(", ")}`;
  if (report.requests === 0) return "no request was completed";
  const mean = report.bytes / report.requests;
  if (mean < bodyBytes) return `answers of ${Math.round(mean)} bytes on average, head included; the checked body alone has ${bodyBytes}`;
  return undefined;
}
