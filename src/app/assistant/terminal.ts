import { writeFileSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";
import { messageOf } from "../../core/index.ts";
import { readVersion } from "../self.ts";
import { answerFromDocumentation } from "./answer-from-documentation.ts";
import { LineReader } from "./line-reader.ts";
import { MarkdownPrinter, paint, printable, wrap, type Paint, type TextStyle } from "./markdown.ts";
import { openSession, type Session, type SessionOptions } from "./session.ts";

const commands: readonly (readonly [string, string])[] = [
  ["/help", "this list"],
  ["/model [NAME]", "the model that answers, or another one for a new conversation"],
  ["/tools", "what the assistant can read and change"],
  ["/copy", "copies the last answer, if the terminal allows it"],
  ["/undo", "takes back the last change of this conversation"],
  ["/save FILE", "writes the conversation to a file, without secrets"],
  ["/clear", "begins a new conversation"],
  ["/exit", "ends (also Ctrl-D)"],
];

type TerminalSession = Omit<SessionOptions, "approve" | "showOnce" | "onCall">;

/** A conversation in a terminal. @returns the exit status. */
export async function runTerminal(input: TerminalSession, style: TextStyle): Promise<number> {
  const lines = createInterface({ input: process.stdin, output: process.stdout, historySize: 200, removeHistoryDuplicates: true });
  const terminal = new Terminal(lines, style);
  try {
    await terminal.run(input);
    return 0;
  } finally {
    lines.close();
  }
}

class Terminal {
  readonly #reader: LineReader;
  readonly #style: TextStyle;
  #answer: AbortController | undefined;
  #isOver = false;
  /** Removes secrets from what the arrow keys find. */
  #clean: (text: string) => string = (text) => text;
  #isAsking = false;
  /** Without secrets. */
  #lastAnswer = "";

  constructor(lines: Interface, style: TextStyle) {
    this.#reader = new LineReader(lines, process.stdin, process.stdout);
    this.#style = style;
    // Ctrl-C stops an answer, also one that asks for a yes; without one it ends the conversation.
    lines.on("SIGINT", () => {
      if (this.#answer === undefined) {
        lines.close();
        return;
      }
      this.#answer.abort();
      this.#reader.cancel();
    });
    // The list of earlier lines may be changed here (Node's documentation of readline). A yes is no question.
    lines.on("history", (history: string[]) => {
      if (this.#isAsking) history.shift();
      else if (history[0] !== undefined) history[0] = this.#clean(history[0]);
    });
    lines.on("close", () => {
      this.#isOver = true;
      this.#answer?.abort();
    });
  }

  async run(input: TerminalSession): Promise<void> {
    let session = await openSession({
      ...input,
      approve: (change) => this.#approve(change),
      showOnce: (secret) => this.#say("yellow", `The key, shown this once: ${secret}`),
      onCall: (name, text) => this.#call(name, text),
    });
    this.#clean = (text) => session.masker.take(text);
    try {
      this.#welcome(session, input);
      while (!this.#isOver) {
        const typed = await this.#read();
        if (typed === undefined || typed === "/exit") break;
        if (typed.startsWith("/")) session = await this.#command(typed, session);
        else if (typed !== "") await this.#ask(typed, session);
      }
    } finally {
      await session.close();
    }
  }

  #welcome({ chosen, problem, notice }: Session, { isReadOnly, isYes }: TerminalSession): void {
    this.#write(`${paint(this.#style, "bold", `Tokligence ${readVersion()}`)} assistant\n`);
    if (chosen === undefined) this.#say("yellow", `${problem ?? ""} Until then, questions are answered from the documentation by search.`);
    else this.#say("dim", `Model: ${chosen.model}, ${chosen.way} (${chosen.reason}).`);
    if (notice !== undefined) this.#say("yellow", printable(`${notice}. Ask for help to mend it.`));
    if (isReadOnly) this.#say("dim", "Read only: nothing is changed.");
    else this.#say("dim", isYes ? "--yes: changes that you ask for are made at once." : "Reads by itself; asks before each change.");
    this.#say("dim", "/help lists the commands. A \\ at the end of a line goes on with the next one.");
  }

  /** A question, of several lines if they end with a backslash or were pasted. `undefined`: the input is over. */
  async #read(): Promise<string | undefined> {
    const parts: string[] = [];
    for (;;) {
      const line = await this.#reader.read(parts.length === 0 ? "\n> " : "… ");
      if (line === undefined) return undefined;
      const goesOn = line.text.endsWith("\\");
      parts.push(goesOn ? line.text.slice(0, -1) : line.text);
      if (!goesOn && !line.isPasted) return parts.join("\n").trim();
    }
  }

  async #approve({ summary, hasForeignText }: { readonly summary: string; readonly hasForeignText: boolean }): Promise<boolean> {
    this.#write("\n");
    for (const line of printable(summary).split("\n")) {
      // A line of a file stays whole.
      const parts = /^[+-] /.test(line) ? [line] : wrap(line, this.#style.width);
      for (const part of parts) this.#write(`${paint(this.#style, colourOf(line), part)}\n`);
    }
    if (hasForeignText)
      this.#say("dim", "The assistant has read text that others wrote (names, logs, errors). Agree only if you want this change.");
    this.#isAsking = true;
    const answer = await this.#reader.readNow("Make this change? [y/N] ");
    this.#isAsking = false;
    if (answer === undefined) this.#write("\n");
    return /^\s*y(?:es)?\s*$/i.test(answer ?? "");
  }

  async #ask(question: string, session: Session): Promise<void> {
    const { conversation, masker, documentation } = session;
    const printer = new MarkdownPrinter(
      this.#style,
      (text) => masker.mask(text),
      (text) => this.#write(text),
    );
    if (conversation === undefined) {
      this.#lastAnswer = answerFromDocumentation(documentation, masker.take(question)).text;
      printer.push(this.#lastAnswer);
      printer.end();
      return;
    }
    this.#answer = new AbortController();
    try {
      const { answer } = await conversation.ask(question, { onText: (text) => printer.push(text), signal: this.#answer.signal });
      this.#lastAnswer = masker.mask(answer);
      printer.end();
    } catch (error) {
      printer.end();
      if (this.#answer.signal.aborted) this.#say("dim", "Stopped.");
      else this.#say("red", printable(masker.mask(messageOf(error))));
    } finally {
      this.#answer = undefined;
    }
  }

  async #command(line: string, session: Session): Promise<Session> {
    const [name = "", ...rest] = line.split(/\s+/);
    const argument = rest.join(" ");
    try {
      switch (name) {
        case "/help":
          for (const [command, what] of commands) this.#write(`${paint(this.#style, "cyan", command.padEnd(16))} ${what}\n`);
          return session;
        case "/tools":
          for (const { name: tool, kind, description } of session.tools) this.#describe(tool, kind, description);
          return session;
        case "/model":
          return await this.#model(argument, session);
        case "/copy":
          this.#copy();
          return session;
        case "/undo":
          this.#say("green", (await session.conversation?.undo()) ?? "Without a model nothing was changed.");
          return session;
        case "/save":
          this.#save(argument, session);
          return session;
        case "/clear":
          session.conversation?.clear();
          this.#say("dim", "A new conversation begins.");
          return session;
        default:
          this.#say("yellow", `There is no ${name}. /help lists the commands.`);
          return session;
      }
    } catch (error) {
      this.#say("red", printable(session.masker.mask(messageOf(error))));
      return session;
    }
  }

  async #model(name: string, session: Session): Promise<Session> {
    const next = name === "" ? session : await session.withModel(name);
    const { chosen, problem } = next;
    this.#say("dim", chosen === undefined ? (problem ?? "") : `Model: ${chosen.model}, ${chosen.way} (${chosen.reason}).`);
    return next;
  }

  #describe(tool: string, kind: string, description: string): void {
    const lines = wrap(description, Math.max(20, this.#style.width - 28));
    this.#write(
      `${paint(this.#style, kind === "read" ? "cyan" : "yellow", tool.padEnd(20))} ${kind.padEnd(6)} ${lines.join(`\n${" ".repeat(28)}`)}\n`,
    );
  }

  /** The terminal itself has the clipboard, also over ssh: it is asked by OSC 52 (xterm, "Control Sequences"). */
  #copy(): void {
    if (this.#lastAnswer === "") throw new Error("There is no answer to copy yet.");
    this.#write(`\u001b]52;c;${Buffer.from(this.#lastAnswer).toString("base64")}\u0007`);
    this.#say("dim", `Copied ${this.#lastAnswer.length} characters, if the terminal allows it (OSC 52).`);
  }

  #save(file: string, { conversation }: Session): void {
    if (file === "" || conversation === undefined) throw new Error("/save takes the name of a file, once there is a conversation.");
    writeFileSync(file, conversation.transcript(), { mode: 0o600, flag: "wx" });
    this.#say("dim", `Wrote ${file}.`);
  }

  /** A call of a tool, in one line. */
  #call(name: string, text: string): void {
    const line = printable(`· ${name} ${text === "{}" ? "" : text}`).replaceAll(/\s+/g, " ");
    this.#write(`${paint(this.#style, "dim", line.length > this.#style.width ? `${line.slice(0, this.#style.width - 1)}…` : line)}\n`);
  }

  #say(how: Paint, text: string): void {
    for (const line of wrap(text, this.#style.width)) this.#write(`${paint(this.#style, how, line)}\n`);
  }

  #write(text: string): void {
    process.stdout.write(text);
  }
}

/** The lines of a diff in colour. */
function colourOf(line: string): Paint {
  if (line.startsWith("+ ")) return "green";
  return line.startsWith("- ") ? "red" : "bold";
}
