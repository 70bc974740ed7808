import { text as readText } from "node:stream/consumers";
import type { Command } from "commander";
import type { ChosenModel } from "../assistant/choose-model.ts";
import type { LoadedSettings } from "../config/index.ts";
import { addExamples } from "./output.ts";
import type { WithAdmin } from "./with-admin.ts";

interface Options {
  readonly model?: string;
  readonly maxTokens: string;
  readonly json?: boolean;
}

/** `tokligence ask "hi" -m model`: one question, whose answer is printed as it comes. */
export function addAskCommand(program: Command, admin: WithAdmin, load: () => Promise<LoadedSettings>): void {
  const command = program
    .command("ask")
    .description("ask a model one question, through the running gateway or at its provider; the answer streams")
    .argument("[question...]", "the question; without it, what comes on standard input")
    .option("-m, --model <model>", "the model; by default the first that can be used")
    .option("--max-tokens <count>", "the longest answer", "4096")
    .option("--json", "print the answer, its model and its tokens as JSON")
    .action(async (words: string[], options: Options) => {
      if (words.length === 0 && process.stdin.isTTY) throw new Error('Give a question, as in: tokligence ask "What is TLS?" -m gpt-5-mini');
      const question = words.length > 0 ? words.join(" ") : await readText(process.stdin);
      if (question.trim() === "") throw new Error("The question is empty. Give one as an argument or on standard input.");
      const maxTokens = Number(options.maxTokens);
      if (!Number.isSafeInteger(maxTokens) || maxTokens < 1) {
        throw new Error(`--max-tokens takes a whole number from 1 up, not "${options.maxTokens}".`);
      }
      await admin(async (call) => {
        const [{ chooseModel }, { detectServers }] = await Promise.all([import("../assistant/choose-model.ts"), import("../detect.ts")]);
        const chosen = await chooseModel({
          loaded: await load(),
          call,
          model: options.model,
          mask: (text) => text,
          learn: () => {},
          detect: detectServers,
          ...(options.model === undefined ? {} : { takesBuiltin: true }),
        });
        try {
          await printAnswer(chosen, { question, maxTokens, isJson: options.json === true });
        } finally {
          await chosen.close();
        }
      });
    });
  addExamples(command, ['tokligence ask "What is TLS?" -m gpt-5-mini', "git diff | tokligence ask Review this -m claude-sonnet-4-5"]);
}

interface Question {
  readonly question: string;
  readonly maxTokens: number;
  readonly isJson: boolean;
}

/** Ctrl-C ends the answer in order, so that a key made for it is revoked. */
async function printAnswer(chosen: ChosenModel, { question, maxTokens, isJson }: Question): Promise<void> {
  const abort = new AbortController();
  const end = (): void => {
    abort.abort();
  };
  process.once("SIGINT", end);
  try {
    const request = {
      messages: [{ role: "user" as const, content: [{ type: "text" as const, text: question }] }],
      maxOutputTokens: maxTokens,
    };
    const onText = isJson ? {} : { onText: (text: string) => process.stdout.write(printable(text)) };
    const answer = await chosen.ask(request, { ...onText, signal: abort.signal });
    if (!isJson) {
      process.stdout.write("\n");
      return;
    }
    const text = answer.content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("");
    process.stdout.write(`${JSON.stringify({ answer: text, model: chosen.model, way: chosen.way, usage: answer.usage }, null, 2)}\n`);
  } finally {
    process.off("SIGINT", end);
  }
}

/** What a model says must not move the terminal's cursor. */
function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is replaced
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "?");
}
