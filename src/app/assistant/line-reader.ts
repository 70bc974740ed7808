import type { Interface } from "node:readline";

/** A line as it was typed. */
export interface TypedLine {
  readonly text: string;
  /** It came from the clipboard, with more of the same text behind it. */
  readonly isPasted: boolean;
}

/** Switch a terminal's marks around pasted text on and off (xterm, "Bracketed Paste Mode"). */
const marks = { on: "\u001b[?2004h", off: "\u001b[?2004l" } as const;

/** Reads lines of a terminal. What is typed while nothing is asked is kept for the next question, and pasted lines belong together. */
export class LineReader {
  readonly #lines: Interface;
  readonly #output: Pick<NodeJS.WritableStream, "write">;
  /** Lines that nothing has asked for yet. */
  #waiting: TypedLine[] = [];
  #deliver: ((line: TypedLine | undefined) => void) | undefined;
  #isPasting = false;
  #isClosed = false;

  /** @param input where `lines` reads its keys from. */
  constructor(lines: Interface, input: Pick<NodeJS.ReadableStream, "on">, output: Pick<NodeJS.WritableStream, "write">) {
    this.#lines = lines;
    this.#output = output;
    output.write(marks.on);
    // Node names these two keys, and does nothing with them.
    input.on("keypress", (_: string | undefined, { name }: { readonly name?: string }) => {
      if (name === "paste-start" || name === "paste-end") this.#isPasting = name === "paste-start";
    });
    lines.on("line", (text) => this.#take({ text, isPasted: this.#isPasting }));
    lines.on("close", () => {
      this.#isClosed = true;
      output.write(marks.off);
      this.cancel();
    });
  }

  /** The next line, with what was typed of it so far. `undefined`: the input is over, or `cancel` was called. */
  async read(prompt: string): Promise<TypedLine | undefined> {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined || this.#isClosed) return waiting;
    const line = new Promise<TypedLine | undefined>((resolve) => (this.#deliver = resolve));
    this.#lines.setPrompt(prompt);
    this.#lines.prompt(true);
    return await line;
  }

  /** A line that was typed after the prompt was shown: what was typed before is no answer to it. */
  async readNow(prompt: string): Promise<string | undefined> {
    this.#waiting = [];
    // Deletes both sides of the cursor.
    for (const name of ["u", "k"]) if (!this.#isClosed) this.#lines.write(null, { ctrl: true, name });
    return (await this.read(prompt))?.text;
  }

  /** Ends the current `read` without a line, and forgets what nothing has asked for. */
  cancel(): void {
    this.#waiting = [];
    const deliver = this.#deliver;
    this.#deliver = undefined;
    deliver?.(undefined);
  }

  #take(line: TypedLine): void {
    const deliver = this.#deliver;
    this.#deliver = undefined;
    if (deliver === undefined) this.#waiting.push(line);
    else deliver(line);
    if (line.isPasted) this.#output.write("… ");
  }
}
