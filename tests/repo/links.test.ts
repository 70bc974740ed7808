import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const docs = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).map((file) => join("docs", file));
const pages = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "AGENTS.md", "bench/README.md", ...docs].filter((file) =>
  file.endsWith(".md"),
);

/** The anchor that a Markdown viewer makes of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(/\s/g, "-");
}

function anchors(file: string): Set<string> {
  const headings = readFileSync(file, "utf8").matchAll(/^#+ (.+)$/gm);
  return new Set([...headings].map(([, heading = ""]) => anchorOf(heading)));
}

test("every relative link of the documentation leads to a file, and to a heading that exists", () => {
  const broken: string[] = [];
  for (const page of pages) {
    for (const [, link = ""] of readFileSync(join(root, page), "utf8").matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? join(root, page) : join(root, dirname(page), path);
      if (!existsSync(target) || (anchor !== undefined && !anchors(target).has(anchor))) broken.push(`${page}: ${link}`);
    }
  }
  assert.deepEqual(broken, []);
});

test("every page is in the index of the documentation", () => {
  const index = readFileSync(join(root, "docs", "README.md"), "utf8") + readFileSync(join(root, "docs", "decisions", "README.md"), "utf8");
  const missing = docs.filter(
    (file) => file.endsWith(".md") && !file.endsWith("README.md") && !index.includes(relative("docs", file).replace("decisions/", "")),
  );
  assert.deepEqual(missing, []);
});
