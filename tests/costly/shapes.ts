import type { Protocol } from "../testbed/scenario.ts";

/** One way to make a body costly: `build` repeats its piece `count` times, with `filler` in every string of the piece. The body is JSON text. */
export interface Shape {
  readonly name: string;
  readonly build: (count: number, filler: string) => string;
}

/** What the shapes of a dialect are made of; every function gives JSON text. */
interface Words {
  /** A body with these messages and, behind them, these further members. */
  readonly body: (messages: string, more?: string) => string;
  readonly user: (text: string) => string;
  readonly assistant: (text: string) => string;
  readonly system: (text: string) => string;
  readonly parts: (parts: string) => string;
  readonly part: (text: string) => string;
  readonly media: (base64: string) => string;
  readonly tool: (name: string, schema: string) => string;
  readonly tools: (tools: string) => string;
  /** The assistant's turn with one call. `args`: JSON text of an object. */
  readonly call: (id: string, name: string, args: string) => string;
  readonly result: (id: string, name: string, text: string) => string;
  readonly sealed: (seal: string) => string;
  readonly stops: (stops: string) => string;
  readonly schemaOfAnswer: (schema: string) => string;
  readonly allowed: (names: readonly string[]) => string;
}

const list = (count: number, piece: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => piece(index)).join(",");
const text = (value: string): string => JSON.stringify(value);
const hi = (words: Words): string => words.user('"hi"');

const chat: Words = {
  body: (messages, more = "") => `{"model":"MODEL","messages":[${messages}]${more}}`,
  user: (content) => `{"role":"user","content":${content}}`,
  assistant: (content) => `{"role":"assistant","content":${content}}`,
  system: (content) => `{"role":"system","content":${content}}`,
  parts: (parts) => `{"role":"user","content":[${parts}]}`,
  part: (content) => `{"type":"text","text":${content}}`,
  media: (base64) => `{"type":"image_url","image_url":{"url":"data:image/png;base64,${base64}"}}`,
  tool: (name, schema) => `{"type":"function","function":{"name":${text(name)},"parameters":${schema}}}`,
  tools: (tools) => `,"tools":[${tools}]`,
  call: (id, name, args) =>
    `{"role":"assistant","tool_calls":[{"id":${text(id)},"type":"function","function":{"name":${text(name)},"arguments":${text(args)}}}]}`,
  result: (id, _name, content) => `{"role":"tool","tool_call_id":${text(id)},"content":${content}}`,
  sealed: (seal) =>
    `{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":${text(seal)}}}}]}`,
  stops: (stops) => `,"stop":[${stops}]`,
  schemaOfAnswer: (schema) => `,"response_format":{"type":"json_schema","json_schema":{"name":"a","strict":true,"schema":${schema}}}`,
  allowed: (names) =>
    `,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[${names.map((name) => `{"type":"function","function":{"name":${text(name)}}}`).join(",")}]}}`,
};

const responses: Words = {
  body: (items, more = "") => `{"model":"MODEL","store":false,"input":[${items}]${more}}`,
  user: (content) => `{"role":"user","content":${content}}`,
  assistant: (content) => `{"type":"message","role":"assistant","content":[{"type":"output_text","text":${content}}]}`,
  system: (content) => `{"role":"developer","content":${content}}`,
  parts: (parts) => `{"role":"user","content":[${parts}]}`,
  part: (content) => `{"type":"input_text","text":${content}}`,
  media: (base64) => `{"type":"input_image","image_url":"data:image/png;base64,${base64}"}`,
  tool: (name, schema) => `{"type":"function","name":${text(name)},"parameters":${schema}}`,
  tools: (tools) => `,"tools":[${tools}]`,
  call: (id, name, args) => `{"type":"function_call","call_id":${text(id)},"name":${text(name)},"arguments":${text(args)}}`,
  result: (id, _name, content) => `{"type":"function_call_output","call_id":${text(id)},"output":${content}}`,
  sealed: (seal) => `{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":${text(seal)}}`,
  stops: () => "",
  schemaOfAnswer: (schema) => `,"text":{"format":{"type":"json_schema","name":"a","strict":true,"schema":${schema}}}`,
  allowed: (names) =>
    `,"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[${names.map((name) => `{"type":"function","name":${text(name)}}`).join(",")}]}`,
};

