import { asBytes, latin1OfUtf8, noBytes, type Bytes } from "../../core/index.ts";

const backslash = 0x5c;

/** The longest sample of an answer's text: its tokens a byte are those of the answer. */
const sampleBytes = 2048;

/** Counts the text of an answer that passes, and keeps its beginning, as written in JSON. */
export class PassedText {
  bytes = 0;
  sample: Bytes = noBytes;

  /** A string in a JSON text (latin1), without its quotes. */
  add(data: string, start: number, end: number): void {
    if (end <= start) return;
    this.bytes += end - start;
    const room = sampleBytes - this.sample.length;
    if (room > 0) this.sample = asBytes(this.sample + data.slice(start, Math.min(end, start + room)));
  }

  /** A text that has been parsed. */
  addParsed(text: string): void {
    this.bytes += Buffer.byteLength(text);
    const room = sampleBytes - this.sample.length;
    if (room > 0) this.sample = asBytes(this.sample + latin1OfUtf8(JSON.stringify(text.slice(0, room)).slice(1, -1)));
  }

  /** The last string among the members of a JSON text. A string's own quotes are escaped, so `":"` is found only between a key and its value. */
  addLast(data: string, end = data.length): void {
    const close = data.lastIndexOf('"', end);
    const compact = data.lastIndexOf('":"', close);
    const open = compact >= 0 ? compact + 3 : data.lastIndexOf('": "', close) + 4;
    if (open > 3) this.add(data, open, close);
  }

  /** The first string with that key. The key's first quote is not searched: V8 is slow at finding a quote among many. */
  addOf(data: string, key: string): void {
    const found = data.indexOf(`${key}":`);
    if (found < 0) return;
    const start = data.indexOf('"', found + key.length + 2) + 1;
    let end = data.indexOf('"', start);
    while (end > 0 && data.charCodeAt(end - 1) === backslash) end = data.indexOf('"', end + 1);
    if (start > 0) this.add(data, start, end);
  }
}
