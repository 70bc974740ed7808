import assert from "node:assert/strict";
import { test } from "node:test";
import { join } from "node:path";
import { clients } from "../../src/app/connect/clients.ts";
import { writeClientFiles } from "../../src/app/connect/write-files.ts";
import { startGateway } from "../e2e/harness.ts";
import { createPlace, installed, runCommand } from "./agent.ts";

/** How each agent is asked one question. Of the surroundings it has what `tokligence connect` says, and nothing that names the gateway. */
const questions: Readonly<
  Record<string, { readonly program: string; readonly args: readonly string[]; readonly env?: Readonly<Record<string, string>> }>
> = {
  codex: { program: "codex", args: ["exec", "--skip-git-repo-check"] },
  "claude-code": { program: "claude", args: ["-p"], env: { DISABLE_AUTOUPDATER: "1", CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1" } },
  "gemini-cli": { program: "gemini", args: ["-p"], env: { GEMINI_CLI_TRUST_WORKSPACE: "true" } },
  opencode: { program: "opencode", args: ["run"], env: { OPENCODE_DISABLE_AUTOUPDATE: "1", OPENCODE_DISABLE_MODELS_FETCH: "1" } },
};

const only = process.env["AGENTS"]?.split(",");

for (const [name, { program, args, env }] of Object.entries(questions)) {
  if (only !== undefined && !only.includes(name)) continue;
  test(`${name} reads the file that \`tokligence connect\` writes`, async (t) => {
    const place = await createPlace();
    t.after(() => place.remove());
    const gateway = await startGateway({ config: "gateway: { work_mode: auto }\n" });
    t.after(() => gateway.stop());
    const { key } = await gateway.createKey("agent");
    const { files, variables } = clients[name]!({ url: gateway.url, key, model: "loopback", env: {}, home: place.home });
    writeClientFiles(files, join(place.home, "connected.json"));
    // Codex takes the key from a variable; the others have it in their file.
    const given = name === "codex" ? variables : {};
    const command = { program: installed(program), args: [...args, "Say the word marzipan."], env: { ...env, ...given } };
    const run = await runCommand(command, place);
    const output = `exit ${run.code}\n${run.stdout.slice(-2000)}\n${run.stderr.slice(-3000)}\n${await gateway.logText()}`;
    assert.equal(run.code, 0, output);
    // Claude Code ends its request with a message of the system, to which the built-in model has its own answer.
    assert.match(run.stdout, /marzipan|Say something/, output);
    const rows = await gateway.rows();
    assert.ok(
      rows.some((row) => row.status === "ok" && row.provider === "loopback"),
      output,
    );
  });
}
