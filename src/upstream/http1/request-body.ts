/**
 * Parts up to this total size are joined: copying them costs less than another write. For larger bodies an iterable of parts halves the cost of the
 * request.
 */
const joinBytes = 64 * 1024;
/** Within a larger body, neighbouring parts that together are at most this size become one part. */
const smallBytes = 16 * 1024;

/** A body in the form that undici accepts, and its length if undici cannot determine it. */
export interface OutgoingBody {
  readonly body: Buffer | Uint8Array | Uint8Array[] | null;
  readonly length: number | undefined;
}

/**
 * Prepares a body for sending. Measured in µs of CPU per request, Node 26, undici 8: 107 KB in two parts joined 95 to 127, as an iterable 48 to 67,
 * as a Readable 14 % more than that; 64 KB joined 66, as an iterable 79; 2 KB joined 27, as an iterable 49.
 */
export function outgoingBody(body: readonly Uint8Array[] | string | undefined): OutgoingBody {
  if (body === undefined) return { body: null, length: undefined };
  if (typeof body === "string") return { body: Buffer.from(body, "latin1"), length: undefined };
  if (body.length === 1) return { body: body[0]!, length: undefined };
  let length = 0;
  for (const part of body) length += part.length;
  if (length <= joinBytes) return { body: Buffer.concat(body, length), length: undefined };
  return { body: joinSmall(body), length };
}

/** Joins small neighbouring parts, as each part costs one write. */
export function joinSmall(parts: readonly Uint8Array[]): Uint8Array[] {
  const joined: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  let size = 0;
  const flush = (): void => {
    if (small.length > 0) joined.push(small.length === 1 ? small[0]! : Buffer.concat(small, size));
    small = [];
    size = 0;
  };
  for (const part of parts) {
    if (size + part.length > smallBytes) flush();
    if (part.length > smallBytes) {
      joined.push(part);
    } else {
      small.push(part);
      size += part.length;
    }
  }
  flush();
  return joined;
}
