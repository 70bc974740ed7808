import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { test } from "node:test";
import type { Logger } from "../../core/index.ts";
import { openLog } from "./log.ts";
import { startLogRolling } from "./roll.ts";

const day = 86_400_000;
const noon = Date.parse("2026-01-31T12:00:00Z");

interface Setup {
  readonly folder: string;
  readonly file: string;
  /** The day moves on. */
  readonly time: { ms: number };
  readonly warnings: string[];
  readonly rolling: ReturnType<typeof startLogRolling>;
  readonly rolls: () => number;
}

async function setUp(
  t: TestContext,
  options: { maxBytes?: number; keep?: number; content?: string; onRolled?: () => void } = {},
): Promise<Setup> {
  const folder = await mkdtemp(join(tmpdir(), "tokligence-roll-"));
  const file = join(folder, "gateway.log");
  await writeFile(file, options.content ?? "a line\n");
  await utimes(file, noon / 1000, noon / 1000);
  const time = { ms: noon };
  const warnings: string[] = [];
  const note = (_fields: object, message: string): void => void warnings.push(message);
  const logger: Logger = { debug: () => {}, info: () => {}, warn: note, error: note };
  let rolls = 0;
  const rolling = startLogRolling({
    file,
    clock: { now: () => time.ms, monotonic: () => time.ms },
    logger,
    ...(options.maxBytes === undefined ? {} : { maxBytes: options.maxBytes }),
    ...(options.keep === undefined ? {} : { keep: options.keep }),
    onRolled: () => {
      rolls += 1;
      options.onRolled?.();
    },
  });
  t.after(async () => {
    rolling.stop();
    await rm(folder, { recursive: true, force: true });
  });
  return { folder, file, time, warnings, rolling, rolls: () => rolls };
}

const names = async (folder: string): Promise<string[]> => (await readdir(folder)).toSorted();

test("a log of the same day and below the size stays", async (t) => {
  const { folder, rolling, rolls } = await setUp(t, { maxBytes: 100 });
  rolling.check();
  assert.deepEqual([await names(folder), rolls()], [["gateway.log"], 0]);
});

test("a log that has grown is renamed by its day, numbered, and the writers reopen it", async (t) => {
  const { folder, file, rolling, rolls } = await setUp(t, { maxBytes: 7 });
  rolling.check();
  await writeFile(file, "another\n");
  rolling.check();
  assert.deepEqual([await names(folder), rolls()], [["gateway.log.2026-01-31.1", "gateway.log.2026-01-31.2"], 2]);
  assert.equal(await readFile(join(folder, "gateway.log.2026-01-31.2"), "utf8"), "another\n");
  // Until a writer has made the new one there is nothing to roll.
  rolling.check();
  assert.equal(rolls(), 2);
});

test("a new day rolls the log of the day before under that day's name, once", async (t) => {
  const { folder, file, time, rolling, rolls } = await setUp(t);
  time.ms += day / 2;
  rolling.check();
  await writeFile(file, "new\n");
  rolling.check();
  assert.deepEqual([await names(folder), rolls()], [["gateway.log", "gateway.log.2026-01-31.1"], 1]);
});

test("a log left from an earlier day is rolled at the first look, under its own day", async (t) => {
  const { folder, file, time, rolling } = await setUp(t);
  rolling.stop();
  time.ms = noon + 3 * day;
  const later = startLogRolling({
    file,
    clock: { now: () => time.ms, monotonic: () => 0 },
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    onRolled: () => {},
  });
  later.check();
  later.stop();
  assert.deepEqual(await names(folder), ["gateway.log.2026-01-31.1"]);
});

test("an empty log is not rolled at midnight", async (t) => {
  const { folder, time, rolling, rolls } = await setUp(t, { content: "" });
  time.ms += day;
  rolling.check();
  assert.deepEqual([await names(folder), rolls()], [["gateway.log"], 0]);
});

test("the oldest files beyond those to keep are removed, 10 being newer than 9, and no others", async (t) => {
  const { folder, file, rolling } = await setUp(t, { maxBytes: 1, keep: 2 });
  await writeFile(join(folder, "gateway.log.notes"), "mine");
  await writeFile(join(folder, "gateway.log.2026-01-30.1"), "old");
  for (let i = 0; i < 10; i++) {
    await writeFile(file, "line\n");
    rolling.check();
  }
  // A number that has become free is not given again while later ones are there.
  assert.deepEqual(await names(folder), ["gateway.log.2026-01-31.10", "gateway.log.2026-01-31.9", "gateway.log.notes"]);
});

test("a missing log is no fault, and writers that fail on a rolled one are a warning", async (t) => {
  const { folder, file, rolling, warnings, rolls } = await setUp(t, {
    maxBytes: 1,
    onRolled: () => {
      throw new Error("disk full");
    },
  });
  await rm(file);
  rolling.check();
  assert.deepEqual([warnings, rolls()], [[], 0]);
  await writeFile(file, "line\n");
  rolling.check();
  assert.deepEqual([warnings, rolls(), await names(folder)], [["the log could not be rolled"], 1, ["gateway.log.2026-01-31.1"]]);
});

test("two writers of one file lose no line when it is rolled under them", async (t) => {
  const writers: ReturnType<typeof openLog>[] = [];
  const { folder, file, rolling } = await setUp(t, {
    maxBytes: 4000,
    onRolled: () => {
      for (const writer of writers) writer.reopen();
    },
  });
  writers.push(openLog({ level: "info", file }), openLog({ level: "info", file }));
  const expected = new Set<number>();
  for (let i = 0; i < 400; i++) {
    writers[i % 2]!.logger.info({ i }, "a line of some length, so that the file fills");
    writers[(i + 1) % 2]!.lines.write(`{"i":${1000 + i}}\n`);
    expected.add(i).add(1000 + i);
    if (i % 50 === 49) {
      for (const writer of writers) writer.flush();
      rolling.check();
    }
  }
  for (const writer of writers) writer.close();
  const seen: number[] = [];
  const files = await names(folder);
  assert.ok(files.length > 3, files.join());
  for (const name of files) {
    for (const line of (await readFile(join(folder, name), "utf8")).split("\n")) {
      if (line === "") continue;
      const { i } = JSON.parse(line === "a line" ? '{"i":-1}' : line) as { i: number };
      if (i >= 0) seen.push(i);
    }
  }
  assert.equal(seen.length, expected.size);
  assert.deepEqual(new Set(seen), expected);
});
