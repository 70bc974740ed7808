import type { ReliabilityRow } from "./reliability-row.ts";
import { reliabilityRows } from "./reliability-rows.ts";

type Runs = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The text of `docs/reliability.md`. @param measured the text of `docs/reliability.json`, which the long runs write. */
export function renderReliabilityPage(measured: string): string {
  const runs = JSON.parse(measured) as Runs;
  const parts = Object.entries(reliabilityRows).map(([title, rows]) => {
    const lines = rows.map((row) => `| ${row.promise} | ${nameOf(row)} | ${figuresOf(row, runs)} |`);
    return `## ${title}\n\n| promise | test | last measured |\n|---|---|---|\n${lines.join("\n")}\n`;
  });
  return `# Reliability

What the gateway promises, the test of each promise, and what it last measured. \`npm test\` runs the tests that are files, with each change. The others are long runs:
\`npm run test:long\` runs all of them, \`npm run test:long -- NAME\` one. Figures depend on the machine.

${parts.join("\n")}
This page is made by \`npm run docs\` from \`scripts/docs/reliability-rows.ts\` and \`docs/reliability.json\`, which the long runs write.
`;
}

function nameOf({ test }: ReliabilityRow): string {
  return "long" in test ? `\`test:long -- ${test.long}\`` : `[\`${test.file}\`](../${test.file})`;
}

function figuresOf({ test, figures }: ReliabilityRow, runs: Runs): string {
  if (!("long" in test)) return "with each change";
  const run = runs[test.long];
  if (run === undefined || figures === undefined) return "not measured yet";
  const values = [...figures.matchAll(/\{([^}]+)\}/g)].map(([, path]) => valueAt(run, path!));
  if (values.includes(undefined)) return "not measured yet";
  let next = 0;
  return `${figures.replaceAll(/\{[^}]+\}/g, () => values[next++]!)} (${String(run["date"])})`;
}

/** The value at a path, `*` for all members, with what is made of several: `max:` or `count:`. `undefined`: it was not measured. */
function valueAt(run: unknown, path: string): string | undefined {
  const [, how, names] = /^(?:(max|count):)?(.+)$/.exec(path)!;
  let found: readonly unknown[] = [run];
  for (const name of names!.split(".")) {
    found = found.flatMap((value) => {
      if (typeof value !== "object" || value === null) return [];
      const members = name === "*" ? Object.values(value) : [(value as Record<string, unknown>)[name]];
      return members.filter((member) => member !== undefined);
    });
  }
  if (found.length === 0) return undefined;
  if (how === "count") return format(Object.keys(found[0] as object).length);
  return format(how === "max" ? Math.max(...found.map(Number)) : found[0]);
}

function format(value: unknown): string {
  return typeof value === "number" ? value.toLocaleString("en-US") : String(value);
}
