import { createHash } from "node:crypto";
import { createBoundedCache, messageOf, type Schedule } from "../../../core/index.ts";
import type { ClassifierSettings } from "./classifier-section.ts";
import { ClassifierError, type JudgedContext, type TextJudgement } from "./judgement.ts";
import { cutTexts, joinTexts, uniteJudgements, type Piece } from "./pieces.ts";
import { Slots } from "./slots.ts";
import { wires, type ClassifierWire } from "./wire.ts";

/** The answer of a classifier's server. */
export interface ClassifierAnswer {
  readonly status: number;
  /** The parsed body; `undefined` if an error's body is not JSON. */
  readonly value: unknown;
}

/** What a classifier needs from outside. */
export interface ClassifierDeps {
  /** Posts JSON to the URL of the classifier, over the one way out to the network. @throws Error */
  readonly post: (settings: ClassifierSettings, body: string, signal: AbortSignal) => Promise<ClassifierAnswer>;
  readonly schedule: Schedule;
}

/** What a classifier says of some texts. */
export interface Judgement {
  /** One for each text. */
  readonly texts: readonly TextJudgement[];
  /** What all of them are together. */
  readonly categories: readonly string[];
}

/** A request of more calls has no judgement. */
const maxCalls = 64;
/** Texts in one call. */
const maxTexts = 100;
const rememberedTexts = 10_000;

/** A classifier on another server. It judges texts within its deadline, remembers what it has judged, and makes a bounded number of calls at a time. */
export class Classifier {
  readonly settings: ClassifierSettings;
  readonly #deps: ClassifierDeps;
  readonly #wire: ClassifierWire;
  readonly #slots: Slots;
  readonly #known = createBoundedCache<TextJudgement>(rememberedTexts);

  constructor(settings: ClassifierSettings, deps: ClassifierDeps) {
    this.settings = settings;
    this.#deps = deps;
    this.#wire = wires[settings.kind];
    this.#slots = new Slots(settings.concurrency);
  }

  /** @throws ClassifierError if there is no judgement. */
  async judge(texts: readonly string[], context: JudgedContext): Promise<Judgement> {
    const { maxLength } = this.settings;
    const { isJoined } = this.#wire;
    const pieces = isJoined ? joinTexts(texts, maxLength) : cutTexts(texts, maxLength);
    const keys = pieces.map(({ text }) => this.#keyOf(text, context));
    const judged = pieces.map((_, at) => this.#known.get(keys[at]!));
    const unknown = pieces.map((_, at) => at).filter((at) => judged[at] === undefined);
    if (unknown.length > 0) {
      await this.#ask(this.#callsOf(pieces, unknown), pieces, context, (at, judgement) => {
        judged[at] = judgement;
        if (this.settings.remembers) this.#known.set(keys[at]!, judgement);
      });
    }
    const all = judged.map((each) => each!);
    if (!isJoined) return { texts: uniteJudgements(texts, pieces, all), categories: [] };
    return { texts: [], categories: [...new Set(all.flatMap(({ categories }) => categories))] };
  }

  /** Texts that one call takes: as many as fit, or one joined piece. */
  #callsOf(pieces: readonly Piece[], unknown: readonly number[]): number[][] {
    if (this.#wire.isJoined) return unknown.map((at) => [at]);
    const calls: number[][] = [];
    let length = Infinity;
    for (const at of unknown) {
      const own = pieces[at]!.text.length;
      if (length + own > this.settings.maxLength || calls.at(-1)!.length >= maxTexts) {
        calls.push([]);
        length = 0;
      }
      calls.at(-1)!.push(at);
      length += own;
    }
    return calls;
  }

  // The last one takes what the calls find.
  // oxlint-disable-next-line max-params
  async #ask(
    calls: readonly (readonly number[])[],
    pieces: readonly Piece[],
    context: JudgedContext,
    found: (at: number, judgement: TextJudgement) => void,
  ): Promise<void> {
    if (calls.length > maxCalls) throw new ClassifierError(`would need ${calls.length} calls for so much text (at most ${maxCalls})`);
    const { deadlineMs } = this.settings;
    const ended = new AbortController();
    const late = new ClassifierError(`did not answer within ${deadlineMs} ms`);
    const cancel = this.#deps.schedule(deadlineMs, () => ended.abort(late));
    try {
      await Promise.all(
        calls.map(async (call) => {
          const texts = call.map((at) => pieces[at]!.text);
          const judged = await this.#slots.run(ended.signal, () => this.#call(texts, context, ended.signal));
          for (const [index, at] of call.entries()) found(at, judged[index]!);
        }),
      );
    } catch (error) {
      if (ended.signal.aborted) throw late;
      throw error;
    } finally {
      cancel();
      // The other calls are not needed any more.
      ended.abort(late);
    }
  }

  async #call(texts: readonly string[], context: JudgedContext, signal: AbortSignal): Promise<readonly TextJudgement[]> {
    const { settings } = this;
    const body = JSON.stringify(this.#wire.request(texts, settings, context));
    const { status, value } = await this.#deps.post(settings, body, signal).catch((error: unknown) => {
      throw new ClassifierError(`could not be asked (${messageOf(error)})`);
    });
    if (status !== 200) throw new ClassifierError(`answered ${status}`);
    const judged = this.#read(value, texts);
    if (judged.length !== (this.#wire.isJoined ? 1 : texts.length))
      throw new ClassifierError(`answered for ${judged.length} of ${texts.length} texts`);
    return judged;
  }

  #read(value: unknown, texts: readonly string[]): readonly TextJudgement[] {
    try {
      return this.#wire.read(value, texts, this.settings);
    } catch (error) {
      if (error instanceof ClassifierError) throw error;
      throw new ClassifierError("answered something of another form", { cause: error });
    }
  }

  /** What decides a judgement, without the text itself. */
  #keyOf(text: string, { direction, user, model, prompt = "" }: JudgedContext): string {
    const { kind } = this.settings;
    const parts = [text];
    if (kind === "webhook") parts.push(direction, user, model);
    else if (kind === "guard_model") parts.push(direction, direction === "answer" ? prompt : "");
    return createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
  }
}
