import { fstatSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { pino, destination } from "pino";
import { everyByTimer, messageOf, type Logger } from "../../core/index.ts";
import type { LineSink } from "../../server/index.ts";

export interface LogSettings {
  readonly level: string;
  readonly file: string;
}

/** The log of one process. */
export interface Log {
  readonly logger: Logger;
  /** For lines that are built as strings. */
  readonly lines: LineSink;
  /** The file that is written to; `undefined`: stderr. */
  readonly file: string | undefined;
  /** The file was renamed: go on in a new one under the old name. */
  reopen(): void;
  /** Goes on in a new file if the one that is written to is no longer at its path. @returns whether that was so. @throws the system's error. */
  reopenIfMoved(): boolean;
  /** Writes out what is gathered. */
  flush(): void;
  /** Writes out what is gathered and closes the file. What is logged later is dropped. */
  close(): void;
}

/** Lines are gathered up to this size or time, then written at once. */
const gatherBytes = 16 * 1024;
const gatherMs = 50;

/** Opens the log; a file that cannot be written is a warning, and stderr takes its place. */
export function openLog(settings: LogSettings): Log {
  let file: string | undefined = settings.file;
  let problem: string | undefined;
  let sink: ReturnType<typeof destination>;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    sink = destination({ dest: file, append: true, mode: 0o600, sync: true });
    sink.write("");
  } catch (error) {
    problem = messageOf(error);
    file = undefined;
    sink = destination({ dest: 2, sync: true });
  }
  let isClosed = false;
  const write = (lines: string): void => {
    if (!isClosed) sink.write(lines);
  };
  const logger = pino({ level: settings.level, base: { pid: process.pid } }, { write });
  if (problem !== undefined)
    logger.warn({ file: settings.file, error: problem }, "the log file cannot be written (gateway.logging.file); logging to stderr");
  // A full or missing disk must not stop the gateway.
  sink.on("error", () => {});

  let gathered = "";
  const writeOut = (): void => {
    if (gathered === "") return;
    const lines = gathered;
    gathered = "";
    write(lines);
  };
  const stop = everyByTimer(gatherMs, writeOut);
  return {
    logger,
    file,
    lines: {
      write(line) {
        gathered += line;
        if (gathered.length >= gatherBytes) writeOut();
      },
    },
    reopen: () => {
      writeOut();
      if (file !== undefined && !isClosed) sink.reopen();
    },
    reopenIfMoved() {
      if (file === undefined || isClosed || isAt(file, sink)) return false;
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      writeOut();
      sink.reopen();
      return true;
    },
    flush: writeOut,
    close() {
      if (isClosed) return;
      stop();
      writeOut();
      sink.flushSync();
      isClosed = true;
      sink.end();
    },
  };
}

/** Whether the path names the file that the sink has open. */
function isAt(path: string, sink: ReturnType<typeof destination>): boolean {
  const { fd } = sink as unknown as { readonly fd: number };
  // It is being opened.
  if (fd < 0) return true;
  const own = fstatSync(fd);
  const named = statSync(path, { throwIfNoEntry: false });
  return named !== undefined && named.dev === own.dev && named.ino === own.ino;
}
