const escape = "\u001b";
/** CSI, OSC (ended by BEL or ST), or two characters. */
const sequences = new RegExp(`^${escape}(?:\\[[0-9;?]*[@-~]|\\][^\u0007${escape}]*(?:\u0007|${escape}\\\\)|[^[\\]])`);
const endOfCommand = new RegExp(`\u0007$|${escape}\\\\$`);
const counted = new RegExp(`^${escape}\\[(\\d*)[\\d;]*([A-Za-z])$`);

/** What a terminal of some columns shows of what a program wrote, without an end above or below: the escape sequences that Node's readline and the assistant use. */
export class Screen {
  readonly #columns: number;
  #lines: string[][] = [[]];
  #row = 0;
  #column = 0;
  /** The beginning of a sequence whose rest has not come yet. */
  #rest = "";
  /** Texts of operating system commands, as for the clipboard. */
  readonly commands: string[] = [];

  constructor(columns: number) {
    this.#columns = columns;
  }

  write(text: string): void {
    const all = this.#rest + text;
    this.#rest = "";
    let at = 0;
    while (at < all.length) {
      if (all[at] !== escape) {
        this.#put(all[at]!);
        at += 1;
        continue;
      }
      const [sequence] = sequences.exec(all.slice(at)) ?? [];
      if (sequence === undefined) {
        this.#rest = all.slice(at);
        return;
      }
      this.#obey(sequence);
      at += sequence.length;
    }
  }

  /** The lines, without spaces at their ends and empty lines at the end. */
  get text(): string {
    return this.#lines
      .map((line) =>
        Array.from(line, (character) => character ?? " ")
          .join("")
          .trimEnd(),
      )
      .join("\n")
      .trimEnd();
  }

  #put(character: string): void {
    if (character === "\n") this.#go(this.#row + 1, this.#column);
    else if (character === "\r") this.#column = 0;
    else if (character === "\b") this.#column = Math.max(0, this.#column - 1);
    else if (character >= " ") {
      if (this.#column === this.#columns) this.#go(this.#row + 1, 0);
      this.#lines[this.#row]![this.#column] = character;
      this.#column += 1;
    }
  }

  #go(row: number, column: number): void {
    this.#row = Math.max(0, row);
    this.#column = Math.min(Math.max(0, column), this.#columns - 1);
    while (this.#lines.length <= this.#row) this.#lines.push([]);
  }

  #obey(sequence: string): void {
    if (sequence.startsWith(`${escape}]`)) {
      this.commands.push(sequence.slice(2).replace(endOfCommand, ""));
      return;
    }
    const [, digits = "", letter = ""] = counted.exec(sequence) ?? [];
    const count = Math.max(1, Number(digits));
    if (letter === "A") this.#go(this.#row - count, this.#column);
    else if (letter === "B") this.#go(this.#row + count, this.#column);
    else if (letter === "C") this.#go(this.#row, this.#column + count);
    else if (letter === "D") this.#go(this.#row, this.#column - count);
    else if (letter === "G") this.#go(this.#row, count - 1);
    else if (letter === "K" && digits !== "1")
      this.#lines[this.#row]!.length = Math.min(this.#lines[this.#row]!.length, digits === "2" ? 0 : this.#column);
    else if (letter === "J" && digits !== "1") {
      this.#lines.length = this.#row + 1;
      this.#lines[this.#row]!.length = Math.min(this.#lines[this.#row]!.length, this.#column);
    }
  }
}
