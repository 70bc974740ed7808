import assert from "node:assert/strict";
import { renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { silentLogger } from "../../core/index.ts";
import { homeDir, makeFile, makeFolder } from "./testing.ts";
import { loadSettings } from "./load.ts";
import { ConfigError } from "../../settings/index.ts";
import { watchSettings, type SettingsWatch } from "./watch.ts";

interface Watched {
  readonly path: string;
  /** Ports that were swapped in, and errors, in order. */
  readonly seen: (number | string)[];
  readonly watch: SettingsWatch;
  readonly warnings: string[];
  /** The last message of `onProblem`; "" if there is no problem any more. */
  readonly problems: string[];
  readonly write: (text: string) => void;
  readonly pass: (ms: number) => void;
}

function watchFile(t: TestContext, path: string, onChange: (port: number) => void = () => {}): Watched {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const seen: (number | string)[] = [];
  const warnings: string[] = [];
  const problems: string[] = [];
  const watch = watchSettings({
    path,
    load: () => loadSettings({ path, env: { TOKLIGENCE_NO_SUCH: "1" }, homeDir }),
    onChange: ({ settings }) => {
      onChange(settings.gateway.port);
      seen.push(settings.gateway.port);
    },
    onError: (error) => seen.push((error as Error).message.replaceAll(path, "FILE")),
    onProblem: (problem) => problems.push((problem ?? "").replaceAll(path, "FILE")),
    logger: { ...silentLogger, warn: (_, message) => warnings.push(message) },
  });
  t.after(() => watch.close());
  // In small steps: a timer that is set while time passes counts from the end of the step.
  const pass = (ms: number): void => {
    for (let rest = ms; rest > 0; rest -= 50) t.mock.timers.tick(Math.min(rest, 50));
  };
  return { path, seen, watch, warnings, problems, write: (text) => writeFileSync(path, text), pass };
}

const port = (value: number | string): string => `gateway: { port: ${value} }\n`;

test("a changed file is swapped in within a second, once, and its warnings are logged", (t) => {
  const { seen, warnings, write, pass } = watchFile(t, makeFile(t, port(1)));
  pass(2000);
  assert.deepEqual([seen, warnings], [[], []]);
  write(port(2));
  pass(1000);
  assert.deepEqual(seen, [2]);
  assert.deepEqual(warnings, ["TOKLIGENCE_NO_SUCH: no setting has this name in the environment"]);
  pass(5000);
  assert.deepEqual(seen, [2]);
});

test("a file of the same length and time is seen to have changed", (t) => {
  const { seen, write, pass } = watchFile(t, makeFile(t, port(1)));
  for (const value of [2, 3, 2]) {
    write(port(value));
    pass(1000);
  }
  assert.deepEqual(seen, [2, 3, 2]);
});

test("editors that write another file and rename it over the old one are followed", (t) => {
  const { path, seen, pass } = watchFile(t, makeFile(t, port(1)));
  for (const value of [2, 3]) {
    writeFileSync(`${path}.new`, port(value));
    renameSync(`${path}.new`, path);
    pass(1000);
  }
  assert.deepEqual(seen, [2, 3]);
});

test("a link that is switched to another file is followed", { skip: process.platform === "win32" }, (t) => {
  const folder = makeFolder(t);
  const path = join(folder, "config.yaml");
  for (const value of [1, 2]) writeFileSync(join(folder, `${value}.yaml`), port(value));
  symlinkSync("1.yaml", path);
  const { seen, pass } = watchFile(t, path);
  symlinkSync("2.yaml", join(folder, "next"));
  renameSync(join(folder, "next"), path);
  pass(1000);
  assert.deepEqual(seen, [2]);
});

test("a file that is being written is not read before it rests", (t) => {
  const { seen, write, pass } = watchFile(t, makeFile(t, port(1)));
  write(port(9));
  pass(500);
  write(port(2));
  pass(200);
  write(port(8));
  pass(200);
  write(`${port(3)}# more\n`);
  pass(200);
  assert.deepEqual(seen, []);
  pass(399);
  assert.deepEqual(seen, []);
  pass(1);
  assert.deepEqual(seen, [3]);
});

test("a file that is emptied changes nothing, however often it is read, and is reported; {} in it takes the defaults", (t) => {
  const { seen, watch, problems, write, pass } = watchFile(t, makeFile(t, port(1)));
  const message = "FILE: the file holds no settings; those in use stay. Write {} into it to use the defaults";
  write("");
  pass(5000);
  assert.throws(() => watch.reload(), ConfigError);
  assert.throws(() => watch.reload(), ConfigError);
  write("# all of it\n\n  # is a comment\n");
  pass(1000);
  assert.deepEqual([seen, problems], [[message, message], [message]]);
  write("{}\n");
  pass(1000);
  assert.deepEqual([seen.slice(2), problems.slice(1)], [[8081], [""]]);
  write("");
  pass(1000);
  assert.equal(seen.at(-1), message, "{} was meant, and nothing may be an accident");
});

test("a file without settings at the start may stay so", (t) => {
  const { seen, problems, write, pass } = watchFile(t, makeFile(t, "# nothing yet\n"));
  write("");
  pass(1000);
  assert.deepEqual([seen, problems], [[8081], []]);
});

test("a change that is undone before the delay has passed is ignored", (t) => {
  const { seen, write, pass } = watchFile(t, makeFile(t, port(1)));
  write(port(2));
  pass(500);
  write(port(1));
  pass(2000);
  assert.deepEqual(seen, []);
});

test("an invalid file changes nothing and is reported once for each text", (t) => {
  const { seen, write, pass } = watchFile(t, makeFile(t, port(1)));
  write(port("x"));
  pass(5000);
  const message = 'FILE:1: gateway.port: found "x", allowed a whole number from 0 to 65535';
  assert.deepEqual(seen, [message]);
  write(port("y"));
  pass(1000);
  write(port(2));
  pass(1000);
  assert.deepEqual(seen, [message, message.replace("x", "y"), 2]);
});

test("a file that is gone is an error, not the wish for the defaults; it comes back", (t) => {
  const { path, seen, problems, write, pass } = watchFile(t, makeFile(t, port(1)));
  rmSync(path);
  pass(5000);
  write(port(2));
  pass(1000);
  const message = "FILE: the file is gone; the settings stay as they are";
  assert.deepEqual(
    [seen, problems],
    [
      [message, 2],
      [message, ""],
    ],
  );
});

test("a file that was not there is read when it comes", (t) => {
  const { seen, write, pass } = watchFile(t, join(makeFolder(t), "config.yaml"));
  pass(2000);
  write(port(2));
  pass(1000);
  assert.deepEqual(seen, [2]);
});

test("settings that cannot be swapped in are an error of the file", (t) => {
  const refuse = (value: number): void => {
    if (value === 2) throw new Error("not this one");
  };
  const { seen, write, pass } = watchFile(t, makeFile(t, port(1)), refuse);
  write(port(2));
  pass(5000);
  assert.deepEqual(seen, ["not this one"]);
});

test("reload reads at once, changed or not, and throws what is wrong", (t) => {
  const { seen, watch, write, pass } = watchFile(t, makeFile(t, port(1)));
  assert.equal(watch.reload().settings.gateway.port, 1);
  write(port("x"));
  assert.throws(() => watch.reload(), ConfigError);
  pass(5000);
  write(port(2));
  watch.reload();
  pass(5000);
  assert.deepEqual(seen, [1, 2]);
});

test("a reload without a file gives the defaults only where there never was one", (t) => {
  const { path, watch } = watchFile(t, makeFile(t, port(1)));
  rmSync(path);
  assert.throws(() => watch.reload(), /the file is gone/);
  assert.throws(() => watch.reload(), /the file is gone/);
});

test("nothing is seen after the end", (t) => {
  const { seen, watch, write, pass } = watchFile(t, makeFile(t, port(1)));
  write(port(2));
  pass(500);
  watch.close();
  pass(5000);
  assert.deepEqual(seen, []);
});
