/**
 * The places of a text by code points, as Python counts them, in UTF-16 units. One pass, for places in order.
 * @returns one unit index for each given index; -1 for those behind the text's end.
 */
export function unitsOfCodePoints(text: string, indexes: readonly number[]): number[] {
  const order = indexes.map((_, at) => at).toSorted((one, other) => indexes[one]! - indexes[other]!);
  const units = Array.from<number>({ length: indexes.length });
  let unit = 0;
  let point = 0;
  for (const at of order) {
    for (; point < indexes[at]! && unit < text.length; point++) unit += text.codePointAt(unit)! > 0xffff ? 2 : 1;
    units[at] = point === indexes[at]! ? unit : -1;
  }
  return units;
}
