import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { protocolIds, type ProtocolId } from "../../src/ir/index.ts";
import { knownFields as anthropicFields } from "../../src/protocols/anthropic-messages/parse-request.ts";
import { knownWithFormat as geminiConfigFields } from "../../src/protocols/gemini-generate/parse-config.ts";
import { knownFields as geminiFields } from "../../src/protocols/gemini-generate/parse-request.ts";
import { protocols } from "../../src/protocols/index.ts";
import { knownFields as chatFields } from "../../src/protocols/openai-chat/parse-request.ts";
import { knownFields as responsesFields } from "../../src/protocols/openai-responses/parse-request.ts";
import { answerPaths, blocks, endInWordsOf, leftOut, renderedFor, usageParts } from "./translation-answers.ts";
import { examples } from "./translation-examples/index.ts";
import { outcomeOf, type Outcome } from "./translation-outcome.ts";

const titles: Readonly<Record<string, ProtocolId>> = {
  "OpenAI Chat Completions": "openai-chat",
  "OpenAI Responses": "openai-responses",
  "Anthropic Messages": "anthropic-messages",
  "Gemini generateContent": "gemini-generate",
};
const columns: Readonly<Record<string, ProtocolId>> = {
  Chat: "openai-chat",
  Responses: "openai-responses",
  Anthropic: "anthropic-messages",
  Gemini: "gemini-generate",
};

const document = readFileSync(new URL("../../docs/translation.md", import.meta.url), "utf8");

/** The rows of the table under a heading, each by its column's name; the first cell is under "". */
function rowsUnder(heading: string): readonly Readonly<Record<string, string>>[] {
  const section = document.split(`${heading}\n`)[1]?.split(/\n##/)[0] ?? "";
  const lines = section.split("\n").filter((line) => line.startsWith("|"));
  const [head = [], , ...rows] = lines.map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
  return rows.map((cells) => Object.fromEntries(cells.map((cell, at) => [at === 0 ? "" : (head[at] ?? ""), cell])));
}

/** The paths in code marks. */
function pathsIn(cell: string): readonly string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, path]) => path ?? "");
}

const bare = (path: string): string => path.replace(/\[\]$/, "");
const isUnder = (path: string, of: string): boolean => path === of || path.startsWith(`${of}.`) || path.startsWith(`${of}[`);

/** Checks what a cell says of a field against what became of it. */
function checkCell(field: string, cell: string, outcome: Outcome): void {
  const [word = "", sentName] = /^(emulated|clamped|dropped|refused|gateway|–)?(?: as `([^`]+)`)?/.exec(cell)?.slice(1) ?? [];
  const name = bare(sentName ?? field);
  const named = outcome.losses.filter(({ param }) => bare(param) === name).map(({ action }) => action);
  // A gateway that keeps a conversation puts it into the request, and the renderer never meets the field.
  if (word === "gateway") return;
  if (word === "refused") {
    assert.equal(bare(outcome.refused ?? ""), name);
    return;
  }
  assert.equal(outcome.refused, undefined);
  if (word === "dropped") {
    assert.ok(named.includes("dropped"), `${JSON.stringify(outcome)} tells no loss of ${name}`);
    return;
  }
  if (word === "emulated" || word === "clamped")
    assert.ok(named.includes(word), `${JSON.stringify(outcome)} does not tell that ${name} is ${word}`);
  else assert.deepEqual(outcome.losses, []);
  const paths = pathsIn(cell.slice(cell.indexOf(":") + 1));
  for (const path of paths)
    assert.ok(
      outcome.changed.some((each) => isUnder(each, path)),
      `${path} is not among ${outcome.changed.join(" ")}`,
    );
  if (word === "–") assert.deepEqual(outcome.changed, []);
  if (word === "") assert.ok(paths.length > 0, "a cell says where the field goes, or what becomes of it");
}

for (const [title, dialect] of Object.entries(titles)) {
  const rows = rowsUnder(`## From ${title}`);
  const labels = rows.map((row) => row[""]!.replaceAll("`", ""));

  test(`every field that the parser of ${dialect} knows has a row, and every row an example`, () => {
    const fields: Readonly<Record<ProtocolId, readonly string[]>> = {
      "openai-chat": [...chatFields],
      "openai-responses": [...responsesFields],
      "anthropic-messages": [...anthropicFields].filter((field) => field !== "metadata"),
      "gemini-generate": [
        ...[...geminiFields].filter((field) => field !== "generationConfig"),
        ...[...geminiConfigFields].map((field) => `generationConfig.${field}`),
      ],
    };
    const known = [...fields[dialect], ...protocols.get(dialect)!.params.ownFields];
    const shown = new Set(labels.map((label) => label.replace(/ \(.*/, "")));
    assert.deepEqual(
      known.filter((field) => !shown.has(field)),
      [],
    );
    assert.deepEqual(labels.toSorted(), Object.keys(examples[dialect]).toSorted());
  });

  for (const [at, row] of rows.entries()) {
    const label = labels[at]!;
    test(`from ${dialect}: ${label}`, () => {
      for (const [column, cell] of Object.entries(row)) {
        const target = columns[column];
        if (target === undefined) continue;
        assert.notEqual(target, dialect);
        try {
          checkCell(label.replace(/ \(.*/, ""), cell, outcomeOf(dialect, target, examples[dialect][label]!));
        } catch (error) {
          throw new Error(`${label} to ${column}, "${cell}": ${(error as Error).message}`, { cause: error });
        }
      }
    });
  }
}

/** The fields at the top of an interface in an SDK's declarations, but for those that are headers. */
function fieldsOfSdk(file: string, name: string): readonly string[] {
  const text = readFileSync(new URL(`../../node_modules/${file}`, import.meta.url), "utf8");
  const start = text.search(new RegExp(`interface ${name}\\b`));
  const body = text.slice(start, text.indexOf("\n}", start));
  return [...body.matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\s*\n {4}(\w+)\??:/g)].flatMap(([, comment = "", field = ""]) =>
    comment.includes("Header param") ? [] : [field],
  );
}

