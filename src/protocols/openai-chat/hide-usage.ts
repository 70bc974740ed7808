import { memberSpan, replaceData, scanDocument, type SseEvent, asBytes, type Bytes } from "../../core/index.ts";

const member = ',"usage":null';

/** Matches scalar members up to the end of the document: what is before them is at the top level, too. */
const scalarTail = /^(?:,"\w+":(?:"[^"\\]*"|null|true|false|-?[\d.]+))*\}\s*$/;

/** Returns the bytes of an event without the `"usage":null` at the top level of its data; all other bytes are kept. */
export function withoutNullUsage(event: SseEvent): Bytes {
  const cut = cutNullUsage(event.data);
  return cut === event.data ? event.raw : replaceData(event, asBytes(cut));
}

/** The same for the data without the event's framing. */
export function cutNullUsage(data: string): string {
  const at = data.lastIndexOf(member);
  if (at >= 0) {
    const tail = data.slice(at + member.length);
    if (scalarTail.test(tail)) return data.slice(0, at) + tail;
  }
  return data.includes('"usage"') ? cutScanned(data) : data;
}

function cutScanned(data: string): string {
  let value;
  try {
    value = scanDocument(data, ["usage"]).spans[0];
  } catch {
    return data; // Not JSON, or in a spelling that no client expects: it is passed on unchanged.
  }
  if (value === undefined || !data.startsWith("null", value.start)) return data;
  const { start, end } = memberSpan(data, "usage", value);
  return data.slice(0, start) + data.slice(end);
}
