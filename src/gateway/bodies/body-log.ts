import { setImmediate } from "node:timers/promises";
import { messageOf, utf8OfLatin1, type Clock, type Logger, asBytes } from "../../core/index.ts";
import { systemSchedule, type EntryBodies, type EntryBody, type Schedule } from "../../ledger/index.ts";
import { operations, type Operation } from "../../protocols/index.ts";
import type { ClientExchange } from "../exchange.ts";
import { createBodyRedactor, RedactionTooLong, type BodyRedactor } from "./body-redactor.ts";
import { clipBody, cutText, spareBytes, type ClippedBody } from "./clip-body.ts";
import { RecordedExchange, type Recording } from "./recorded-exchange.ts";

/** `ledger.bodies` of the configuration. */
export interface BodySettings {
  readonly enabled: boolean;
  /** Of a request, and of an answer, as stored. */
  readonly maxSizeBytes: number;
  /** Regular expressions of what is taken out. */
  readonly redact: readonly string[];
}

/** Keeps what clients ask and get, where that is switched on. It is no part of the ledger's promise: what cannot be written is dropped. */
export interface BodyLog {
  /** An exchange to be used in place of this one, which remembers what goes over it; `undefined`: nothing is kept of it. */
  record(exchange: ClientExchange, operation: Operation): RecordedExchange | undefined;
  counts(): { readonly dropped: number };
  /** Writes what is waiting. Never rejects. */
  flush(): Promise<void>;
  /** Writes what is waiting, within five seconds. */
  close(): Promise<void>;
}

export interface BodyLogDeps {
  readonly bodies: Pick<EntryBodies, "write">;
  /** Read anew for each request and each write, so that a reload changes it. */
  readonly settings: () => BodySettings;
  /** Of all providers and the gateway itself: none is ever stored. */
  readonly secrets: () => readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly schedule?: Schedule;
}

interface Waiting {
  readonly requestId: string;
  readonly attempt: number;
  readonly timeMs: number;
  readonly request: ClippedBody;
  readonly answer: ClippedBody | undefined;
}

/** Bodies wait so long for company. */
const flushMs = 200;
/** Of one write; a database in this process is busy with it for some milliseconds. */
const batchBodies = 16;
/** More than this does not wait: what comes then is dropped. */
const maxWaitingBytes = 32 * 1024 * 1024;
const closeMs = 5000;

export function createBodyLog(deps: BodyLogDeps): BodyLog {
  const { bodies, clock, logger, schedule = systemSchedule } = deps;
  let waiting: Waiting[] = [];
  let waitingBytes = 0;
  let dropped = 0;
  let isDropping = false;
  let writing: Promise<void> | undefined;
  let cancel: (() => void) | undefined;
  let redactor: { readonly patterns: readonly string[]; readonly use: BodyRedactor } | undefined;

  const drop = (count: number, reason: string): void => {
    dropped += count;
    // Once, until something has been written again.
    if (!isDropping) logger.warn({ count, reason }, "bodies of requests and answers are not kept");
    isDropping = true;
  };
  const take = ({ requestId, parts, answer, isCut }: Recording, attempt: number): void => {
    const limit = deps.settings().maxSizeBytes + spareBytes;
    const clipped = answer === undefined ? undefined : clipBody(answer, limit);
    const one: Waiting = {
      requestId,
      attempt,
      timeMs: clock.now(),
      request: clipBody(latin1Of(parts), limit),
      answer: clipped === undefined ? undefined : { text: clipped.text, isCut: clipped.isCut || isCut },
    };
    const size = sizeOf(one);
    if (waitingBytes + size > maxWaitingBytes) {
      drop(1, "too many wait for the database");
      return;
    }
    waiting.push(one);
    waitingBytes += size;
    if (writing === undefined) plan();
  };
  const finish = async (body: ClippedBody, use: BodyRedactor, secrets: readonly string[], maxBytes: number): Promise<ClippedBody> => {
    // PostgreSQL has no text with this character, and JSON has it only as an escape.
    const text = (await use.redact(utf8OfLatin1(asBytes(body.text)), secrets)).replaceAll("\0", "\ufffd");
    if (!body.isCut) return cutText(text, maxBytes);
    // What was cut off may have been the rest of a secret, whose beginning is in the spare part.
    return { text: cutText(text, Math.min(maxBytes, Buffer.byteLength(text) - spareBytes)).text, isCut: true };
  };
  const prepare = async (one: Waiting): Promise<EntryBody | undefined> => {
    const { redact: patterns, maxSizeBytes } = deps.settings();
    if (redactor?.patterns !== patterns) redactor = { patterns, use: createBodyRedactor(patterns) };
    const { use } = redactor;
    const secrets = deps.secrets();
    try {
      const request = await finish(one.request, use, secrets, maxSizeBytes);
      const answer = one.answer === undefined ? undefined : await finish(one.answer, use, secrets, maxSizeBytes);
      return {
        requestId: one.requestId,
        attempt: one.attempt,
        timeMs: one.timeMs,
        request: request.text,
        requestTruncated: request.isCut,
        answer: answer?.text,
        answerTruncated: answer?.isCut ?? false,
      };
    } catch (error) {
      if (!(error instanceof RedactionTooLong)) throw error;
      drop(1, error.message);
      return undefined;
    }
  };
  const writeBatch = async (batch: readonly Waiting[]): Promise<void> => {
    let left = batch.length;
    try {
      const ready: EntryBody[] = [];
      for (const one of batch) {
        const body = await prepare(one);
        if (body === undefined) left--;
        else ready.push(body);
        // A request that comes meanwhile does not wait for all of them.
        await setImmediate();
      }
      if (ready.length === 0) return;
      await bodies.write(ready);
      isDropping = false;
    } catch (error) {
      drop(left, messageOf(error));
    }
  };
  const writeAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, batchBodies);
      await writeBatch(batch);
      // Only now: what is being written takes memory, too.
      waiting = waiting.slice(batch.length);
      for (const one of batch) waitingBytes -= sizeOf(one);
    }
  };
  const flush = (): Promise<void> => {
    cancel?.();
    cancel = undefined;
    writing ??= writeAll().finally(() => {
      writing = undefined;
      if (waiting.length > 0) plan();
    });
    return writing;
  };
  const plan = (): void => {
    cancel ??= schedule(flushMs, () => void flush());
  };
  return {
    record(exchange, operation) {
      const { enabled, maxSizeBytes } = deps.settings();
      return enabled && operations[operation].isBilled ? new RecordedExchange(exchange, maxSizeBytes + spareBytes, take) : undefined;
    },
    counts: () => ({ dropped }),
    flush,
    async close() {
      let giveUp = (): void => undefined;
      const late = new Promise<void>((resolve) => {
        giveUp = schedule(closeMs, resolve);
      });
      await Promise.race([flush(), late]);
      giveUp();
    },
  };
}

function latin1Of(parts: readonly Buffer[]): string {
  return parts.length === 1 ? parts[0]!.toString("latin1") : Buffer.concat(parts).toString("latin1");
}

function sizeOf({ request, answer }: Waiting): number {
  return request.text.length + (answer?.text.length ?? 0);
}
