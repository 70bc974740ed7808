import { createContext, runInContext } from "node:vm";
import { compilePattern } from "../../core/index.ts";
import { shortestSecret } from "../redact.ts";

/** All patterns together may take so long with one text. */
const patternsMs = 100;

/** The gateway's own keys, and what looks like one. */
const ownKeys = /tok_[\w-]{16,}/g;

/** Takes out of texts what must not be stored. */
export interface BodyRedactor {
  /** @throws PatternTimeout where the patterns take too long: then nothing is known of what is left in the text. */
  redact(text: string, secrets: Iterable<string>): string;
}

/** A pattern that backtracks without end. */
export class PatternTimeout extends Error {}

/** @param patterns of regular expressions, as `ledger.bodies.redact` has them: each match becomes `[redacted]`. */
export function createBodyRedactor(patterns: readonly string[]): BodyRedactor {
  const compiled = patterns.map(compilePattern);
  // Only code that runs in a context of its own can be stopped; a regular expression is.
  const context = compiled.length === 0 ? undefined : createContext({});
  const applyPatterns = (text: string): string => {
    if (context === undefined) return text;
    context["work"] = () => compiled.reduce((out, pattern) => out.replace(pattern, "[redacted]"), text);
    try {
      return runInContext("work()", context, { timeout: patternsMs }) as string;
    } catch (error) {
      if (isTimeout(error)) throw new PatternTimeout(`ledger.bodies.redact took longer than ${patternsMs} ms with one body`);
      throw error;
    }
  };
  return {
    redact(text, secrets) {
      let out = text.replace(ownKeys, "[secret]");
      for (const secret of secrets) {
        if (secret.length < shortestSecret) continue;
        for (const form of formsOf(secret)) if (out.includes(form)) out = out.replaceAll(form, "[secret]");
      }
      return applyPatterns(out);
    },
  };
}

/** As it is, as JSON has it, and as JSON within JSON. */
function formsOf(secret: string): ReadonlySet<string> {
  const inner = JSON.stringify(secret).slice(1, -1);
  return new Set([secret, inner, JSON.stringify(inner).slice(1, -1)]);
}

/** The error is of the other context, and so none of this one's `Error`. */
function isTimeout(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error && error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
}
