import { elementsOf, latin1OfUtf8, memberIn, sealMark, type Edit, type Span, noBytes } from "../../core/index.ts";

/** Appends a note to a string, or as a part of its own to a list of parts. */
export function noteBehind(text: string, value: Span | undefined, note: string, type: string): Edit | undefined {
  if (value === undefined) return undefined;
  const at = value.end - 1;
  if (text[value.start] === '"') return { start: at, end: at, text: latin1OfUtf8(JSON.stringify(`\n\n${note}`).slice(1, -1)) };
  if (text[value.start] !== "[") return undefined;
  const comma = elementsOf(text, value).length === 0 ? "" : ",";
  return { start: at, end: at, text: latin1OfUtf8(comma + JSON.stringify({ type, text: note })) };
}

/** Adds a note as a member of an object. */
export function noteAsMember(text: string, object: Span | undefined, note: string): Edit | undefined {
  if (object === undefined || text[object.start] !== "{") return undefined;
  const at = object.end - 1;
  const comma = text.slice(object.start + 1, at).trim() === "" ? "" : ",";
  return { start: at, end: at, text: latin1OfUtf8(comma + JSON.stringify({ note }).slice(1, -1)) };
}

/** Whether a member of an object is a seal of the gateway's. */
export function hasSeal(text: string, object: Span | undefined, key: string): boolean {
  const value = memberIn(text, object, key);
  return value !== undefined && isSeal(text, value);
}

export function isSeal(text: string, value: Span): boolean {
  return text.startsWith(`"${sealMark}`, value.start);
}

/** The edits of an array's elements; an element is removed with the comma beside it. */
export function editsOf(text: string, array: Span | undefined, plan: (element: Span) => readonly Edit[] | "remove"): readonly Edit[] {
  const elements = elementsOf(text, array);
  const edits: Edit[] = [];
  let removedFrom: number | undefined;
  elements.forEach((element, index) => {
    const planned = plan(element);
    if (planned === "remove") {
      removedFrom ??= index;
      return;
    }
    if (removedFrom !== undefined) edits.push({ start: elements[removedFrom]!.start, end: element.start, text: noBytes });
    removedFrom = undefined;
    edits.push(...planned);
  });
  if (removedFrom !== undefined) {
    const before = elements[removedFrom - 1]?.end ?? elements[removedFrom]!.start;
    edits.push({ start: before, end: elements.at(-1)!.end, text: noBytes });
  }
  return edits;
}
