import type { Command } from "commander";
import { ExitStatus } from "./run-program.ts";

interface Options {
  readonly model?: string;
  readonly readOnly?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** `tgw chat`, also `tokligence chat`: the assistant. */
export function addChatCommand(program: Command): void {
  program
    .command("chat")
    .description("an assistant that answers from the documentation, reads the gateway's state, and changes it if you agree")
    .argument("[question...]", "one answer, and exit; without it a conversation, or the question from standard input")
    .option("--model <model>", "the model that answers; it decides the provider")
    .option("--read-only", "change nothing")
    .option("--yes", "make the changes that the question asks for without asking again")
    .option("--json", "print the answer, the tools called and the changes as JSON")
    .action(async (question: string[], options: Options) => {
      const { runChat } = await import("../assistant/run-chat.ts");
      const status = await runChat({
        ...globalOf(program),
        model: options.model,
        isReadOnly: options.readOnly === true,
        isYes: options.yes === true,
        isJson: options.json === true,
        question,
      });
      if (status !== 0) throw new ExitStatus(status);
    });
}

function globalOf(program: Command): { readonly config: string | undefined; readonly url: string | undefined } {
  const { config, url } = program.opts<{ readonly config?: string; readonly url?: string }>();
  return { config, url };
}
