import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { before } from "node:test";
import { promisify } from "node:util";
import { PROTOCOLS } from "../testbed/scenario.ts";
import { testSdk, type Seen } from "../e2e/sdk-story.ts";

const run = promisify(execFile);
const folder = join(import.meta.dirname, "python");
const environment = join(folder, ".venv");
const python = join(environment, "bin", "python");

before(async () => {
  if (!existsSync(python)) await run("python3", ["-m", "venv", environment]);
  await run(python, ["-m", "pip", "install", "--quiet", "--requirement", join(folder, "requirements.txt")]);
});

for (const sdk of PROTOCOLS) {
  testSdk(`the Python SDK of ${sdk}`, async ({ url, key }, model) => {
    const { stdout } = await run(python, [join(folder, "ask.py"), sdk, url, key, model], { timeout: 60_000 });
    return JSON.parse(stdout) as Seen;
  });
}
