import { readFileSync } from "node:fs";
import { messageOf, type Logger } from "../../core/index.ts";
import type { LoadedSettings } from "./load.ts";
import { ConfigError, createToldProblem } from "./problems.ts";

export interface WatchInput {
  readonly path: string;
  readonly load: () => LoadedSettings;
  /** The file has changed and is valid. What it throws counts as an error of the file. */
  readonly onChange: (loaded: LoadedSettings) => void;
  /** The file has changed and cannot be used: once for each text of the file. The old settings stay. */
  readonly onError: (error: unknown) => void;
  /** Why the file as it is now is not used; `undefined`: it is. Called when that changes. */
  readonly onProblem: (problem: string | undefined) => void;
  readonly logger: Logger;
}

export interface SettingsWatch {
  /** Reads the file now, changed or not. @throws ConfigError, or what `onChange` throws; the old settings stay then. */
  reload(): LoadedSettings;
  close(): void;
}

/**
 * How often the file is looked at. Its text is compared, not its times: editors that write another file and rename it, links that are switched, network
 * file systems and two changes within one tick of the file's clock are all seen. Reading a few kilobytes costs some 30 µs.
 */
const pollMs = 500;
/** A text counts if the next two looks, this far apart, find it unchanged: editors and `cp` empty a file before they write it. */
const settleMs = 200;
const settleLooks = 2;

/** Watches the configuration file from now on. */
// A factory: its functions share what was last read.
// oxlint-disable-next-line max-lines-per-function
export function watchSettings({ path, load, onChange, onError, onProblem, logger }: WatchInput): SettingsWatch {
  let seen = readFile(path);
  /** What the settings in use were read from. */
  let applied = seen;
  let settling: NodeJS.Timeout | undefined;

  let problem: string | undefined;
  const setProblem = (next: string | undefined): void => {
    if (next === problem) return;
    problem = next;
    onProblem(next);
  };
  const apply = (content: FileContent): LoadedSettings => {
    seen = content;
    try {
      const fault = faultOf(content, applied);
      if (fault !== undefined) throw new ConfigError([createToldProblem(undefined, [], `${path}: ${fault}`)]);
      const loaded = load();
      onChange(loaded);
      applied = content;
      setProblem(undefined);
      for (const warning of loaded.warnings) logger.warn({}, warning);
      return loaded;
    } catch (error) {
      setProblem(messageOf(error));
      throw error;
    }
  };
  const settle = (before: FileContent, looks: number): void => {
    settling = setTimeout(() => {
      settling = undefined;
      const now = readFile(path);
      if (isSame(now, seen)) return;
      if (!isSame(now, before)) {
        settle(now, settleLooks);
        return;
      }
      if (looks > 1) {
        settle(now, looks - 1);
        return;
      }
      try {
        apply(now);
      } catch (error) {
        onError(error);
      }
    }, settleMs).unref();
  };
  const timer = setInterval(() => {
    if (settling !== undefined) return;
    const now = readFile(path);
    if (!isSame(now, seen)) settle(now, settleLooks);
  }, pollMs).unref();

  return {
    reload() {
      clearTimeout(settling);
      settling = undefined;
      return apply(readFile(path));
    },
    close() {
      clearTimeout(settling);
      clearInterval(timer);
    },
  };
}

interface FileContent {
  readonly text?: string;
  /** Why there is no text. */
  readonly fault?: string;
}

const missing = "ENOENT";

/** Without a file, or with an empty one, the defaults would be used; if there were settings before, that is an accident and not the intent. */
function faultOf({ text, fault }: FileContent, applied: FileContent): string | undefined {
  const hadSettings = applied.text !== undefined && !isBlank(applied.text);
  if (fault === missing) return applied.fault === missing ? undefined : "the file is gone; the settings stay as they are";
  if (fault !== undefined) return `the file cannot be read: ${fault}`;
  if (text === undefined || !isBlank(text) || !hadSettings) return undefined;
  return "the file holds no settings; those in use stay. Write {} into it to use the defaults";
}

/** Nothing but white space and comments. */
function isBlank(text: string): boolean {
  return text.split("\n").every((line) => /^\s*(?:#.*)?$/.test(line));
}

function readFile(path: string): FileContent {
  try {
    // One character a byte: bytes that are no text must count as different too.
    return { text: readFileSync(path, "latin1") };
  } catch (error) {
    return { fault: (error as NodeJS.ErrnoException).code ?? messageOf(error) };
  }
}

function isSame(a: FileContent, b: FileContent): boolean {
  return a.text === b.text && a.fault === b.fault;
}
