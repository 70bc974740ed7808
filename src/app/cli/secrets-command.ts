import { Option, type Command } from "commander";
import type { OperationAnswer } from "../../server/index.ts";
import { addExamples, print } from "./output.ts";
import type { WithAdmin } from "./with-admin.ts";

interface Options {
  readonly only?: "sealing" | "audit";
  readonly json?: boolean;
}

/** `rotate-secrets`: new secrets of the installation, while the gateway runs or not. */
export function addRotateSecretsCommand(program: Command, admin: WithAdmin): void {
  const command = program
    .command("rotate-secrets")
    .description("make a new key that seals proofs of reasoning, and a new key that signs the audit trail; old ones stay for reading")
    .addOption(new Option("--only <which>", "one of the two").choices(["sealing", "audit"]))
    .option("--json", "print JSON")
    .action(async ({ only, json }: Options) => {
      const rotated = await admin((call) => call("secrets.rotate", { body: only === undefined ? {} : { only } }));
      print(json === true, rotated, () => rotatedText(rotated));
    });
  addExamples(command, ["tokligence rotate-secrets", "tokligence rotate-secrets --only audit"]);
}

function rotatedText({ sealing, audit }: OperationAnswer<"secrets.rotate">): string {
  const lines: string[] = [];
  if (sealing !== null)
    lines.push(`Sealing key ${sealing.key} seals from ${sealing.seals_from} on; the older ones still open what they have sealed.`);
  if (audit !== null) {
    lines.push(
      `The audit trail is signed with ${audit.public_key} from now on.`,
      `The last signature of the old key (${audit.previous}) covers the change.`,
    );
  }
  return lines.length === 0 ? "Nothing was changed: the audit trail is off." : lines.join("\n");
}
