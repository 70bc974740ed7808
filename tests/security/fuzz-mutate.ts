/** Numbers from 0 to 1. */
export type Random = () => number;

/** A JSON document whose numbers and names are as written: members are a list, so that one may occur twice. */
export type Node =
  | { readonly kind: "raw"; readonly text: string }
  | { readonly kind: "list"; readonly items: Node[] }
  | { readonly kind: "map"; readonly members: (readonly [name: string, value: Node])[] };

export function nodeOf(value: unknown): Node {
  if (Array.isArray(value)) return { kind: "list", items: value.map(nodeOf) };
  if (typeof value === "object" && value !== null)
    return { kind: "map", members: Object.entries(value).map(([name, item]) => [name, nodeOf(item)]) };
  return { kind: "raw", text: JSON.stringify(value) };
}

export function printNode(node: Node): string {
  switch (node.kind) {
    case "raw":
      return node.text;
    case "list":
      return `[${node.items.map(printNode).join(",")}]`;
    case "map":
      return `{${node.members.map(([name, value]) => `${JSON.stringify(name)}:${printNode(value)}`).join(",")}}`;
  }
}

/** Values that code may not expect, as they are written. */
const oddValues: readonly string[] = [
  "null",
  "true",
  "false",
  "0",
  "-0",
  "-1",
  "1.5",
  "1e308",
  "1e400",
  "-1e400",
  "9007199254740993",
  "123456789012345678901234567890",
  '""',
  '" "',
  '"x"',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\\u0000"',
  '"__proto__"',
  '"constructor"',
  '"toString"',
  '"NaN"',
  '"2026-13-45T99:99:99Z"',
  '"data:image/png;base64,AAAA"',
  '"data:;base64,"',
  '"data:image/png;base64,%%%"',
  '"https://example.invalid/a.png"',
  '"../../../../etc/passwd"',
  '"{\\"a\\":1"',
  '"{\\"__proto__\\":{\\"polluted\\":true}}"',
  `"${"long ".repeat(2000)}"`,
  "[]",
  "{}",
  "[null]",
  "[[[[[[[[[]]]]]]]]]",
  `[${"0,".repeat(300)}0]`,
  `${"[".repeat(200)}${"]".repeat(200)}`,
  `${'{"a":'.repeat(200)}1${"}".repeat(200)}`,
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"toString":1,"valueOf":1,"hasOwnProperty":1,"then":1,"length":-1}',
  '{"type":"text"}',
  '{"type":"item_reference","id":"msg_2"}',
  '{"id":"msg_01a224f2-bea7-7000-8801-06eeb4707208_in0"}',
  '"resp_01a224f2-bea7-7000-8801-06eeb4707208"',
  '{"type":"object","properties":{"__proto__":{"type":"string"}}}',
  '{"$ref":"#"}',
  '{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/a"}}}',
];

const oddNames: readonly string[] = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "then",
  "length",
  "",
  "0",
  "type",
  "role",
  "content",
  "text",
  "id",
  "name",
  "model",
  "stream",
  "input",
  "index",
];

/** What breaks JSON itself. */
const oddTexts: readonly string[] = [
  "\0",
  "\u0001",
  "NaN",
  "-",
  ",",
  ":",
  "{",
  "}",
  "[",
  "]",
  '"',
  "\\",
  "\\u12",
  "1e400",
  "'",
  "//",
  "\ufeff",
  "\ud800",
  "\xff",
];

interface Place {
  readonly parent: Node & { readonly kind: "list" | "map" };
  readonly index: number;
}

function placesIn(node: Node, found: Place[] = []): Place[] {
  if (node.kind === "raw") return found;
  const children = node.kind === "list" ? node.items : node.members.map(([, value]) => value);
  for (const [index, child] of children.entries()) {
    found.push({ parent: node, index });
    placesIn(child, found);
  }
  return found;
}

function valueAt({ parent, index }: Place): Node {
  return parent.kind === "list" ? parent.items[index]! : parent.members[index]![1];
}

function put({ parent, index }: Place, value: Node): void {
  if (parent.kind === "list") parent.items[index] = value;
  else parent.members[index] = [parent.members[index]![0], value];
}

/** Changes a document in one to four places, and now and then its text. @param others whose parts are put into it. */
export function mutate(seed: unknown, others: readonly unknown[], random: Random): string {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const root = nodeOf(seed);
  const changes = 1 + Math.floor(random() * 4);
  for (let change = 0; change < changes; change++) {
    const places = placesIn(root);
    if (places.length === 0) break;
    changeAt(pick(places), () => pick(placesIn(nodeOf(pick(others)))), random);
  }
  const text = printNode(root);
  return random() < 0.1 ? changeText(text, random) : text;
}

function changeAt(place: Place, pickOther: () => Place | undefined, random: Random): void {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const { parent, index } = place;
  const chance = random();
  if (chance < 0.4) {
    put(place, { kind: "raw", text: pick(oddValues) });
  } else if (chance < 0.55) {
    const other = pickOther();
    if (other !== undefined) put(place, valueAt(other));
  } else if (chance < 0.65) {
    if (parent.kind === "list") parent.items.splice(index, 1);
    else parent.members.splice(index, 1);
  } else if (chance < 0.75 && parent.kind === "map") {
    parent.members[index] = [pick(oddNames), valueAt(place)];
  } else if (chance < 0.85 && parent.kind === "map") {
    parent.members.push([pick(oddNames), { kind: "raw", text: pick(oddValues) }]);
  } else if (chance < 0.92) {
    if (parent.kind === "list") parent.items.push(valueAt(place), valueAt(place));
    else parent.members.push([parent.members[index]![0], valueAt(place)]);
  } else if (chance < 0.96) {
    put(place, { kind: "list", items: [valueAt(place)] });
  } else {
    put(place, { kind: "map", members: [[pick(oddNames), valueAt(place)]] });
  }
}

function changeText(text: string, random: Random): string {
  const at = Math.floor(random() * text.length);
  const length = Math.floor(random() * 20);
  const odd = oddTexts[Math.floor(random() * oddTexts.length)]!;
  switch (Math.floor(random() * 4)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(at + length);
    case 2:
      return text.slice(0, at) + odd + text.slice(at);
    default:
      return text.slice(0, at) + odd + text.slice(at + 1);
  }
}
