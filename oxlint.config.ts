import { defineConfig } from "oxlint";
import { folders, packages, rooms } from "./scripts/rooms.ts";

/*
 * The lint rules, and the borders between rooms and their folders from the tables in `scripts/rooms.ts`. oxlint reads this file itself;
 * `tests/repo/borders.test.ts` plants violations and expects them to be refused.
 */

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

/** A folder inside a room imports its room's own files and the sibling folders that its row names. */
function folderBorders(room: string, folder: string): Pattern[] {
  const inRoom = folders[room]!;
  const siblings = Object.keys(inRoom).filter((other) => other !== folder && !inRoom[folder]!.includes(other));
  return siblings.map((other) => ({
    regex: `^(?:\\.\\./)+${other}/`,
    message: `"${room}/${folder}" must not import its sibling "${other}" (scripts/rooms.ts).`,
  }));
}

function restrict(patterns: Pattern[]): { "no-restricted-imports": ["error", { patterns: Pattern[] }] } {
  return { "no-restricted-imports": ["error", { patterns }] };
}

export default defineConfig({
  plugins: ["eslint", "typescript", "import", "unicorn", "oxc"],
  categories: { correctness: "error", suspicious: "error", perf: "off" },
  env: { node: true },
  ignorePatterns: ["dist", "node_modules", "bench/bin", "bench/results"],
  rules: {
    // A function that is over a limit says why, above the comment that allows it.
    "max-lines": ["error", { max: 350 }],
    "max-lines-per-function": ["error", { max: 60, skipBlankLines: true, skipComments: true }],
    "max-params": ["error", { max: 4 }],
    "no-nested-ternary": "error",
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
    ...Object.entries(folders).flatMap(([room, inRoom]) =>
      Object.keys(inRoom).map((folder) => ({
        files: [`src/${room}/${folder}/**/*.ts`],
        rules: restrict([...roomBorders(room), ...folderBorders(room, folder)]),
      })),
    ),
    {
      files: ["src/**/*.test.ts", "src/**/testing.ts", "src/**/*-testing.ts", "tests/**/*.ts"],
      rules: {
        "no-restricted-imports": "off",
        "typescript/no-misused-promises": "off",
        "typescript/unbound-method": "off",
        "max-lines": ["error", { max: 400 }],
        // The body of a `describe` or of a stand-in is a list of cases, not one piece of work.
        "max-lines-per-function": "off",
        "max-params": "off",
      },
    },
    {
      files: ["src/app/cli/**/*.ts", "bench/**/*.ts", "scripts/**/*.ts", "examples/**/*.{ts,tsx}", "bin/*.js"],
      rules: { "no-console": "off" },
    },
    // oxlint asks for a default export here, and Next.js in these.
    { files: ["oxlint.config.ts", "examples/embed/next/**"], rules: { "import/no-default-export": "off" } },
  ],
});