const anthropic: Words = {
  body: (messages, more = "") => `{"model":"MODEL","max_tokens":9,"messages":[${messages}]${more}}`,
  user: (content) => `{"role":"user","content":${content}}`,
  assistant: (content) => `{"role":"assistant","content":${content}}`,
  system: (content) => `{"role":"system","content":${content}}`,
  parts: (parts) => `{"role":"user","content":[${parts}]}`,
  part: (content) => `{"type":"text","text":${content}}`,
  media: (base64) => `{"type":"image","source":{"type":"base64","media_type":"image/png","data":"${base64}"}}`,
  tool: (name, schema) => `{"name":${text(name)},"input_schema":${schema}}`,
  tools: (tools) => `,"tools":[${tools}]`,
  call: (id, name, args) => `{"role":"assistant","content":[{"type":"tool_use","id":${text(id)},"name":${text(name)},"input":${args}}]}`,
  result: (id, _name, content) => `{"role":"user","content":[{"type":"tool_result","tool_use_id":${text(id)},"content":${content}}]}`,
  sealed: (seal) =>
    `{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":${text(seal)}},{"type":"text","text":"a"}]}`,
  stops: (stops) => `,"stop_sequences":[${stops}]`,
  schemaOfAnswer: (schema) => `,"output_config":{"format":{"type":"json_schema","schema":${schema}}}`,
  allowed: () => "",
};

const gemini: Words = {
  body: (contents, more = "") => `{"contents":[${contents}]${more}}`,
  user: (content) => `{"role":"user","parts":[{"text":${content}}]}`,
  assistant: (content) => `{"role":"model","parts":[{"text":${content}}]}`,
  system: (content) => `{"role":"user","parts":[{"text":${content}}]}`,
  parts: (parts) => `{"role":"user","parts":[${parts}]}`,
  part: (content) => `{"text":${content}}`,
  media: (base64) => `{"inlineData":{"mimeType":"image/png","data":"${base64}"}}`,
  tool: (name, schema) => `{"name":${text(name)},"parametersJsonSchema":${schema}}`,
  tools: (tools) => `,"tools":[{"functionDeclarations":[${tools}]}]`,
  call: (id, name, args) => `{"role":"model","parts":[{"functionCall":{"id":${text(id)},"name":${text(name)},"args":${args}}}]}`,
  result: (id, name, content) =>
    `{"role":"user","parts":[{"functionResponse":{"id":${text(id)},"name":${text(name)},"response":{"output":${content}}}}]}`,
  sealed: (seal) => `{"role":"model","parts":[{"functionCall":{"id":"c","name":"f","args":{}},"thoughtSignature":${text(seal)}}]}`,
  stops: (stops) => `,"generationConfig":{"stopSequences":[${stops}]}`,
  schemaOfAnswer: (schema) => `,"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":${schema}}`,
  allowed: (names) => `,"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":[${names.map(text).join(",")}]}}`,
};

const wordsOf: Readonly<Record<Protocol, Words>> = {
  "openai-chat": chat,
  "openai-responses": responses,
  "anthropic-messages": anthropic,
  "gemini-generate": gemini,
};

const sealedText = (filler: string): string => `tokligence01 ${"A".repeat(60)}${filler}`;
const object = '{"type":"object","properties":{}}';
const depth = 400;

/** A chain of objects, each in the other. */
function nested(levels: number): string {
  return `${'{"type":"object","properties":{"a":'.repeat(levels)}{"type":"string"}${"}}".repeat(levels)}`;
}

