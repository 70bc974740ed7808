import { setImmediate } from "node:timers/promises";
import { compilePattern, type Pattern } from "../../core/index.ts";
import { secretForms, shortestSecret } from "../../upstream/index.ts";

/** Other work of the process gets its turn after this time. */
const turnMs = 10;

/** The computing time that one text may take: a part of its own, and for each character and pattern ten times what the search for one match takes. */
const baseCpuMs = 1000;
const cpuMsPerCharacter = 0.001;

/** The gateway's own keys, and what looks like one. */
const ownKeys = /tok_[\w-]{16,}/g;

/** Takes out of texts what must not be stored. */
export interface BodyRedactor {
  /**
   * @throws RedactionTooLong if the matches of the patterns take far more than linear time: each one is found in linear time, but a pattern such as
   * `a.*b|a` looks through the rest of the text for each of them.
   */
  redact(text: string, secrets: Iterable<string>): Promise<string>;
}

export class RedactionTooLong extends Error {}

/**
 * @param patterns of regular expressions, as `ledger.bodies.redact` has them: each match becomes `[redacted]`.
 * @param cpuMs the computing time of this thread so far. It does not count the time in which a busy machine lets it wait.
 */
export function createBodyRedactor(patterns: readonly string[], cpuMs: () => number = threadCpuMs): BodyRedactor {
  const compiled = patterns.map((pattern) => compilePattern(pattern));
  return {
    async redact(text, secrets) {
      let out = text.replace(ownKeys, "[secret]");
      for (const secret of secrets) {
        if (secret.length < shortestSecret) continue;
        for (const form of secretForms(secret)) if (out.includes(form)) out = out.replaceAll(form, "[secret]");
      }
      const turns = new Turns(baseCpuMs + cpuMsPerCharacter * out.length * compiled.length, cpuMs);
      for (const pattern of compiled) out = await replaceMatches(pattern, out, turns);
      return out;
    },
  };
}

async function replaceMatches(pattern: Pattern, text: string, turns: Turns): Promise<string> {
  let out = "";
  let copied = 0;
  for (const [start, end] of pattern.matches(text)) {
    out += `${text.slice(copied, start)}[redacted]`;
    copied = end;
    if (turns.isOver()) await turns.next();
  }
  if (turns.isOver()) await turns.next();
  return out + text.slice(copied);
}

/** Shares the process with its other work, and counts the computing time of its own turns alone. */
class Turns {
  readonly #limitMs: number;
  readonly #cpuMs: () => number;
  #spentMs = 0;
  #began: number;
  #beganCpu: number;

  constructor(limitMs: number, cpuMs: () => number) {
    this.#limitMs = limitMs;
    this.#cpuMs = cpuMs;
    this.#began = performance.now();
    this.#beganCpu = cpuMs();
  }
  isOver(): boolean {
    return performance.now() - this.#began > turnMs;
  }
  /** @throws RedactionTooLong */
  async next(): Promise<void> {
    this.#spentMs += this.#cpuMs() - this.#beganCpu;
    if (this.#spentMs > this.#limitMs) {
      throw new RedactionTooLong(`ledger.bodies.redact took more than ${Math.round(this.#limitMs)} ms of computing time with one body`);
    }
    await setImmediate();
    this.#began = performance.now();
    this.#beganCpu = this.#cpuMs();
  }
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
