import * as fc from "fast-check";

/**
 * Bodies as text, spelt as no printer would: odd white space, needless escapes, `1.0` and integers beyond 2⁵³, keys that come twice. A
 * field that a test fixes is `[key, text of the value]`.
 */
export function jsonBodies(fixed: readonly (readonly [key: string, value: string])[]): fc.Arbitrary<string> {
  const known = fc.tuple(...fixed.map(([key, value]) => space.map((gap) => `"${key}"${gap}:${gap}${value}`)));
  const unknown = fc.array(
    fc.tuple(text, space, value, fc.boolean()).map(([key, gap, spelt, twice]) => {
      const field = `"x_${key.slice(1)}${gap}:${spelt}`;
      return twice ? `${field},${gap}${field}` : field;
    }),
    { maxLength: 4 },
  );
  return fc.tuple(known, unknown, space, fc.infiniteStream(fc.nat())).map(([fields, extra, gap, random]) => {
    const order = [...fields, ...extra].map((field) => ({ field, at: random.next().value as number }));
    const sorted = order.toSorted((a, b) => a.at - b.at).map(({ field }) => field);
    return `${gap}{${gap}${sorted.join(`${gap},`)}${gap}}${gap}`;
  });
}

const space = fc.string({ unit: fc.constantFrom(" ", "\t", "\n", "\r\n"), maxLength: 2 });

const text = fc
  .string({
    unit: fc.constantFrom(
      "a",
      "é",
      "日本",
      "🚀",
      " ",
      "{",
      "}",
      "[",
      ",",
      ":",
      "model",
      "\\u00e9",
      "\\ud83d\\ude80",
      "\\ud800",
      '\\"',
      "\\\\",
      "\\/",
      "\\n",
      "\\u0000",
    ),
    maxLength: 6,
  })
  .map((inner) => `"${inner}"`);

const number = fc.oneof(
  fc.constantFrom("1.0", "-0", "0.10", "1e5", "1E+05", "-1.50e-7", "9007199254740993", "12345678901234567890123", "1e400"),
  fc.integer().map(String),
);

const { value } = fc.letrec<{ value: string; list: string; object: string }>((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, text, number, fc.constantFrom("null", "true", "false"), tie("list"), tie("object")),
  list: fc.tuple(fc.array(tie("value"), { maxLength: 3 }), space).map(([items, gap]) => `[${gap}${items.join(`${gap},${gap}`)}${gap}]`),
  object: fc
    .tuple(fc.array(fc.tuple(fc.oneof(text, fc.constantFrom('"model"', '"stream"', '"usage"')), tie("value")), { maxLength: 3 }), space)
    .map(([fields, gap]) => `{${gap}${fields.map(([key, spelt]) => `${key}${gap}:${spelt}`).join(`,${gap}`)}}`),
}));
