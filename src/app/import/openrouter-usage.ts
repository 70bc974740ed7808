import { readFileSync } from "node:fs";
import { whyUnreadable } from "../explain-file-error.ts";
import { nanoOfNumber, readCsv } from "../../ledger/index.ts";
import { requestIdOf } from "./apply-accounts.ts";
import { usernameOf, type AccountsPlan, type ImportedUsage } from "./import-plan.ts";
import { readDatabaseTime, usageRowOf } from "./usage-row.ts";

const owner = "openrouter";

/**
 * The CSV of OpenRouter's activity page: a line for each generation, with `generation_id`, `created_at`, `cost_total` (US dollars), `tokens_prompt`,
 * `tokens_completion` and `model_permaslug`. @throws Error if the file is not of that form.
 */
export function readOpenrouterUsage(file: string): AccountsPlan {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`${file} cannot be read: ${whyUnreadable(error)}. Give the CSV of OpenRouter's activity page.`, { cause: error });
  }
  const rows = readCsv(text);
  const usage = rows.flatMap((row): ImportedUsage[] => {
    const timeMs = readDatabaseTime(row["created_at"]);
    const cost = numberOf(row["cost_total"]);
    if (timeMs === undefined || cost === undefined) return [];
    const model = textOf(row["model_permaslug"]) ?? textOf(row["model"]) ?? "unknown";
    const inputTokens = numberOf(row["tokens_prompt"]) ?? null;
    const outputTokens = numberOf(row["tokens_completion"]) ?? null;
    const id = textOf(row["generation_id"]) ?? JSON.stringify(row);
    const entry = usageRowOf({
      requestId: requestIdOf(`openrouter ${id}`),
      timeMs,
      provider: "openrouter",
      model,
      inputTokens,
      outputTokens,
      costNanoUsd: nanoOfNumber(cost),
    });
    return [{ row: entry, username: owner, keyHash: null }];
  });
  if (usage.length === 0) {
    throw new Error(
      `${file} has no line with created_at and cost_total: give the CSV of OpenRouter's activity page, which has a line for each generation.`,
    );
  }
  const left = rows.length - usage.length;
  return {
    users: [{ username: usernameOf(owner), email: null, role: "user", isDisabled: false }],
    keys: [],
    budgets: [],
    limits: [],
    usage,
    notes: [
      { path: "user", reason: `the file names no users of the gateway: all entries are of the user "${owner}"` },
      ...(left === 0 ? [] : [{ path: `lines (${left})`, reason: "they have no time, or no cost" }]),
    ],
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  const number = value === "" || value === undefined ? Number.NaN : Number(value);
  return Number.isFinite(number) && number >= 0 ? number : undefined;
}
