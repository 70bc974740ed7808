import * as fc from "fast-check";

/**
 * Texts of any characters, with NUL and halves of surrogate pairs among them. As `fc.string({ unit: "binary" })`, which first computes two seconds for a table of
 * all characters.
 */
export function anyText(maxLength: number): fc.Arbitrary<string> {
  const ascii = fc.integer({ min: 0, max: 0x7f });
  const twoBytes = fc.integer({ min: 0, max: 0xffff });
  const any = fc.integer({ min: 0, max: 0x10_ffff });
  return fc.array(fc.oneof(ascii, twoBytes, any), { maxLength }).map((points) => String.fromCodePoint(...points));
}
