import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { runtimePaths } from "../paths.ts";
import { startBackground, type BackgroundInput } from "./start-background.ts";

/** A start of a program that is no gateway. */
function inputOf(t: TestContext, source: string): BackgroundInput & { readonly folder: string } {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-background-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const program = join(folder, "program.mjs");
  writeFileSync(program, source);
  return { program, args: [folder], paths: runtimePaths(join(folder, "gateway.db")), logFile: join(folder, "gateway.log"), folder };
}

test("a gateway that does not serve in time is ended, and the error says so with the log's last words", async (t) => {
  const input = inputOf(
    t,
    `import { writeFileSync } from "node:fs";
     writeFileSync(process.argv[2] + "/pid", String(process.pid));
     writeFileSync(process.argv[2] + "/gateway.log", JSON.stringify({ level: 40, msg: "the database is away", error: "no route" }) + "\\n");
     setInterval(() => {}, 1000);`,
  );
  await assert.rejects(startBackground({ ...input, timeoutMs: 1500 }), {
    message: [
      "The gateway did not serve within 1.5 s, and was ended.",
      "the database is away: no route",
      `The log is ${input.logFile}.`,
    ].join("\n"),
  });
  const pid = Number(readFileSync(join(input.folder, "pid"), "utf8"));
  assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
});

test("the error of a gateway that ends at once is its own words, without the log", async (t) => {
  const input = inputOf(t, 'console.error("tokligence-daemon: Port 1 is taken."); process.exitCode = 1;');
  writeFileSync(input.logFile, '{"level":50,"msg":"the gateway did not start"}\n');
  await assert.rejects(startBackground(input), { message: "Port 1 is taken.\nThe gateway ended at once (exit 1)." });
});
