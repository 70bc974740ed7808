import assert from "node:assert/strict";
import { test } from "node:test";
import { backupText } from "./backup-commands.ts";

test("a backup names the variables that a new machine needs, and those that are not set here apart from them", () => {
  const report = {
    file: "/a.backup",
    size_bytes: 5,
    format: "tokligence-backup-1" as const,
    version: "0.1.0",
    schema_version: 3,
    created_at: "2026-01-31T00:00:00.000Z",
    database: "sqlite" as const,
    secrets: true,
    variables: ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "TOKLIGENCE_PROVIDERS_MINE_API_KEY"],
    other_files: [],
    rows: { users: 1, api_keys: 2, usage_entries: 0 },
    digests: {},
  };
  assert.equal(
    backupText(report, { OPENAI_API_KEY: "sk-here" }),
    `Wrote /a.backup (5 bytes): 1 user, 2 keys, 0 usage entries, schema version 3.
It has the secrets of this gateway. Keep it where only you can read it.
A new machine needs these variables as well: OPENAI_API_KEY, TOKLIGENCE_PROVIDERS_MINE_API_KEY
The configuration also reads these, which are not set here: ANTHROPIC_API_KEY`,
  );
});
