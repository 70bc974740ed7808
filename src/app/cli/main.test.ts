import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { explainFileError } from "../explain-file-error.ts";
import { readVersion } from "../self.ts";
import { runDaemonCli } from "./daemon-main.ts";
import { runCli } from "./main.ts";

/** Exit status and standard error of a command line that is wrong. */
async function refusal(t: TestContext, run: () => Promise<number>): Promise<[number, string]> {
  let text = "";
  const write = t.mock.method(process.stderr, "write", (chunk: string) => {
    text += chunk;
    return true;
  });
  const status = await run();
  write.mock.restore();
  return [status, text];
}

test("an error of usage names the help of the command that was meant", async (t) => {
  const cases: [string[], string][] = [
    [["nothing"], "tokligence: unknown command 'nothing'. See `tokligence --help`.\n"],
    [["user", "create"], "tokligence: missing required argument 'username'. See `tokligence user create --help`.\n"],
    [
      ["--config", "user", "apikey", "list", "--user"],
      "tokligence: option '--user <user>' argument missing. See `tokligence apikey list --help`.\n",
    ],
    [["user", "crate", "alice"], "tokligence: unknown command 'crate' (Did you mean create?). See `tokligence user --help`.\n"],
  ];
  for (const [argv, message] of cases) assert.deepEqual(await refusal(t, () => runCli(argv)), [1, message]);
  assert.deepEqual(await refusal(t, () => runDaemonCli(["start", "--prt", "1"], "")), [
    1,
    "tokligence-daemon: unknown option '--prt' (Did you mean --port?). See `tokligence-daemon start --help`.\n",
  ]);
});

test("the version and the help of a command are printed however they are asked for", () => {
  const run = (command: string, ...args: readonly string[]): [number | null, string] => {
    const bin = fileURLToPath(new URL(`../../../bin/${command}.js`, import.meta.url));
    const { status, stdout } = spawnSync(process.execPath, [bin, ...args], { encoding: "utf8", timeout: 20_000 });
    return [status, stdout];
  };
  assert.deepEqual(run("tokligence", "--version"), [0, `${readVersion()}\n`]);
  assert.deepEqual(run("tokligence-daemon", "-v"), [0, `${readVersion()}\n`]);
  const [status, help] = run("tokligence", "help", "user");
  assert.equal(status, 0);
  assert.match(help, /^Usage: tokligence user /);
});

test("a folder that cannot be made is explained with what to do", { skip: process.platform === "win32" }, () => {
  assert.throws(
    () => {
      try {
        mkdirSync("/dev/null/.config", { recursive: true });
      } catch (error) {
        throw explainFileError(error);
      }
    },
    {
      message:
        "/dev/null/.config cannot be written: a part of the path is no folder. Name a configuration file with --config, and in it, as database.path, " +
        "a file in a folder that this user can write (or set TOKLIGENCE_DATABASE_PATH).",
    },
  );
  const other = new Error("something else");
  assert.equal(explainFileError(other), other);
});

test("a text to try the firewall with may be a file, but not a folder", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-firewall-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const config = join(folder, "config.yaml");
  writeFileSync(config, "firewall: { rules: { mail: { action: mask, detect: [email] } } }\n", { mode: 0o600 });
  writeFileSync(join(folder, "text"), "to ada@example.com");
  const written = t.mock.method(process.stdout, "write", () => true);
  for (const given of [join(folder, "text"), "to ada@example.com", `${"x ".repeat(5000)}ada@example.com`]) {
    assert.equal(await runCli(["--config", config, "firewall", "test", given]), 0);
  }
  assert.equal(await runCli(["firewall", "test", "--set", "payment, confidential", "4111 1111 1111 1111, Strictly Confidential"]), 0);
  const texts = written.mock.calls.map(({ arguments: [text] }) => String(text));
  written.mock.restore();
  assert.deepEqual(texts, [
    ...Array.from({ length: 3 }, () => "mail (mask):\n  email  ada@example.com\n"),
    "payment (observe):\n  card  4111 1111 1111 1111\nconfidential (observe):\n  word  Strictly Confidential\n",
  ]);
  assert.deepEqual(await refusal(t, () => runCli(["--config", config, "firewall", "test", folder])), [
    1,
    `tokligence: ${folder} is a folder. Give a file, or a text.\n`,
  ]);
  assert.deepEqual(await refusal(t, () => runCli(["firewall", "test", "--set", "all", "x"])), [
    1,
    "tokligence: --set takes names of secrets, personal-data, payment, network, prompt-injection, confidential, by comma.\n",
  ]);
});
