/**
 * The frames of a request and its answer between two nodes: `u32 length · u8 type · payload`, big-endian; the length counts the type byte.
 *
 * OPEN and PING are clear, all others sealed. A request is OPEN, any number of REQUEST, and REQUEST_END with the rest of the body. An answer is HEAD,
 * DATA for each chunk, LAST with what ends the answer, and END with the receipt. Without END an answer is incomplete.
 */
export const frameTypes = { open: 1, request: 2, requestEnd: 3, head: 4, data: 5, last: 6, end: 7, ping: 8 } as const;

export type FrameType = (typeof frameTypes)[keyof typeof frameTypes];

export interface Frame {
  readonly type: FrameType;
  readonly payload: Buffer;
}

/** The most that a frame's length may be. */
export const maxFrameBytes = 1024 * 1024;
/** The most plain bytes of one sealed frame. Longer chunks are sent as several frames. */
export const maxPlainBytes = maxFrameBytes - 17;

const headSize = 5;
const knownTypes = new Set<number>(Object.values(frameTypes));

/** The other side does not speak this protocol. */
export class FrameError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "FrameError";
  }
}

export function encodeFrame(type: FrameType, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headSize + payload.length);
  frame.writeUInt32BE(payload.length + 1);
  frame.writeUInt8(type, 4);
  frame.set(payload, headSize);
  return frame;
}

/** Splits bytes that arrive in any pieces into frames. It buffers at most one frame. */
export interface FrameSplitter {
  /** @returns the frames that are complete. @throws FrameError for a type or a length that does not exist. */
  push(bytes: Uint8Array): readonly Frame[];
  /** Whether the bytes so far end with a whole frame. */
  readonly isComplete: boolean;
}

export function createFrameSplitter(): FrameSplitter {
  let parts: Uint8Array[] = [];
  let size = 0;
  /** Bytes that are needed before there is anything to read. */
  let needed = headSize;
  return {
    push(bytes) {
      if (bytes.length === 0) return [];
      parts.push(bytes);
      size += bytes.length;
      if (size < needed) return [];
      const buffered = parts.length === 1 ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) : Buffer.concat(parts, size);
      const frames: Frame[] = [];
      let at = 0;
      needed = headSize;
      while (buffered.length - at >= headSize) {
        const end = at + frameSize(buffered, at);
        if (end > buffered.length) {
          needed = end - at;
          break;
        }
        frames.push({ type: buffered.readUInt8(at + 4) as FrameType, payload: buffered.subarray(at + headSize, end) });
        at = end;
      }
      parts = at === buffered.length ? [] : [buffered.subarray(at)];
      size = buffered.length - at;
      return frames;
    },
    get isComplete() {
      return size === 0;
    },
  };
}

/** The size of the frame that begins at `at`, with its length field. */
function frameSize(bytes: Buffer, at: number): number {
  const length = bytes.readUInt32BE(at);
  if (length < 1 || length > maxFrameBytes) throw new FrameError(`A frame has 1 to ${maxFrameBytes} bytes, not ${length}.`);
  if (!knownTypes.has(bytes.readUInt8(at + 4))) throw new FrameError(`A frame of type ${bytes.readUInt8(at + 4)} does not exist.`);
  return length + 4;
}
