import { existsSync, readdirSync, renameSync, statSync, unlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { everyByTimer, type Clock, type Logger } from "../../core/index.ts";

export interface RollOptions {
  readonly file: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly maxBytes?: number;
  /** The number of rolled files that are kept. */
  readonly keep?: number;
  /** Tells every process that writes the file. */
  readonly onRolled: () => void;
}

const checkMs = 10_000;

/**
 * Rolls the log by size and by day (UTC): `gateway.log` becomes `gateway.log.2026-01-31.1`, and the writers reopen the old name. One process does this.
 * @returns ends the checks; `check` can be called by hand.
 */
export interface LogRolling {
  check(): void;
  stop(): void;
}

export function startLogRolling(options: RollOptions): LogRolling {
  const { file, clock, logger, maxBytes = 100 * 1024 * 1024, keep = 14 } = options;
  let day = dayOf(modifiedMs(file) ?? clock.now());
  const check = (): void => {
    try {
      const today = dayOf(clock.now());
      const size = sizeOf(file);
      if (size === 0 || (today === day && size < maxBytes)) {
        day = size === 0 ? today : day;
        return;
      }
      renameSync(file, nextName(file, day));
      day = today;
      options.onRolled();
      for (const old of listRolled(file).slice(0, -keep)) unlinkSync(old);
    } catch (error) {
      logger.warn({ error: String(error) }, "the log could not be rolled");
    }
  };
  return { check, stop: everyByTimer(checkMs, check) };
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function modifiedMs(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}

/** The number after the day's highest: one that the removal of old files has freed would make the newest file the oldest. */
function nextName(file: string, day: string): string {
  const prefix = `${file}.${day}.`;
  const numbers = listRolled(file).flatMap((name) => (name.startsWith(prefix) ? [Number(name.slice(prefix.length))] : []));
  return `${prefix}${Math.max(0, ...numbers) + 1}`;
}

/** The rolled files, oldest first. */
export function listRolled(file: string): string[] {
  const prefix = `${basename(file)}.`;
  const rank = (name: string): [string, number] => [name.slice(prefix.length, prefix.length + 10), Number(name.slice(prefix.length + 11))];
  if (!existsSync(dirname(file))) return [];
  return readdirSync(dirname(file))
    .filter((name) => name.startsWith(prefix) && /^\d{4}-\d\d-\d\d\.\d+$/.test(name.slice(prefix.length)))
    .toSorted((a, b) => {
      const [dayA, nA] = rank(a);
      const [dayB, nB] = rank(b);
      if (dayA === dayB) return nA - nB;
      return dayA < dayB ? -1 : 1;
    })
    .map((name) => join(dirname(file), name));
}
