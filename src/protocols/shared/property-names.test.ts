import assert from "node:assert/strict";
import { test } from "node:test";
import { PropertyNamer, type PropertyNameRules } from "./property-names.ts";

const rules: PropertyNameRules = { accepted: /^[a-zA-Z0-9_.-]{1,64}$/, forbidden: /[^a-zA-Z0-9_.-]/g };
const long = "l".repeat(70);

test("names that a wire refuses are changed wherever a schema names them, and come back (report 401)", () => {
  const namer = new PropertyNamer(rules);
  const schema = {
    type: "object",
    properties: {
      $top: { type: "integer", description: "How many." },
      [long]: { $ref: "#/$defs/P/properties/filter[id]" },
      "filter~1id": true,
      ok: { anyOf: [{ type: "object", properties: { $top: {} }, required: ["$top"] }, { type: "null" }], default: { $top: 1 } },
    },
    required: ["$top", "ok"],
    dependentRequired: { $top: [long] },
    $defs: { P: { type: "object", properties: { "filter[id]": {}, filter_id_: {} }, additionalProperties: false } },
  };
  const rule = { anyOf: [{ required: ["filter[id]"] }] };
  const renamed = namer.rename("t", { schema, rule });
  const shortened = Object.keys(renamed.schema["properties"] as object)[1]!;
  assert.match(shortened, /^l{55}_[0-9a-f]{8}$/);
  const bracket = Object.keys((renamed.schema["$defs"] as { P: { properties: object } }).P.properties)[0]!;
  assert.match(bracket, /^filter_id__[0-9a-f]{8}$/);
  assert.deepEqual(renamed, {
    schema: {
      type: "object",
      properties: {
        _top: { type: "integer", description: '"$top": How many.' },
        [shortened]: { $ref: `#/$defs/P/properties/${bracket}`, description: `"${long}"` },
        filter_1id: true,
        ok: {
          anyOf: [{ type: "object", properties: { _top: { description: '"$top"' } }, required: ["_top"] }, { type: "null" }],
          default: { _top: 1 },
        },
      },
      required: ["_top", "ok"],
      dependentRequired: { _top: [shortened] },
      $defs: {
        P: { type: "object", properties: { [bracket]: { description: '"filter[id]"' }, filter_id_: {} }, additionalProperties: false },
      },
    },
    rule: { anyOf: [{ required: [bracket] }] },
  });
  const sent = namer.renameArguments("t", '{"$top":1.0,"filter[id]":"$top"}');
  assert.equal(sent, `{"_top":1.0,"${bracket}":"$top"}`);
  const identity = namer.addTo(undefined)?.get("t");
  assert.deepEqual(
    [identity?.name, identity?.kind, identity?.properties?.get("_top"), identity?.properties?.get(bracket)],
    ["t", "function", "$top", "filter[id]"],
  );
});

test("a schema whose names fit is not copied", () => {
  const namer = new PropertyNamer(rules);
  const merged = { schema: { type: "object", properties: { a: { enum: ["$x"] }, properties: { type: "string" } } }, rule: undefined };
  assert.equal(namer.rename("t", merged), merged);
  assert.equal(namer.addTo(undefined), undefined);
  assert.equal(namer.renameArguments("t", '{"$x":1}'), '{"$x":1}');
});

test("beside keys of the model's own, a name has a hash", () => {
  const namer = new PropertyNamer(rules);
  const free = { type: "object", properties: { "a b": {}, data: { type: "object" } } };
  const { schema } = namer.rename("t", { schema: free, rule: undefined });
  assert.match(Object.keys(schema["properties"] as object)[0]!, /^a_b_[0-9a-f]{8}$/);
});

test("names without a letter that a wire accepts stay different", () => {
  const namer = new PropertyNamer({ accepted: /^[a-zA-Z_][a-zA-Z0-9_]{0,63}$/, forbidden: /[^a-zA-Z0-9_]/g, begins: /^[a-zA-Z_]/ });
  const given = { type: "object", properties: { 都市: {}, 国々: {}, "": {}, "2nd": {}, "a-b": {} }, required: ["国々"] };
  const { schema } = namer.rename("t", { schema: given, rule: undefined });
  const names = Object.keys(schema["properties"] as object);
  assert.equal(new Set(names).size, 5);
  for (const name of names) assert.match(name, /^[a-zA-Z_][a-zA-Z0-9_]{0,63}$/);
  assert.deepEqual(schema["required"], [names[1]]);
});