function schemaShapes(words: Words): readonly Shape[] {
  const both = (name: string, schema: (count: number, filler: string) => string): Shape[] => [
    { name: `tool's schema: ${name}`, build: (n, f) => words.body(hi(words), words.tools(words.tool("f", schema(n, f)))) },
    { name: `answer's schema: ${name}`, build: (n, f) => words.body(hi(words), words.schemaOfAnswer(schema(n, f))) },
  ];
  const properties = (piece: (index: number) => string, n: number): string =>
    `{"type":"object","properties":{${list(n, (i) => `"p${i}":${piece(i)}`)}}`;
  return [
    ...both("wide", (n, f) => `${properties(() => `{"type":"string","description":${text(f)}}`, n)}}`),
    ...both("bounds", (n) => `${properties(() => '{"type":"integer","minimum":1,"maximum":5,"multipleOf":2,"x-y":1}', n)}}`),
    ...both("deep", (n) => `${properties(() => nested(depth), Math.max(1, Math.floor(n / depth)))}}`),
    ...both("enum", (n, f) => `${properties(() => `{"enum":[${list(n, (i) => text(`${i}${f}`))}]}`, 1)}}`),
    ...both("allOf", (n) => `{"type":"object","allOf":[${list(n, (i) => `{"properties":{"p${i}":{}},"required":["p${i}"]}`)}]}`),
    ...both("allOf, same", (n, f) => `{"type":"object","title":${text(f + f)},"allOf":[${list(n, () => `{"type":"object"}`)}]}`),
    ...both("allOf in allOf", (n) => {
      const levels = Math.min(300, Math.max(1, Math.floor(n / 100)));
      const wide = list(Math.max(1, Math.floor(n / levels)), (i) => `"q${i}":{}`);
      return `${'{"allOf":['.repeat(levels)}{"properties":{${wide}}}${"]}".repeat(levels)}`;
    }),
    ...both(
      "$defs",
      (n) =>
        `{"type":"object","properties":{"a":{"$ref":"#/$defs/d0"}},"$defs":{${list(n, (i) => `"d${i}":{"$ref":"#/$defs/d${i + 1}"}`)}}}`,
    ),
    ...both("$refs to one", (n) => `${properties(() => '{"$ref":"#/$defs/d","description":"x"}', n)},"$defs":{"d":${nested(20)}}}`),
    ...both("$refs, doubling", (n) => {
      const defs = Math.min(n, 60);
      const rest = properties(() => "{}", Math.max(0, n - defs));
      return `${rest},"$defs":{${list(defs, (i) => `"d${i}":{"type":"object","properties":{"l":{"$ref":"#/$defs/d${i + 1}"},"r":{"$ref":"#/$defs/d${i + 1}"}}}`)}},"additionalProperties":{"$ref":"#/$defs/d0"}}`;
    }),
    ...both("anyOf", (n) => `{"type":"object","properties":{"a":{"anyOf":[${list(n, (i) => `{"type":"string","const":"c${i}"}`)}]}}}`),
    ...both("required", (n) => `${properties(() => "{}", Math.floor(n / 2))},"required":[${list(Math.ceil(n / 2), (i) => `"p${i}"`)}]}`),
    ...both("types", (n) => `${properties(() => '{"type":["string","null","integer"],"nullable":true}', n)}}`),
  ];
}

