import { readFileSync, writeFileSync } from "node:fs";
import { packages, protocolFolders, rooms } from "./rooms.ts";

/**
 * Writes `.oxlintrc.json`: the rules, and the borders between rooms from the table in `rooms.ts`. `--check` fails when the file is not what it
 * would write.
 */
const file = new URL("../.oxlintrc.json", import.meta.url);

interface Pattern {
  readonly regex: string;
  readonly message: string;
}

/** A room is entered through its index: `../room/index.ts`, from any depth. */
function roomBorders(room: string): Pattern[] {
  const patterns: Pattern[] = [];
  for (const other of Object.keys(rooms)) {
    if (other === room) continue;
    if (rooms[room]!.includes(other)) {
      // No look-ahead in this engine: a folder below, or a file whose name does not begin with "ind".
      patterns.push({
        regex: `^(?:\\.\\./)+${other}/(?:[^/]+/.*|[^i/][^/]*|i[^n/][^/]*|in[^d/][^/]*)$`,
        message: `Enter the room "${other}" through its index.ts.`,
      });
    } else {
      patterns.push({ regex: `^(?:\\.\\./)+${other}/`, message: `"${room}" must not import "${other}" (scripts/rooms.ts).` });
    }
  }
  for (const [name, allowed] of Object.entries(packages)) {
    if (!allowed.includes(room))
      patterns.push({ regex: `^${name}(?:/|$)`, message: `Only ${allowed.join(", ")} may import "${name}" (scripts/rooms.ts).` });
  }
  return patterns;
}

function folderBorders(folder: string): Pattern[] {
  const allowed = protocolFolders[folder]!;
  const siblings = Object.keys(protocolFolders).filter((other) => other !== folder && !allowed.includes(other));
  return siblings.map((other) => ({ regex: `/${other}/`, message: `A protocol must not import its sibling "${other}".` }));
}

const restrict = (patterns: readonly Pattern[]): object => ({ "no-restricted-imports": ["error", { patterns }] });

const config = {
  $schema: "./node_modules/oxlint/configuration_schema.json",
  plugins: ["eslint", "typescript", "import", "unicorn", "oxc"],
  categories: { correctness: "error", suspicious: "error", perf: "off" },
  env: { node: true },
  ignorePatterns: ["dist", "node_modules", "bench/bin", "bench/results"],
  rules: {
    "import/no-cycle": "error",
    "import/no-default-export": "error",
    "no-console": "error",
    "typescript/no-explicit-any": "error",
    "typescript/no-floating-promises": [
      "error",
      { allowForKnownSafeCalls: [{ from: "package", package: "node:test", name: ["test", "it", "describe", "suite"] }] },
    ],
    "typescript/no-misused-promises": "error",
    "typescript/await-thenable": "error",
    "typescript/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
    // TypeScript's own check knows exhaustive switches; this one does not.
    "consistent-return": "off",
    "typescript/consistent-type-imports": "error",
    "typescript/no-non-null-assertion": "off",
    // Assertions narrow wire values whose shape has been checked by hand; casts through `unknown` stay visible in review.
    "typescript/no-unsafe-type-assertion": "off",
    "typescript/no-unnecessary-type-assertion": "error",
    "no-shadow": "off",
    "no-await-in-loop": "off",
    "unicorn/consistent-function-scoping": "off",
    "unicorn/no-array-sort": "off",
    "unicorn/no-array-reverse": "off",
    "import/no-unassigned-import": "off",
    "no-underscore-dangle": "off",
    // Node's emitters are the interface here.
    "unicorn/prefer-event-target": "off",
    // fast-check's own manual writes fc.assert and fc.property.
    "import/no-named-as-default-member": "off",
    "unicorn/prefer-add-event-listener": "off",
    "unicorn/require-post-message-target-origin": "off",
  },
  overrides: [
    ...Object.keys(rooms).map((room) => ({ files: [`src/${room}/**/*.ts`], rules: restrict(roomBorders(room)) })),
    ...Object.keys(protocolFolders).map((folder) => ({
      files: [`src/protocols/${folder}/**/*.ts`],
      rules: restrict([...roomBorders("protocols"), ...folderBorders(folder)]),
    })),
    {
      files: ["src/**/*.test.ts", "tests/**/*.ts"],
      rules: { "no-restricted-imports": "off", "typescript/no-misused-promises": "off", "typescript/unbound-method": "off" },
    },
    { files: ["src/app/cli/**/*.ts", "bench/**/*.ts", "scripts/**/*.ts", "bin/*.js"], rules: { "no-console": "off" } },
  ],
};

const text = `${JSON.stringify(config, null, 2)}\n`;
if (process.argv.includes("--check")) {
  if (readFileSync(file, "utf8") !== text) {
    console.error(".oxlintrc.json is stale: run `npm run lint-config`.");
    process.exit(1);
  }
} else {
  writeFileSync(file, text);
}
