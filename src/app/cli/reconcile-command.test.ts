import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Command } from "commander";
import { addReconcileCommand } from "./reconcile-command.ts";
import { ExitStatus } from "./run-program.ts";
import type { WithAdmin } from "./with-admin.ts";

test("a report is compared with the ledger of its provider and days, and a difference is exit status 1", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "tokligence-reconcile-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "costs.json");
  const costs = [28, 29].map((day) => ({
    start_time: Date.UTC(2026, 10, day) / 1000,
    results: [{ amount: { value: 2, currency: "usd" }, line_item: "gpt-5, input" }],
  }));
  await writeFile(file, JSON.stringify({ data: costs }));
  const asked: unknown[] = [];
  const rowOf = (day: string, cost: string): object => ({
    group: { day, model: "gpt-5" },
    requests: 1,
    input_tokens: 1,
    output_tokens: 1,
    cost_usd: cost,
    unpriced_requests: 0,
  });
  const admin = (async (run: (call: unknown) => Promise<unknown>) =>
    await run((name: string, input: { query: { after?: string } }) => {
      asked.push([name, input.query]);
      const isFirst = input.query.after === undefined;
      return Promise.resolve({ rows: [isFirst ? rowOf("2026-11-28", "2") : rowOf("2026-11-29", "1")], next: isFirst ? "x" : null });
    })) as WithAdmin;
  const printed: string[] = [];
  t.mock.method(process.stdout, "write", (text: string) => printed.push(text) > 0);
  const program = new Command().exitOverride();
  addReconcileCommand(program, admin);
  const run = program.parseAsync(["reconcile", "--provider", "mine", "--format", "openai", "--file", file, "--json"], { from: "user" });
  await assert.rejects(run, (error) => error instanceof ExitStatus && error.status === 1);
  t.mock.restoreAll();
  const query = { group_by: "day,model", provider: "mine", from: "2026-11-28", to: "2026-11-30", tz: "UTC" };
  assert.deepEqual(asked, [
    ["usage.report", { ...query, after: undefined }],
    ["usage.report", { ...query, after: "x" }],
  ]);
  const { compared, differing, rows } = JSON.parse(printed.join("")) as {
    compared: number;
    differing: number;
    rows: { day: string; differs: boolean }[];
  };
  assert.deepEqual(
    [compared, differing, rows.map(({ day, differs }) => [day, differs])],
    [
      2,
      1,
      [
        ["2026-11-28", false],
        ["2026-11-29", true],
      ],
    ],
  );
});
