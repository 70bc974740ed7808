/** How text is shown. */
export interface TextStyle {
  readonly colours: boolean;
  /** Columns of the terminal; without one, as in a pipe, `Infinity`: lines are not broken. */
  readonly width: number;
}

/**
 * Colours of middle brightness from the cube of 256 colours: each has a contrast of at least 3.9 on black and on white (a test reckons it). The first 16
 * colours and "dim" are the terminal's own, and yellow, green and cyan are often unreadable on a light background.
 */
export const codes = { bold: "1", dim: "38;5;243", cyan: "38;5;30", yellow: "38;5;130", green: "38;5;28", red: "38;5;196" } as const;
export type Paint = keyof typeof codes;

export function paint(style: Pick<TextStyle, "colours">, how: Paint, text: string): string {
  return style.colours && text !== "" ? `\u001b[${codes[how]}m${text}\u001b[0m` : text;
}

/** Text that a model or a client wrote must not move the terminal's cursor. */
export function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]/gu, "");
}

/** Shows Markdown that arrives in pieces. A line is shown once it is complete, so that a secret in it is found whole. */
export class MarkdownPrinter {
  readonly #style: TextStyle;
  readonly #mask: (text: string) => string;
  readonly #write: (text: string) => void;
  #rest = "";
  #isCode = false;
  #isEmpty = true;

  constructor(style: TextStyle, mask: (text: string) => string, write: (text: string) => void) {
    this.#style = style;
    this.#mask = mask;
    this.#write = write;
  }

  push(text: string): void {
    this.#rest += text;
    const end = this.#rest.lastIndexOf("\n");
    if (end < 0) return;
    const lines = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    // Together, as a secret may be of several lines.
    for (const line of printable(this.#mask(lines)).split("\n")) this.#line(line);
  }

  end(): void {
    if (this.#rest !== "") this.push("\n");
    this.#isCode = false;
    this.#isEmpty = true;
  }

  #line(line: string): void {
    const isBlank = line.trim() === "";
    if (isBlank && this.#isEmpty) return;
    this.#isEmpty = isBlank;
    this.#write(`${this.#shown(line)}\n`);
  }

  #shown(line: string): string {
    if (line.trimStart().startsWith("```")) {
      this.#isCode = !this.#isCode;
      return paint(this.#style, "dim", line);
    }
    if (this.#isCode) return paint(this.#style, "cyan", line);
    // A row of a table is not broken, nor is what is narrow enough.
    const lines = line.trimStart().startsWith("|") ? [line] : wrap(line, this.#style.width);
    return lines.map((part) => this.#inline(part)).join("\n");
  }

  #inline(line: string): string {
    const [, heading] = /^#{1,6} (.+)$/.exec(line) ?? [];
    if (heading !== undefined) return paint(this.#style, "bold", heading.replaceAll(/\*\*|`/g, ""));
    if (!this.#style.colours) return line;
    return line
      .replaceAll(/`([^`]+)`/g, (_, code: string) => paint(this.#style, "cyan", code))
      .replaceAll(/\*\*([^*]+)\*\*/g, (_, strong: string) => paint(this.#style, "bold", strong));
  }
}

/** Breaks a line between words; code in a line stays whole. What continues a point of a list is set below its text. */
export function wrap(line: string, width: number): string[] {
  if (line.length <= width) return [line];
  const indent = /^\s*(?:(?:[-*+]|\d+[.)])\s+|>\s+)?/.exec(line)![0];
  const below = " ".repeat(Math.min(indent.length, Math.floor(width / 2)));
  const lines: string[] = [];
  let current = indent;
  let isFirst = true;
  for (const [word] of line.slice(indent.length).matchAll(/(?:`[^`]+`|\S)+/g)) {
    if (!isFirst && current.length + 1 + word.length > width) {
      lines.push(current);
      current = below + word;
    } else {
      current += isFirst ? word : ` ${word}`;
    }
    isFirst = false;
  }
  return [...lines, current];
}
