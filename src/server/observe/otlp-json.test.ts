import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeSpans } from "./otlp-json.ts";

test("spans are OTLP in JSON: ids in hexadecimal, times and whole numbers as texts, what is not known left out", () => {
  const ids = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
  const span = {
    ...ids,
    parentId: undefined,
    name: "chat m",
    kind: "client",
    startMs: 1_769_000_000_000.5,
    endMs: 1_769_000_000_001,
    error: "broken",
  } as const;
  const attributes = { text: "a", whole: 7, part: 0.5, flag: true, list: ["x", "y"], none: undefined };
  assert.deepEqual(JSON.parse(encodeSpans([{ ...span, attributes }], { "service.name": "s" }, { name: "n", version: "1" })), {
    resourceSpans: [
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: "s" } }] },
        scopeSpans: [
          {
            scope: { name: "n", version: "1" },
            spans: [
              {
                ...ids,
                name: "chat m",
                kind: 3,
                startTimeUnixNano: "1769000000000500000",
                endTimeUnixNano: "1769000000001000000",
                attributes: [
                  { key: "text", value: { stringValue: "a" } },
                  { key: "whole", value: { intValue: "7" } },
                  { key: "part", value: { doubleValue: 0.5 } },
                  { key: "flag", value: { boolValue: true } },
                  { key: "list", value: { arrayValue: { values: [{ stringValue: "x" }, { stringValue: "y" }] } } },
                ],
                status: { code: 2, message: "broken" },
              },
            ],
          },
        ],
      },
    ],
  });
});
