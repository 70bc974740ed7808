import { scanDocument, skipSpace, type SseEvent } from "../../core/index.ts";

const member = ',"usage":null';

/** Scalar members up to the end of the document: what stands before them stands at the top level, too. */
const scalarTail = /^(?:,"\w+":(?:"[^"\\]*"|null|true|false|-?[\d.]+))*\}\s*$/;

/** The bytes of an event without the `"usage":null` at the top level of its data; all other bytes stay as they are. */
export function withoutNullUsage(event: SseEvent): string {
  const { data, raw } = event;
  const cut = cutNullUsage(data);
  if (cut === data) return raw;
  const at = raw.indexOf(data);
  if (at >= 0) return raw.slice(0, at) + cut + raw.slice(at + data.length);
  // The data came in several lines.
  const name = event.name === "" ? "" : `event: ${event.name}\n`;
  return `${name}${cut.replaceAll(/^/gm, "data: ")}\n\n`;
}

/** The same for the data alone. */
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
    return data; // No JSON, or spelt in a manner that no client expects: it passes as it is.
  }
  if (value === undefined || !data.startsWith("null", value.start)) return data;
  const colon = skipSpaceBack(data, value.start - 1);
  const keyStart = skipSpaceBack(data, colon - 1) - '"usage"'.length + 1;
  const before = skipSpaceBack(data, keyStart - 1);
  if (data[before] === ",") return data.slice(0, before) + data.slice(value.end);
  const after = skipSpace(data, value.end);
  return data.slice(0, keyStart) + data.slice(data[after] === "," ? after + 1 : value.end);
}

/** Offset of the last character at or before `at` that is not JSON white space. */
function skipSpaceBack(text: string, at: number): number {
  while (at > 0 && " \n\r\t".includes(text.charAt(at))) at--;
  return at;
}
