import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  parseSync,
  Visitor,
  type AssignmentTarget,
  type Class,
  type Expression,
  type PropertyKey,
  type TSInterfaceDeclaration,
} from "oxc-parser";
import { isTestFile } from "./test-files.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** An object on which many files write is a notepad: nobody can say who has set what when. */
const mostShared = 8;

/** A class or interface, with the names of its fields that other files can write. */
interface Shape {
  readonly name: string;
  readonly fields: readonly string[];
}

function readShapes(path: string, text: string): readonly Shape[] {
  const shapes: Shape[] = [];
  const add = (node: Class | TSInterfaceDeclaration): void => {
    const fields = node.body.body.flatMap((member) => {
      const isField = member.type === "PropertyDefinition" || member.type === "TSPropertySignature";
      return isField && !member.readonly ? nameOf(member.key) : [];
    });
    shapes.push({ name: node.id?.name ?? "", fields });
  };
  new Visitor({ ClassDeclaration: add, TSInterfaceDeclaration: add }).visit(parseSync(path, text).program);
  return shapes;
}

/** The names of the fields that a file writes, of whatever object. */
function readWritten(path: string, text: string): ReadonlySet<string> {
  const written = new Set<string>();
  const note = (target: AssignmentTarget | Expression): void => {
    if (target.type === "MemberExpression" && target.property.type === "Identifier") written.add(target.property.name);
  };
  new Visitor({
    AssignmentExpression: ({ left }) => note(left),
    UpdateExpression: ({ argument }) => note(argument),
    UnaryExpression: ({ operator, argument }) => (operator === "delete" ? note(argument) : undefined),
  }).visit(parseSync(path, text).program);
  return written;
}

/** A name with `#` is written by its own class alone. */
function nameOf(key: PropertyKey): readonly string[] {
  return key.type === "Identifier" ? [key.name] : [];
}

/** The objects of the gateway with too many fields that more than one file writes. Fields are compared by name: two objects with a field of the same name share its writers. */
function findNotepads(files: Readonly<Record<string, string>>): readonly string[] {
  const all = Object.entries(files);
  const large = all
    .filter(([path, text]) => path.startsWith("src/gateway/") && /\b(?:class|interface)\b/.test(text))
    .flatMap(([path, text]) => readShapes(path, text).map((shape) => ({ ...shape, path })))
    .filter(({ fields }) => fields.length > mostShared);
  const names = large.flatMap(({ fields }) => fields);
  if (names.length === 0) return [];
  const mention = new RegExp(`\\.(?:${names.join("|")})\\b`);
  const written = all.filter(([, text]) => mention.test(text)).map(([path, text]) => readWritten(path, text));
  const isShared = (field: string): boolean => written.filter((fields) => fields.has(field)).length > 1;
  return large
    .map(({ path, name, fields }) => ({ path, name, shared: fields.filter(isShared).length }))
    .filter(({ shared }) => shared > mostShared)
    .map(({ path, name, shared }) => `${path} ${name}: ${shared} fields`);
}

test("no object of the gateway has more than eight fields that more than one file writes", () => {
  const paths = globSync("src/**/*.ts", { cwd: root })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => !isTestFile(path));
  assert.ok(paths.length > 400, `${paths.length} files`);
  const files = Object.fromEntries(paths.map((path) => [path, readFileSync(join(root, path), "utf8")]));
  assert.deepEqual(findNotepads(files), []);
});

test("such an object is found, as an interface and as a class, however its fields are written", () => {
  const names = Array.from({ length: mostShared + 1 }, (_, i) => `field${i}`);
  const fields = names.map((name) => `${name}: number;`).join(" ");
  const first = names.map((name) => `pad.${name} = 1;`).join(" ");
  const [one, two, ...others] = names.map((name) => `pad.${name}`);
  const second = `delete ${one}; ${two}++; ${others.map((each) => `${each} += 1;`).join(" ")}`;
  const planted = (declaration: string, more = second): readonly string[] =>
    findNotepads({ "src/gateway/a.ts": `${declaration} ${first}`, "src/server/b.ts": more });
  assert.deepEqual(planted(`export interface Pad { ${fields} }`), ["src/gateway/a.ts Pad: 9 fields"]);
  assert.deepEqual(planted(`export class Pad { ${fields} }`), ["src/gateway/a.ts Pad: 9 fields"]);
  // One fewer that another file writes; and fields that nobody else can write.
  assert.deepEqual(planted(`export interface Pad { ${fields} }`, second.replace("field8 += 1", "other += 1")), []);
  assert.deepEqual(planted(`export interface Pad { ${names.map((name) => `readonly ${name}: number;`).join(" ")} }`), []);
  assert.deepEqual(planted(`export class Pad { ${names.map((name) => `#${name} = 1;`).join(" ")} }`), []);
});
