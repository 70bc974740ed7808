import { homedir } from "node:os";
import type { Command } from "commander";
import type { Finding } from "../doctor/finding.ts";
import { hasColours } from "../logging/pretty-line.ts";
import { addExamples, print, terminalWidth } from "./output.ts";
import { ExitStatus } from "./run-program.ts";

/** `tokligence doctor`: what is wrong, and the command that mends it. Exit status 1: something is wrong. */
export function addDoctorCommand(program: Command, config: () => string | undefined): void {
  const command = program
    .command("doctor")
    .description("look at configuration, port, database, disk, clock, keys of providers and clients; say what mends what is wrong")
    .option("--json", "print JSON")
    .action(async ({ json }: { readonly json?: boolean }) => {
      const { examine } = await import("../doctor/examine.ts");
      const findings = await examine({ config: config(), env: process.env, home: homedir(), nowMs: Date.now() });
      const isWell = !findings.some(({ state }) => state === "problem");
      print(json === true, { ok: isWell, findings }, () => findingsText(findings, terminalWidth(), hasColours(process.stdout)));
      if (!isWell) throw new ExitStatus(1);
    });
  addExamples(command, ["tokligence doctor", "tokligence --config /etc/tokligence/config.yaml doctor --json"]);
}

const marks: Readonly<Record<Finding["state"], readonly [mark: string, code: string]>> = {
  ok: ["✓", "32"],
  info: ["–", "2"],
  warning: ["!", "33"],
  problem: ["✗", "31"],
};

export function findingsText(findings: readonly Finding[], width: number, colours: boolean): string {
  const nameWidth = Math.max(...findings.map(({ name }) => name.length));
  const lines = findings.flatMap(({ name, state, message, remedy }) => {
    const [mark, code] = marks[state];
    const shown = colours ? `\u001b[${code}m${mark}\u001b[0m` : mark;
    const indent = " ".repeat(nameWidth + 4);
    const text = wrap(message.replaceAll(/\s+/g, " "), width - indent.length);
    const mend = remedy === undefined ? [] : wrap(`→ ${remedy}`, width - indent.length);
    return [`${shown} ${name.padEnd(nameWidth)}  ${text[0]}`, ...[...text.slice(1), ...mend].map((line) => indent + line)];
  });
  const problems = findings.filter(({ state }) => state === "problem").length;
  const warnings = findings.filter(({ state }) => state === "warning").length;
  return [...lines, "", summary(problems, warnings)].join("\n");
}

function summary(problems: number, warnings: number): string {
  if (problems === 0) return warnings === 0 ? "All is well." : `Nothing is broken; ${counted(warnings, "warning")}.`;
  return `${counted(problems, "problem")}${warnings === 0 ? "" : `, ${counted(warnings, "warning")}`}.`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Lines of at most that width, if no word is longer. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
