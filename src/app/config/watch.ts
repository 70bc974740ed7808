import { readFileSync } from "node:fs";
import { everyByTimer, messageOf, type Logger } from "../../core/index.ts";
import type { LoadedSettings } from "./load.ts";
import { ConfigError, createMessageProblem } from "../../settings/index.ts";

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
export function watchSettings(input: WatchInput): SettingsWatch {
  return new FileWatch(input);
}

class FileWatch implements SettingsWatch {
  readonly #input: WatchInput;
  readonly #stopPolling: () => void;
  /** The last text that was applied, or refused. */
  #seen: FileContent;
  /** What the settings in use were read from. */
  #applied: FileContent;
  #settling: NodeJS.Timeout | undefined;
  #problem: string | undefined;

  constructor(input: WatchInput) {
    this.#input = input;
    this.#seen = readFile(input.path);
    this.#applied = this.#seen;
    this.#stopPolling = everyByTimer(pollMs, () => this.#poll());
  }

  reload(): LoadedSettings {
    this.#stopSettling();
    return this.#apply(readFile(this.#input.path));
  }

  close(): void {
    this.#stopSettling();
    this.#stopPolling();
  }

  #poll(): void {
    if (this.#settling !== undefined) return;
    const now = readFile(this.#input.path);
    if (!isSame(now, this.#seen)) this.#settle(now, settleLooks);
  }

  /** Looks again until `looks` of them in a row have found the same text. */
  #settle(before: FileContent, looks: number): void {
    this.#settling = setTimeout(() => {
      this.#settling = undefined;
      const now = readFile(this.#input.path);
      if (isSame(now, this.#seen)) return;
      if (!isSame(now, before)) this.#settle(now, settleLooks);
      else if (looks > 1) this.#settle(now, looks - 1);
      else this.#applyChange(now);
    }, settleMs).unref();
  }

  #stopSettling(): void {
    clearTimeout(this.#settling);
    this.#settling = undefined;
  }

  #applyChange(content: FileContent): void {
    try {
      this.#apply(content);
    } catch (error) {
      this.#input.onError(error);
    }
  }

  #apply(content: FileContent): LoadedSettings {
    const { path, load, onChange, logger } = this.#input;
    this.#seen = content;
    try {
      const fault = faultOf(content, this.#applied);
      if (fault !== undefined) throw new ConfigError([createMessageProblem(undefined, [], `${path}: ${fault}`)]);
      const loaded = load();
      onChange(loaded);
      this.#applied = content;
      this.#setProblem(undefined);
      for (const warning of loaded.warnings) logger.warn({}, warning);
      return loaded;
    } catch (error) {
      this.#setProblem(messageOf(error));
      throw error;
    }
  }

  #setProblem(problem: string | undefined): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#input.onProblem(problem);
  }
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
