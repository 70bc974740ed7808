/** The counts at the end of a run, by the names that Node's runner gives them. */
export const countNames = ["tests", "suites", "pass", "fail", "cancelled", "skipped", "todo"] as const;

export type Counts = Readonly<Record<(typeof countNames)[number], number>>;

/** What Node's `spec` reporter printed, taken apart. */
export interface RunOutput {
  /** `undefined`: the run ended before its summary. */
  readonly counts: Counts | undefined;
  /** The details of failed tests, which come after the summary. */
  readonly failures: string;
}

/** Takes the output of a run line by line; what comes before the summary is passed on at once. */
export class RunReader {
  readonly #print: (line: string) => void;
  #waiting: string[] = [];
  #counts: Partial<Record<string, number>> = {};
  #tail: string[] = [];
  #isOver = false;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  line(line: string): void {
    if (this.#isOver) {
      this.#tail.push(line);
      return;
    }
    // A summary is its lines in this order; a test may print one of them as well.
    const wanted = [...countNames, "duration_ms"][this.#waiting.length]!;
    const match = /^ℹ (\w+) (\d+(?:\.\d+)?)$/.exec(line);
    if (match?.[1] !== wanted) {
      for (const held of this.#waiting) this.#print(held);
      this.#waiting = [];
      this.#counts = {};
      if (match?.[1] === "tests") this.line(line);
      else this.#print(line);
      return;
    }
    this.#waiting.push(line);
    this.#counts[wanted] = Number(match[2]);
    this.#isOver = wanted === "duration_ms";
  }

  end(): RunOutput {
    if (!this.#isOver) for (const held of this.#waiting) this.#print(held);
    return { counts: this.#isOver ? (this.#counts as Counts) : undefined, failures: this.#tail.join("\n").trim() };
  }
}

/** Two runs or more as one, in the form of Node's `spec` reporter. */
export function formatSummary(outputs: readonly RunOutput[], durationMs: number): string {
  const sums = countNames.map((name) => `ℹ ${name} ${outputs.reduce((sum, { counts }) => sum + (counts?.[name] ?? 0), 0)}`);
  const failures = outputs.map((output) => output.failures).filter((text) => text !== "");
  return `${[...sums, `ℹ duration_ms ${durationMs.toFixed(3)}`, ...failures.map((text) => `\n${text}`)].join("\n")}\n`;
}