test("every field of the vendors' own SDKs has a row", () => {
  const sdks = [
    ["OpenAI Chat Completions", "openai/resources/chat/completions/completions.d.ts", "ChatCompletionCreateParamsBase", 30],
    ["OpenAI Responses", "openai/resources/responses/responses.d.ts", "ResponseCreateParamsBase", 30],
    ["Anthropic Messages", "@anthropic-ai/sdk/resources/messages/messages.d.ts", "MessageCreateParamsBase", 15],
    ["Anthropic Messages", "@anthropic-ai/sdk/resources/beta/messages/messages.d.ts", "MessageCreateParamsBase", 20],
  ] as const;
  for (const [title, file, name, least] of sdks) {
    const fields = fieldsOfSdk(file, name);
    assert.ok(fields.length >= least, `${fields.length} fields of ${name}`);
    const shown = new Set(rowsUnder(`## From ${title}`).map((row) => pathsIn(row[""] ?? "")[0]?.split(".")[0]));
    assert.deepEqual(
      fields.filter((field) => !shown.has(field)),
      [],
      file,
    );
  }
});

function checkAnswers(heading: string, of: Readonly<Record<string, (dialect: ProtocolId) => readonly string[]>>): void {
  const rows = rowsUnder(heading);
  assert.deepEqual(rows.map((row) => row[""] ?? "").toSorted(), Object.keys(of).toSorted());
  for (const row of rows) {
    for (const [column, dialect] of Object.entries(columns)) {
      const cell = row[column] ?? "";
      const changed = of[row[""]!]!(dialect);
      const paths = pathsIn(cell);
      assert.equal(cell === "–", paths.length === 0);
      for (const path of paths)
        assert.ok(
          changed.some((each) => isUnder(each, path)),
          `${row[""]} for ${column}: ${path} is not among ${changed.join(" ")}`,
        );
      if (cell === "–") assert.deepEqual(changed, [], `${row[""]} for ${column}`);
    }
  }
}

test("the blocks of an answer are in the places of the table", () => {
  checkAnswers(
    "## Answers",
    Object.fromEntries(Object.entries(blocks).map(([name, block]) => [name, (to) => answerPaths(to, { content: [block] })])),
  );
});

test("the parts of the usage are in the places of the table", () => {
  checkAnswers(
    "### Usage",
    Object.fromEntries(Object.entries(usageParts).map(([name, usage]) => [name, (to) => answerPaths(to, { usage })])),
  );
});

test("the end of an answer has the words of the table", () => {
  const rows = rowsUnder("### Stop reasons");
  assert.ok(rows.length > 20);
  for (const row of rows) {
    const upstream = columns[row[""]!]!;
    const word = row["its word"]!.replaceAll("`", "");
    for (const dialect of protocolIds.filter((id) => id !== upstream)) {
      const [column] = Object.entries(columns).find(([, id]) => id === dialect)!;
      assert.equal(endInWordsOf(dialect, upstream, word), pathsIn(row[column]!)[0], `${word} of ${upstream} for ${dialect}`);
    }
  }
});

test("the fields of the list are not sent to clients of any other dialect, and the list is complete", () => {
  const section = document.split("Not sent to clients of any other dialect")[1]!.split("\n###")[0]!;
  const listed = section.split("\n").flatMap((line) => (line.startsWith("- ") ? [line.slice(2)] : []));
  assert.deepEqual(listed, Object.keys(leftOut));
  for (const [name, answer] of Object.entries(leftOut)) {
    assert.ok(JSON.stringify(answer).includes("LOST"));
    for (const dialect of protocolIds.filter((id) => id !== answer[0]))
      assert.ok(!renderedFor(dialect, answer).includes("LOST"), `${name} for ${dialect}`);
  }
});
