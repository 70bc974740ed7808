import assert from "node:assert/strict";
import { test } from "node:test";
import { releaseChanges } from "./change-log.ts";

const text = "# Changelog\n\n## 0.10.0 (unreleased)\n\n- New.\n- Better.\n\n## 0.9.1 (2026-01-31)\n\n- Old.\n";

test("the section of a version gets the day of its release, once, and is what the release says of itself", () => {
  const { text: dated, section } = releaseChanges(text, "0.10.0", "2026-02-01");
  assert.equal(dated, text.replace("(unreleased)", "(2026-02-01)"));
  assert.equal(section, "- New.\n- Better.");
  assert.deepEqual(releaseChanges(dated, "0.10.0", "2026-03-01"), { text: dated, section });
  assert.equal(releaseChanges(text, "0.9.1", "2026-02-01").section, "- Old.");
});

test("a version that is not a semantic one, is not newer than the last, or has no changes, is not released", () => {
  const refused = (log: string, name: string): string => {
    try {
      releaseChanges(log, name, "2026-02-01");
      return "released";
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.deepEqual(
    [
      refused(text, "1.0"),
      refused(text, "0.11.0"),
      refused(text.replaceAll("0.10.0", "0.9.0"), "0.9.0"),
      refused(text.replace("- New.\n- Better.\n\n", ""), "0.10.0"),
    ],
    [
      'package.json: "1.0" is not a version of three numbers.',
      'CHANGELOG.md has no section "## 0.11.0 (unreleased)".',
      "0.9.0 is not newer than 0.9.1, the release before it.",
      "CHANGELOG.md: the section of 0.10.0 is empty.",
    ],
  );
});
