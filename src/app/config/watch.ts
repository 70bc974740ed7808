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
/** A text counts when it has been the same for so long: editors and `cp` empty a file before they write it. */
const settleMs = 100;

/** Watches the configuration file from now on. */
export function watchSettings({ path, load, onChange, onError, logger }: WatchInput): SettingsWatch {
  let seen = readFile(path);
  let settling: NodeJS.Timeout | undefined;

  const apply = (content: FileContent): LoadedSettings => {
    const had = seen.text !== undefined;
    seen = content;
    // Without a file the defaults would hold; a file that was there and is gone is an accident, not that wish.
    if (content.fault !== undefined && (had || content.fault !== missing)) {
      const message =
        content.fault === missing ? "the file is gone; the settings stay as they are" : `the file cannot be read: ${content.fault}`;
      throw new ConfigError([createToldProblem(undefined, [], `${path}: ${message}`)]);
    }
    const loaded = load();
    onChange(loaded);
    for (const warning of loaded.warnings) logger.warn({}, warning);
    return loaded;
  };
  const settle = (before: FileContent): void => {
    settling = setTimeout(() => {
      settling = undefined;
      const now = readFile(path);
      if (isSame(now, seen)) return;
      if (!isSame(now, before)) {
        settle(now);
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
    if (!isSame(now, seen)) settle(now);
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
