import type { Edit } from "../../core/index.ts";

/** The parts with the edits put in; all other bytes are the received ones, not copied. Offsets count over all parts. */
export function spliceParts(parts: readonly Buffer[], edits: readonly Edit[]): Buffer[] {
  const out: Buffer[] = [];
  let offset = 0;
  let next = 0;
  let skipTo = 0;
  for (const part of parts) {
    const end = offset + part.length;
    let at = Math.max(offset, skipTo);
    while (next < edits.length && edits[next]!.start < end) {
      const edit = edits[next]!;
      if (edit.start > at) out.push(part.subarray(at - offset, edit.start - offset));
      out.push(Buffer.from(edit.text, "latin1"));
      skipTo = edit.end;
      at = Math.max(at, edit.end);
      next++;
    }
    if (at < end) out.push(part.subarray(at - offset));
    offset = end;
  }
  for (; next < edits.length; next++) out.push(Buffer.from(edits[next]!.text, "latin1"));
  return out;
}
