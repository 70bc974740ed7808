import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { folders, rooms } from "../../scripts/rooms.ts";
import { protocolIds } from "../../src/ir/index.ts";
import { presets } from "../../src/upstream/index.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const planted = mkdtempSync(join(tmpdir(), "tokligence-borders-"));
// The planted tree takes the lint configuration of this one, and its packages.
for (const path of ["oxlint.config.ts", "scripts", "node_modules"]) symlinkSync(join(root, path), join(planted, path));
after(() => rmSync(planted, { recursive: true }));

/** Lints one file of a tree that has only the lint configuration of this one. */
function lint(path: string, text: string): string {
  const file = join(planted, path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, text);
  const run = spawnSync(process.execPath, [join(root, "node_modules/oxlint/bin/oxlint"), path], { cwd: planted, encoding: "utf8" });
  rmSync(file);
  return run.stdout;
}

test("an import against the table of rooms is refused", () => {
  assert.match(lint("src/ir/planted.ts", 'export { x } from "../store/index.ts";\n'), /must not import "store"/);
  assert.match(lint("src/gateway/planted.ts", 'export { x } from "../server/index.ts";\n'), /must not import "server"/);
  assert.match(
    lint("src/protocols/openai-chat/planted.ts", 'export { x } from "../../upstream/index.ts";\n'),
    /must not import "upstream"/,
  );
});

test("a room is entered through its index only", () => {
  assert.match(lint("src/gateway/planted.ts", 'export { x } from "../core/errors.ts";\n'), /through its index/);
  assert.equal(lint("src/gateway/planted.ts", 'export { x } from "../core/index.ts";\n').includes("planted"), false);
});

test("a protocol does not import its sibling, and packages stay in their rooms", () => {
  assert.match(lint("src/protocols/openai-chat/planted.ts", 'export { x } from "../gemini-generate/index.ts";\n'), /sibling/);
  assert.match(lint("src/gateway/planted.ts", 'export { x } from "undici";\n'), /Only upstream may import "undici"/);
});

test("a folder of a room imports only the sibling folders that its row names", () => {
  assert.match(
    lint("src/ledger/journal/planted.ts", 'export { x } from "../budgets/budgets.ts";\n'),
    /must not import its sibling "budgets"/,
  );
  assert.equal(lint("src/ledger/ingest/planted.ts", 'export { x } from "../journal/journal.ts";\n').includes("planted"), false);
});

test("every folder with a border exists", () => {
  const missing = Object.entries(folders).flatMap(([room, inRoom]) =>
    Object.keys(inRoom).filter((folder) => !existsSync(join(root, "src", room, folder))),
  );
  assert.deepEqual(missing, []);
});

test("every folder under src is a room of the table", () => {
  assert.deepEqual(readdirSync(join(root, "src")).toSorted(), Object.keys(rooms).toSorted());
});

/** The code of a file without its comments. */
function codeOf(file: string): string {
  return readFileSync(join(root, "src", file), "utf8").replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "");
}

const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).filter(
  (file) => file.endsWith(".ts") && !/(?:\.test|testing|-testing)\.ts$/.test(file),
);

test("no protocol is named outside of protocols and upstream/providers", () => {
  const ids = new RegExp(`"(?:${protocolIds.join("|")})"`);
  const known = (file: string): boolean => /^(?:protocols|upstream\/providers)\//.test(file) || file === "ir/protocol-id.ts";
  assert.deepEqual(
    sources.filter((file) => !known(file) && ids.test(codeOf(file))),
    [],
  );
});

test("no branch on a provider's name outside of protocols, upstream/providers and prices", () => {
  const names = presets.flatMap(({ name, aliases = [] }) => [name, ...aliases]).map((name) => name.replaceAll(".", "\\."));
  const branch = new RegExp(`(?:===|!==|case)\\s*"(?:${names.join("|")})"`);
  const known = (file: string): boolean => /^(?:protocols|upstream\/providers|ledger\/prices)\//.test(file);
  assert.deepEqual(
    sources.filter((file) => !known(file) && branch.test(codeOf(file))),
    [],
  );
});