function toolShapes(words: Words): readonly Shape[] {
  const tools = (n: number, name: (index: number) => string, schema = object): string =>
    words.tools(list(n, (i) => words.tool(name(i), schema)));
  return [
    {
      name: "tools",
      build: (n, f) =>
        words.body(
          hi(words),
          tools(n, (i) => `f${i}${f}`),
        ),
    },
    {
      name: "tools without a schema",
      build: (n, f) =>
        words.body(
          hi(words),
          tools(n, (i) => `f${i}${f}`, "{}"),
        ),
    },
    {
      name: "tools of one name",
      build: (n, f) =>
        words.body(
          hi(words),
          tools(n, () => `f${f}`),
        ),
    },
    {
      name: "tools with long names",
      build: (n) =>
        words.body(
          hi(words),
          tools(n, (i) => `${"é ".repeat(50)}${i}`),
        ),
    },
    {
      name: "allowed tools",
      build: (n, f) => {
        const half = Math.ceil(n / 2);
        return words.body(
          hi(words),
          tools(half, (i) => `f${i}${f}`, "{}") + words.allowed(Array.from({ length: half }, (_, i) => `g${i}`)),
        );
      },
    },
    {
      name: "allowed tools that are there",
      build: (n) => {
        const half = Math.ceil(n / 2);
        const names = Array.from({ length: half }, (_, i) => `f${half - 1 - i}`);
        return words.body(hi(words), tools(half, (i) => `f${i}`, "{}") + words.allowed(names));
      },
    },
    {
      name: "calls and results",
      build: (n, f) => words.body(list(n, (i) => `${words.call(`c${i}`, "f", "{}")},${words.result(`c${i}`, "f", text(f))}`)),
    },
    {
      name: "calls, then results",
      build: (n, f) =>
        words.body(`${list(n, (i) => words.call(`c${i}`, "f", "{}"))},${list(n, (i) => words.result(`c${i}`, "f", text(f)))}`),
    },
    {
      name: "calls of one id, then results",
      build: (n, f) => words.body(`${list(n, () => words.call("c", "f", "{}"))},${list(n, () => words.result("c", "f", text(f)))}`),
    },
    { name: "calls of many names", build: (n, f) => words.body(list(n, (i) => words.call(`c${i}`, `f${i}.${f}`, "{}"))) },
    { name: "results without calls", build: (n, f) => words.body(`${hi(words)},${list(n, (i) => words.result(`c${i}`, "f", text(f)))}`) },
    {
      name: "arguments: wide",
      build: (n, f) => words.body(words.call("c", "f", `{${list(n, (i) => `"a${i}":${text(f)}`)}}`)),
    },
    { name: "arguments: numbers", build: (n) => words.body(words.call("c", "f", `{"a":[${list(n, (i) => `${i % 10}`)}]}`)) },
    { name: "arguments: exact numbers", build: (n) => words.body(words.call("c", "f", `{"a":[${list(n, () => "1.0")}]}`)) },
    {
      name: "arguments: deep",
      build: (n) => words.body(words.call("c", "f", `{"a":[${list(Math.ceil(n / depth), () => "[".repeat(depth) + "]".repeat(depth))}]}`)),
    },
    {
      name: "results: JSON of numbers",
      build: (n) => words.body(`${words.call("c", "f", "{}")},${words.result("c", "f", text(`{"a":[${list(n, () => "1")}]}`))}`),
    },
    {
      name: "one call that repeats itself",
      build: (n, f) => words.body(list(n, () => `${words.call("c", "f", `{"a":${text(f)}}`)},${words.result("c", "f", text(f))}`)),
    },
    { name: "seals", build: (n, f) => words.body(`${hi(words)},${list(n, () => words.sealed(sealedText(f)))}`) },
  ];
}

function textShapes(words: Words): readonly Shape[] {
  return [
    { name: "users", build: (n, f) => words.body(list(n, () => words.user(text(f)))) },
    { name: "turns", build: (n, f) => words.body(list(n, (i) => (i % 2 === 0 ? words.user(text(f)) : words.assistant(text(f))))) },
    { name: "instructions", build: (n, f) => words.body(`${list(n, () => words.system(text(f)))},${hi(words)}`) },
    { name: "late instructions", build: (n, f) => words.body(`${hi(words)},${list(n, () => words.system(text(f)))}`) },
    { name: "parts", build: (n, f) => words.body(words.parts(list(n, () => words.part(text(f))))) },
    {
      name: "media",
      build: (n, f) => words.body(words.parts(list(n, () => words.media("iVBORw0KGgo=".repeat(1 + Math.floor(f.length / 12)))))),
    },
    { name: "stops", build: (n, f) => words.body(hi(words), words.stops(list(n, (i) => text(`${i}${f}`)))) },
    { name: "escaped text", build: (n) => words.body(words.user(`"${"\\u00e9\\n".repeat(n)}"`)) },
    { name: "quotes in text", build: (n) => words.body(words.user(`"${'\\"'.repeat(n)}"`)) },
    { name: "accents in text", build: (n) => words.body(words.user(`"${"é ".repeat(n)}"`)) },
    { name: "backslashes in text", build: (n) => words.body(words.user(`"${"\\\\".repeat(n)}"`)) },
    { name: "spaces", build: (n) => words.body(hi(words), `,"user":"u"${" ".repeat(n)}`) },
  ];
}

