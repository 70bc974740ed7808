import { createFrameSplitter, FrameError, frameTypes, type Frame } from "../identity/frames.ts";
import { SealError, type FrameOpener } from "../identity/sealing.ts";
import { MarketRefusal } from "../refusal.ts";
import type { OpenFrame } from "./seller-deps.ts";

/** Reads the frames of a request from the bytes of its body, in two steps: what opens it in clear, then what is sealed. */
export class RequestFrames {
  readonly #bytes: AsyncIterator<Buffer>;
  readonly #splitter = createFrameSplitter();
  #waiting: Frame[] = [];

  constructor(bytes: AsyncIterable<Buffer>) {
    this.#bytes = bytes[Symbol.asyncIterator]();
  }

  /** @throws MarketRefusal `bad_order` */
  async open(): Promise<OpenFrame> {
    const frame = await this.#next();
    if (frame?.type !== frameTypes.open) throw malformed();
    try {
      const { order, kid, enc, lease } = JSON.parse(frame.payload.toString("utf8")) as Record<string, unknown>;
      if (typeof kid === "string" && typeof enc === "string" && typeof order === "object")
        return { order: JSON.stringify(order), kid, enc, ...(lease === undefined ? {} : { lease: JSON.stringify(lease) }) };
    } catch {
      // As below.
    }
    throw malformed();
  }

  /** The plain request. @throws MarketRefusal `bad_order` if it does not open, is cut, or is longer than `mostBytes`. */
  async request(opener: FrameOpener, mostBytes: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let size = 0;
    for (;;) {
      const frame = await this.#next();
      if (frame === undefined) throw malformed();
      if (frame.type === frameTypes.ping) continue;
      if (frame.type !== frameTypes.request && frame.type !== frameTypes.requestEnd) throw malformed();
      size += frame.payload.length;
      if (size > mostBytes) throw new MarketRefusal("bad_order", `A request has at most ${mostBytes} bytes.`);
      try {
        parts.push(opener.open(frame.type, frame.payload));
      } catch (error) {
        if (error instanceof SealError) throw new MarketRefusal("bad_order", error.message);
        throw error;
      }
      if (frame.type === frameTypes.requestEnd) return Buffer.concat(parts);
    }
  }

  /** `undefined`: the bytes have ended. */
  async #next(): Promise<Frame | undefined> {
    while (this.#waiting.length === 0) {
      const { value, done } = await this.#bytes.next();
      if (done === true) return undefined;
      try {
        this.#waiting.push(...this.#splitter.push(value));
      } catch (error) {
        if (error instanceof FrameError) throw malformed();
        throw error;
      }
    }
    return this.#waiting.shift();
  }
}

function malformed(): MarketRefusal {
  return new MarketRefusal("bad_order", "The request's frames are not those of the protocol.");
}
