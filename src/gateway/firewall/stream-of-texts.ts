import {
  asBytes,
  latin1OfEvents,
  latin1OfUtf8,
  noBytes,
  replaceData,
  SseSplitter,
  utf8OfLatin1,
  type Bytes,
  type SseEvent,
} from "../../core/index.ts";
import {
  restoreTexts,
  StreamRestorer,
  type AnswerLook,
  type AnswerText,
  type Placeholders,
  type RestoredForm,
} from "../../policy/index.ts";
import type { EventSplitter, Protocol, TextDelta } from "../../protocols/index.ts";

/** What is done with the texts of a stream: first the rules on answers, then the originals of the request come back. */
export interface StreamWork {
  readonly check: AnswerLook | undefined;
  readonly placeholders: Placeholders | undefined;
}

/** One text on its way to the client. */
class OpenText {
  readonly owner: string;
  readonly form: RestoredForm;
  readonly #checked: AnswerText | undefined;
  readonly #restorer: StreamRestorer | undefined;
  /** An event with this piece alone, at the place of the last piece. */
  withPiece: (piece: string) => Bytes = () => noBytes;

  constructor({ check, placeholders }: StreamWork, owner: string, form: RestoredForm) {
    this.owner = owner;
    this.form = form;
    this.#checked = check?.open(form);
    this.#restorer = placeholders === undefined ? undefined : new StreamRestorer(placeholders, form);
  }

  push(piece: string): string {
    const passed = this.#checked === undefined ? piece : this.#checked.push(piece);
    return this.#restorer === undefined ? passed : this.#restorer.push(passed);
  }

  end(): string {
    const passed = this.#checked === undefined ? "" : this.#checked.end();
    return this.#restorer === undefined ? passed : this.#restorer.push(passed) + this.#restorer.end();
  }
}

/**
 * Checks and restores the texts of a stream, event by event. What could be the beginning of a match or of a placeholder waits for the next piece of its text. Once a
 * rule has blocked the answer, nothing more comes out.
 */
export class StreamOfTexts {
  readonly #work: StreamWork;
  readonly #protocol: Protocol;
  readonly #splitter: EventSplitter;
  readonly #watch: (event: SseEvent) => void;
  readonly #isArray: boolean;
  /** The last event, if texts end with it: the next one says whether they do. */
  #waiting: SseEvent | undefined;
  readonly #open = new Map<string, OpenText>();

  /** @param isEventStream `false`: the stream is one JSON array. @param watch takes each event as it comes. */
  constructor(
    work: StreamWork,
    protocol: Protocol,
    options: { readonly isEventStream: boolean; readonly watch: (event: SseEvent) => void },
  ) {
    this.#work = work;
    this.#protocol = protocol;
    this.#watch = options.watch;
    this.#isArray = !options.isEventStream;
    this.#splitter = (options.isEventStream ? undefined : protocol.createArraySplitter?.()) ?? new SseSplitter();
  }

  get isBlocked(): boolean {
    return this.#work.check?.isBlocked === true;
  }

  /** @returns what goes on to the client now. */
  push(data: Bytes): Bytes {
    return this.#take(this.#splitter.push(data));
  }

  /** What is left when the stream is over. */
  end(): Bytes {
    const out = asBytes(this.#take(this.#splitter.end()) + (this.isBlocked ? "" : this.#changeWaiting(undefined)));
    return this.isBlocked ? out : asBytes(out + this.#release(""));
  }

  #take(events: readonly SseEvent[]): Bytes {
    let out = "";
    for (const event of events) {
      if (this.isBlocked) break;
      const parsed = parse(event.data);
      out += this.#changeWaiting(parsed);
      if (this.isBlocked) break;
      if (parsed !== undefined && this.#protocol.textDeltas(parsed).some(isEndOfText)) this.#waiting = event;
      else out += this.#change(event, parsed);
      this.#watch(event);
    }
    return asBytes(out);
  }

  /** The event that waits. Some servers give a reason to end with each event, though the text goes on in the next one. */
  #changeWaiting(next: object | undefined): string {
    const event = this.#waiting;
    if (event === undefined) return "";
    this.#waiting = undefined;
    const parsed = parse(event.data)!;
    const ended = new Set(
      this.#protocol
        .textDeltas(parsed)
        .filter(isEndOfText)
        .map(({ channel }) => channel),
    );
    const goesOn = next !== undefined && this.#protocol.textDeltas(next).some(({ channel }) => ended.has(channel));
    return this.#change(event, parsed, goesOn);
  }

  /** @param goesOn its texts go on, whatever it says. */
  #change(event: SseEvent, parsed: object | undefined, goesOn = false): string {
    // A keep-alive or an end: no text ends with a comment, but with its array.
    if (parsed === undefined) return event.data === "" && !this.#isArray ? event.raw : this.#release("") + event.raw;
    const deltas = this.#protocol.textDeltas(parsed);
    const channels = new Set(deltas.map(({ channel }) => channel));
    let before = "";
    for (const ended of goesOn ? [] : this.#protocol.endedTexts(parsed)) before += this.#release(ended, channels);
    for (const { owner } of deltas) before += this.#releaseOthers(owner, channels);
    if (this.isBlocked) return before;
    if (deltas.length === 0) {
      const whole = this.#changeWhole(event.data);
      if (this.isBlocked) return before;
      return before + (whole === event.data ? event.raw : replaceData(event, whole));
    }
    const pieces: string[] = [];
    for (const { channel, owner, holder, key, form, isLast, isFollowed } of deltas) {
      let open = this.#open.get(channel);
      if (open === undefined) this.#open.set(channel, (open = new OpenText(this.#work, owner, form)));
      const piece = open.push(holder[key] as string);
      const isEnd = isLast === true && (isFollowed === true || !goesOn);
      pieces.push(isEnd ? piece + open.end() : piece);
      open.withPiece = (rest) => this.#withPieces(this.#again(event), onlyText(parsed, { holder, key }, false) ?? parsed, () => rest);
      if (isEnd) this.#open.delete(channel);
    }
    return before + this.#withPieces(event, parsed, (at) => pieces[at]!);
  }

  /** The event, to be sent a second time: an element of an array comes after another one then. */
  #again(event: SseEvent): SseEvent {
    return this.#isArray ? { ...event, raw: asBytes(`,\r\n${event.data}`) } : event;
  }

