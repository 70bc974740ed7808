import { asBytes, utf8OfLatin1 } from "../../core/index.ts";
import type { BodySettings, EntryBody } from "../../ledger/index.ts";
import { createBodyRedactor, type BodyRedactor } from "./body-redactor.ts";
import { cutText, spareBytes, type ClippedBody } from "./clip-body.ts";

/** The bodies of one request, latin1, until they are written. */
export interface WaitingBody {
  readonly requestId: string;
  readonly attempt: number;
  readonly timeMs: number;
  readonly request: ClippedBody;
  readonly answer: ClippedBody | undefined;
}

/** Makes bodies ready to be stored: as text, without secrets, and within the size limit. */
export class BodyPreparer {
  readonly #settings: () => BodySettings;
  readonly #secrets: () => readonly string[];
  #redactor: { readonly patterns: readonly string[]; readonly use: BodyRedactor } | undefined;

  constructor(settings: () => BodySettings, secrets: () => readonly string[]) {
    this.#settings = settings;
    this.#secrets = secrets;
  }

  /** @throws RedactionTooLong if the patterns of the configuration take too long on this body. */
  async prepare({ requestId, attempt, timeMs, ...waiting }: WaitingBody): Promise<EntryBody> {
    const request = await this.#prepareText(waiting.request);
    const answer = waiting.answer === undefined ? undefined : await this.#prepareText(waiting.answer);
    return {
      requestId,
      attempt,
      timeMs,
      request: request.text,
      requestTruncated: request.isCut,
      answer: answer?.text,
      answerTruncated: answer?.isCut ?? false,
    };
  }

  async #prepareText(body: ClippedBody): Promise<ClippedBody> {
    const { maxSizeBytes, redact: patterns } = this.#settings();
    if (this.#redactor?.patterns !== patterns) this.#redactor = { patterns, use: createBodyRedactor(patterns) };
    const redacted = await this.#redactor.use.redact(utf8OfLatin1(asBytes(body.text)), this.#secrets());
    // PostgreSQL has no text with this character, and JSON has it only as an escape.
    const text = redacted.replaceAll("\0", "\ufffd");
    if (!body.isCut) return cutText(text, maxSizeBytes);
    // What was cut off may have been the rest of a secret, whose beginning is in the spare part.
    return { text: cutText(text, Math.min(maxSizeBytes, Buffer.byteLength(text) - spareBytes)).text, isCut: true };
  }
}
