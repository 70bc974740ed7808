import { readFileSync, statSync } from "node:fs";
import type { Command } from "commander";
import { GatewayError } from "../../core/index.ts";
import type { FirewallSection, RuleSetName } from "../../policy/index.ts";
import type { LoadedSettings } from "../config/index.ts";
import { print } from "./output.ts";

/** All of the room `policy`, which is loaded only to run the command. */
const ruleSets = Object.keys({
  secrets: true,
  "personal-data": true,
  payment: true,
  network: true,
  "prompt-injection": true,
  confidential: true,
} satisfies Record<RuleSetName, true>);

/** `tokligence firewall test`: what the rules of the configuration find in a text. Nothing is sent but to the classifiers that they name. */
export function addFirewallCommand(program: Command, load: () => Promise<LoadedSettings>): void {
  program
    .command("firewall")
    .description("what must not leave for a provider")
    .helpCommand(false)
    .command("test")
    .description("show what the rules of the configuration find in a file or a text")
    .argument("<text-or-file>")
    .option("--set <names>", `ready-made sets in place of the configuration: ${ruleSets.join(", ")}; by comma`)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  tokligence firewall test 'write to ada@example.com'")
    .action(async (given: string, { json, set }: { readonly json?: boolean; readonly set?: string }) => {
      const { rules, classifiers } =
        set === undefined ? (await load()).settings.firewall : await rulesOf(set.split(",").map((name) => name.trim()));
      if (rules.length === 0) {
        throw new GatewayError(
          "invalid_request",
          "The configuration has no rules: add some under firewall.rules (docs/firewall.md), or give --set.",
        );
      }
      const text = isFile(given) ? readFileSync(given, "utf8") : given;
      const { Firewall } = await import("../../policy/index.ts");
      const { protocols } = await import("../../protocols/index.ts");
      const { withClassifiers } = await import("../compose/classifiers.ts");
      const tried = await withClassifiers(classifiers, protocols, (known) => new Firewall(rules, known).test(text));
      const results = tried.map(({ matches, ...result }) => ({
        ...result,
        matches: matches.map(({ start, end, kind }) => ({ kind, start, end, text: text.slice(start, end) })),
      }));
      print(json === true, results, () => results.flatMap(showRule).join("\n"));
    });
}

/** @throws GatewayError if there is no such set. */
async function rulesOf(sets: readonly string[]): Promise<FirewallSection> {
  const { firewallSchema, readFirewall } = await import("../../policy/index.ts");
  const parsed = firewallSchema.safeParse({ rules: Object.fromEntries(sets.map((name) => [name, { action: "observe", sets: [name] }])) });
  if (!parsed.success) throw new GatewayError("invalid_request", `--set takes names of ${ruleSets.join(", ")}, by comma.`);
  return readFirewall(parsed.data);
}

/** A text may be longer than a path can be, and a folder is no text. */
function isFile(path: string): boolean {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory() === true) throw new GatewayError("invalid_request", `${path} is a folder. Give a file, or a text.`);
    return found !== undefined;
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    return false;
  }
}

interface ShownRule {
  readonly rule: string;
  readonly action: string;
  readonly matches: readonly { readonly kind: string; readonly text: string }[];
  readonly categories: readonly string[];
  readonly problems: readonly string[];
}

function showRule({ rule, action, matches, categories, problems }: ShownRule): string[] {
  const lines = [
    ...matches.map(({ kind, text }) => `  ${kind}  ${text.replaceAll(/\s+/g, " ").slice(0, 100)}`),
    ...categories.map((category) => `  ${category}`),
    ...problems.map((problem) => `  without a judgement: ${problem}`),
  ];
  return lines.length === 0 ? [`${rule} (${action}): nothing`] : [`${rule} (${action}):`, ...lines];
}
