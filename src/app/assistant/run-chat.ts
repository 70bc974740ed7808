import { text as readText } from "node:stream/consumers";
import { hasColours } from "../logging/pretty-line.ts";
import { answerFromDocumentation } from "./answer-from-documentation.ts";
import { MarkdownPrinter, paint, printable, type TextStyle } from "./markdown.ts";
import { openSession, type Session, type SessionOptions } from "./session.ts";
import { findRemote } from "../find-remote.ts";
import { runTerminal } from "./terminal.ts";

export interface ChatOptions {
  readonly config: string | undefined;
  /** `--url`: a gateway on another machine. */
  readonly url: string | undefined;
  readonly model: string | undefined;
  readonly isReadOnly: boolean;
  readonly isYes: boolean;
  readonly isJson: boolean;
  /** The words of the command line; none: a conversation, or the question comes on stdin. */
  readonly question: readonly string[];
}

/** `tgw chat`. @returns the exit status: 1 if there was no answer, or a change was not made. */
export async function runChat(options: ChatOptions): Promise<number> {
  const { stdin, stdout } = process;
  const style: TextStyle = {
    colours: hasColours(stdout),
    // Read each time: a terminal may be made wider or narrower.
    get width() {
      return stdout.isTTY ? Math.min(stdout.columns || 80, 120) : Infinity;
    },
  };
  const session = {
    remote: options.url === undefined ? undefined : findRemote(options.url, process.env),
    place: options.config === undefined ? {} : { path: options.config },
    model: options.model,
    isReadOnly: options.isReadOnly,
    isYes: options.isYes,
    env: process.env,
  };
  if (options.question.length === 0 && stdin.isTTY && stdout.isTTY && !options.isJson) return await runTerminal(session, style);
  const question = options.question.length > 0 ? options.question.join(" ") : await readText(stdin);
  if (question.trim() === "") throw new Error("There is no question. Give one as an argument or on standard input.");
  return await answerOnce({ session, question, isJson: options.isJson, style });
}

interface OneQuestion {
  readonly session: Omit<SessionOptions, "approve" | "showOnce">;
  readonly question: string;
  readonly isJson: boolean;
  readonly style: TextStyle;
}

/** One answer. Without a terminal there is nobody to ask: what needs a yes is not done. */
async function answerOnce({ session: input, question, isJson, style }: OneQuestion): Promise<number> {
  const shownOnce: string[] = [];
  const session = await openSession({
    ...input,
    approve: ({ summary, hasForeignText }) => {
      const why =
        input.isYes && hasForeignText ? "It is not in the question, so --yes does not cover it" : "It needs a yes: --yes gives it";
      process.stderr.write(`Not done. ${why}.\n${printable(summary)}\n`);
      return Promise.resolve(false);
    },
    showOnce: (secret) => {
      shownOnce.push(secret);
      if (!isJson) process.stderr.write(`The key, shown this once: ${secret}\n`);
    },
  });
  try {
    if (session.notice !== undefined) process.stderr.write(`${printable(session.notice)}\n`);
    if (session.conversation === undefined) return answerWithoutModel(session, question, isJson, style);
    const printer = new MarkdownPrinter(
      style,
      (text) => session.masker.mask(text),
      (text) => process.stdout.write(text),
    );
    const { answer, changes, calls } = await session.conversation.ask(question, isJson ? {} : { onText: (text) => printer.push(text) });
    printer.end();
    if (isJson) {
      const model = { name: session.chosen?.model, way: session.chosen?.way };
      const keys = shownOnce.length === 0 ? {} : { shown_once: shownOnce };
      process.stdout.write(`${JSON.stringify({ answer, model, calls, changes, ...keys }, null, 2)}\n`);
    } else if (calls.length > 0 || changes.length > 0) {
      for (const { summary } of changes.filter(({ outcome }) => outcome === "applied")) {
        process.stderr.write(`${paint({ colours: false }, "green", "Done.")} ${printable(summary)}\n`);
      }
    }
    return changes.some(({ outcome }) => outcome !== "applied") ? 1 : 0;
  } finally {
    await session.close();
  }
}

function answerWithoutModel(session: Session, question: string, isJson: boolean, style: TextStyle): number {
  const { text, pages } = answerFromDocumentation(session.documentation, session.masker.take(question));
  if (isJson) {
    process.stdout.write(`${JSON.stringify({ answer: text, model: null, problem: session.problem, pages }, null, 2)}\n`);
    return pages.length === 0 ? 1 : 0;
  }
  process.stderr.write(`${session.problem}\nWithout a model, this is what the documentation says:\n\n`);
  const printer = new MarkdownPrinter(
    style,
    (part) => part,
    (part) => process.stdout.write(part),
  );
  printer.push(text);
  printer.end();
  return pages.length === 0 ? 1 : 0;
}
