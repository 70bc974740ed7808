import { createReadStream, existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { levelNames, parseLogLine, type LogLine } from "./pretty-line.ts";

export interface LogFilter {
  /** This level and above, by its name. */
  readonly level?: string;
  /** Only lines of the request with this id. */
  readonly request?: string;
}

/** @throws Error for a level that does not exist. */
export function createLogFilter({ level, request }: LogFilter): (line: LogLine) => boolean {
  const least =
    level === undefined ? 0 : Number(Object.keys(levelNames).find((number) => levelNames[Number(number)] === level) ?? Number.NaN);
  if (Number.isNaN(least)) throw new Error(`--level takes ${Object.values(levelNames).join(", ")}; found "${level}".`);
  return (line) =>
    line.level >= least && (request === undefined || line["request_id"] === request || line["client_request_id"] === request);
}

/** The last `count` lines of the files that the filter lets through, the oldest first; and the size of the last file as it was read. */
export async function readLastLines(
  files: readonly string[],
  count: number,
  filter: (line: LogLine) => boolean,
): Promise<{ readonly lines: readonly LogLine[]; readonly sizeBytes: number }> {
  let kept: LogLine[] = [];
  let sizeBytes = 0;
  for (const file of files.filter((candidate) => existsSync(candidate))) {
    const stream = createReadStream(file);
    for await (const text of createInterface({ input: stream, crlfDelay: Infinity })) {
      const line = parseLogLine(text);
      if (line === undefined || !filter(line)) continue;
      kept.push(line);
      if (kept.length > 2 * count) kept = kept.slice(-count);
    }
    sizeBytes = stream.bytesRead;
  }
  return { lines: kept.slice(-count), sizeBytes };
}