  /** The event with other pieces of its texts, in their order. Its other texts are whole. */
  #withPieces(event: SseEvent, parsed: object, pieceOf: (at: number) => string): Bytes {
    const deltas = this.#protocol.textDeltas(parsed);
    for (const { holder, key } of deltas) holder[key] = "";
    const blank = latin1OfUtf8(JSON.stringify(parsed));
    const changed = this.#changeWhole(blank);
    const other = changed === blank ? parsed : (JSON.parse(utf8OfLatin1(changed)) as object);
    for (const [at, { holder, key }] of this.#protocol.textDeltas(other).entries()) holder[key] = pieceOf(at);
    return replaceData(event, latin1OfEvents(JSON.stringify(other)));
  }

  #changeWhole(data: Bytes): Bytes {
    const { check, placeholders } = this.#work;
    const passed = check === undefined ? data : check.body(data);
    return placeholders === undefined || !passed.includes("[") ? passed : restoreTexts(passed, placeholders);
  }

  /** Texts have ended: what waits of them is no beginning of anything. @param except channels that this event goes on with. */
  #release(channel: string, except?: ReadonlySet<string>): string {
    let out = "";
    for (const [each, open] of this.#open) {
      if (!`${each} `.startsWith(channel) || except?.has(each) === true) continue;
      this.#open.delete(each);
      const rest = open.end();
      if (rest !== "") out += open.withPiece(rest);
    }
    return out;
  }

  /** Where one text follows another of the same owner, as an answer its reasoning, the other has ended. */
  #releaseOthers(owner: string, except: ReadonlySet<string>): string {
    let out = "";
    for (const [channel, open] of this.#open) {
      if (open.owner === owner && open.form === "text" && !except.has(channel)) out += this.#release(channel, except);
    }
    return out;
  }
}

/** A piece whose text ends only by the word of its server. */
const isEndOfText = ({ isLast, isFollowed, holder, key }: TextDelta): boolean =>
  isLast === true && isFollowed !== true && holder[key] !== "";

/** What says where a text belongs. An id or a name of a call would be joined to the one that has been sent. */
const placeKeys: ReadonlySet<string> = new Set(["index", "type", "role", "thought", "finish_reason", "jsonPath", "willContinue"]);
/** Counts of the whole event, which has been sent. */
const countKeys: ReadonlySet<string> = new Set(["usage", "usageMetadata", "logprobs"]);

interface TextPlace {
  readonly holder: object;
  readonly key: string;
}

/**
 * An event with one of its texts, and without what else it has: calls of functions and media have been sent with it.
 * @param isInside inside a list of the event. @returns `undefined`: the text is not in it.
 */
function onlyText(value: unknown, place: TextPlace, isInside: boolean): object | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value)) {
    for (const each of value as readonly unknown[]) {
      const found = onlyText(each, place, true);
      if (found !== undefined) return [found];
    }
    return undefined;
  }
  let hasText = value === place.holder;
  const kept: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const isText = value === place.holder && name === place.key;
    const found = isText || hasText ? undefined : onlyText(member, place, isInside);
    if (found !== undefined) hasText = true;
    if (found !== undefined || isText) kept[name] = found ?? member;
    else if (isInside ? placeKeys.has(name) : !countKeys.has(name)) kept[name] = member;
  }
  return hasText ? kept : undefined;
}

function parse(data: Bytes): object | undefined {
  if (data === noBytes || !/^\s*\{/.test(data)) return undefined;
  try {
    return JSON.parse(utf8OfLatin1(data)) as object;
  } catch {
    return undefined;
  }
}