function fieldShapes(words: Words): readonly Shape[] {
  const more = (members: string): string => words.body(hi(words), `,${members}`);
  return [
    { name: "unknown fields", build: (n, f) => more(list(n, (i) => `"x${i}":${text(`1${f}`)}`)) },
    { name: "unknown fields with escapes", build: (n) => more(list(n, (i) => `"\\u0078${i}":1`)) },
    { name: "unknown fields of numbered names", build: (n) => more(list(n, (i) => `"${i}":1`)) },
    { name: "unknown objects", build: (n) => more(list(n, (i) => `"x${i}":{"a":1}`)) },
    { name: "numbers", build: (n) => more(`"x":[${list(n, () => "1")}]`) },
    { name: "long numbers", build: (n) => more(`"x":[${list(n, () => "1.2345678901234567e-300")}]`) },
    { name: "empty objects", build: (n) => more(`"x":[${list(n, () => "{}")}]`) },
    { name: "objects of other shapes", build: (n) => more(`"x":[${list(n, (i) => `{"k${i}":1}`)}]`) },
    { name: "metadata", build: (n, f) => more(`"metadata":{${list(n, (i) => `"k${i}":${text(f)}`)}}`) },
    { name: "metadata of numbered names", build: (n) => more(`"metadata":{${list(n, (i) => `"${i}":"v"`)}}`) },
    { name: "logit_bias", build: (n) => more(`"logit_bias":{${list(n, (i) => `"${i}":1`)}}`) },
    { name: "labels", build: (n, f) => more(`"labels":{${list(n, (i) => `"k${i}":${text(f)}`)}}`) },
    { name: "safetySettings", build: (n) => more(`"safetySettings":[${list(n, (i) => `{"category":"c${i}","threshold":"t"}`)}]`) },
    { name: "include", build: (n, f) => more(`"include":[${list(n, (i) => text(`i${i}${f}`))}]`) },
    { name: "modalities", build: (n) => more(`"modalities":[${list(n, () => '"text"')}]`) },
    { name: "server tools", build: (n) => more(`"tools":[${list(n, (i) => `{"type":"web_search_${i}","name":"w${i}","x":{"y":1}}`)}]`) },
    {
      name: "unknown fields of messages",
      build: (n) => words.body(list(n, (i) => words.user('"a"').replace("{", `{"m${i}":1,`))),
    },
    {
      name: "unknown fields of one message",
      build: (n) => words.body(words.user('"a"').replace("{", `{${list(n, (i) => `"m${i}":1`)},`)),
    },
    {
      name: "unknown fields of a part",
      build: (n) => words.body(words.parts(words.part('"a"').replace("{", `{${list(n, (i) => `"m${i}":1`)},`))),
    },
    {
      name: "unknown items",
      build: (n) => words.body(list(n, (i) => `{"type":"thing${i}","role":"user","parts":[{"thing":{}}],"content":[{"type":"t${i}"}]}`)),
    },
  ];
}

/** All shapes of a dialect. `MODEL` in a body stands for the model's name. */
export function shapesOf(dialect: Protocol): readonly Shape[] {
  const words = wordsOf[dialect];
  return [...fieldShapes(words), ...textShapes(words), ...toolShapes(words), ...schemaShapes(words)];
}
