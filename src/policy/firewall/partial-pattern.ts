/** One part of a pattern that is not a structure of it: a class, an escape, or a plain character. */
const atom =
  /^(?:\[\^?\]?(?:\[:\^?\w+:\]|\\[^]|[^\]\\])*\]|\\[pP](?:\{[^}]*\}|[^])|\\x(?:\{[^}]*\}|[\da-fA-F]{2})|\\\d{1,3}|\\[^]|[\ud800-\udbff][\udc00-\udfff]|[^])/;
const opening = /^\((?:\?(?:P?<\w+>|[a-zA-Z-]*[:)]))?/;
const quantifier = /^(?:[*+?]|\{\d+(?:,\d*)?\})\??/;
const quoted = /^\\Q([^]*?)(?:\\E|$)/;

/**
 * A pattern for the beginnings of what `pattern` matches that the end of the text cuts off: each of its atoms may also be the end of the text.
 * @param end how the end of a text is written: `$`, or `\z` in RE2.
 */
export function partialPattern(pattern: string, end: "$" | "\\z"): string {
  let partial = "";
  for (let rest = pattern; rest !== "";) {
    const quote = quoted.exec(rest);
    if (quote !== null) {
      for (const character of quote[1]!) partial += orEnd(character.replace(/[^\w\s]/, String.raw`\$&`), end);
      rest = rest.slice(quote[0].length);
      continue;
    }
    const [structure] = opening.exec(rest) ?? /^[)|^$]/.exec(rest) ?? quantifier.exec(rest) ?? [];
    if (structure !== undefined) {
      partial += structure;
      rest = rest.slice(structure.length);
      continue;
    }
    const part = atom.exec(rest)![0];
    partial += /^\\[AzZ]$/.test(part) ? part : orEnd(part, end);
    rest = rest.slice(part.length);
  }
  return `(?:${partial})${end}`;
}

function orEnd(part: string, end: string): string {
  return `(?:${part}|${end})`;
}
