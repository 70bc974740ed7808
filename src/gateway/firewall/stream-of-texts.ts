import { asBytes, latin1OfEvents, noBytes, replaceData, SseSplitter, utf8OfLatin1, type Bytes, type SseEvent } from "../../core/index.ts";
import { restoreTexts, StreamRestorer, type Placeholders } from "../../policy/index.ts";
import type { EventSplitter, Protocol } from "../../protocols/index.ts";

/** The last event that had a piece of a text. */
interface Open {
  readonly restorer: StreamRestorer;
  /** The event with another piece in its place. */
  readonly withPiece: (piece: string) => Bytes;
}

/** Restores the texts of a stream, event by event. A placeholder may be cut anywhere: what could be the beginning of one waits for the next piece of its text. */
export class StreamOfTexts {
  readonly #placeholders: Placeholders;
  readonly #protocol: Protocol;
  readonly #splitter: EventSplitter;
  readonly #open = new Map<string, Open>();

  /** @param isEventStream `false`: the stream is one JSON array. */
  constructor(placeholders: Placeholders, protocol: Protocol, isEventStream: boolean) {
    this.#placeholders = placeholders;
    this.#protocol = protocol;
    this.#splitter = (isEventStream ? undefined : protocol.createArraySplitter?.()) ?? new SseSplitter();
  }

  /** @returns what goes on to the client now. */
  push(data: Bytes): Bytes {
    let out = "";
    for (const event of this.#splitter.push(data)) out += this.#restore(event);
    return asBytes(out);
  }

  /** What is left when the stream is over. */
  end(): Bytes {
    let out = "";
    for (const event of this.#splitter.end()) out += this.#restore(event);
    return asBytes(out + this.#release());
  }

  #restore(event: SseEvent): string {
    const parsed = parse(event.data);
    // A keep-alive or an end: no text ends with a comment.
    if (parsed === undefined) return event.data === "" ? event.raw : this.#release() + event.raw;
    const deltas = this.#protocol.textDeltas(parsed);
    const before = deltas.length === 0 ? this.#release() : "";
    if (deltas.length === 0 && !event.data.includes("[")) return before + event.raw;
    for (const { channel, holder, key, form, isLast } of deltas) {
      let open = this.#open.get(channel);
      const restorer: StreamRestorer = open?.restorer ?? new StreamRestorer(this.#placeholders, form);
      const piece = restorer.push(holder[key] as string);
      const withPiece = (other: string): Bytes => {
        for (const each of deltas) each.holder[each.key] = "";
        holder[key] = other;
        return replaceData(event, latin1OfEvents(JSON.stringify(parsed)));
      };
      holder[key] = isLast === true ? piece + restorer.end() : piece;
      open = { restorer, withPiece };
      if (isLast === true) this.#open.delete(channel);
      else this.#open.set(channel, open);
    }
    const text = deltas.length === 0 ? event.data : latin1OfEvents(JSON.stringify(parsed));
    return before + replaceData(event, deltas.length === 0 ? restoreTexts(text, this.#placeholders) : text);
  }

  /** Texts have ended: what was held back of them is no placeholder. */
  #release(): string {
    let out = "";
    for (const { restorer, withPiece } of this.#open.values()) {
      const rest = restorer.end();
      if (rest !== "") out += withPiece(rest);
    }
    this.#open.clear();
    return out;
  }
}

function parse(data: Bytes): object | undefined {
  if (data === noBytes || !data.startsWith("{")) return undefined;
  try {
    return JSON.parse(utf8OfLatin1(data)) as object;
  } catch {
    return undefined;
  }
}
