import * as z from "zod";
import { compilePattern, isTimeZone, PatternError } from "../core/index.ts";
import { choice, flag, integer, leaf, lifetime, size, usdRate } from "../settings/index.ts";

/** The issue's message says what is wrong with the pattern; `problemsOf` puts it behind the value. */
const pattern = z
  .string()
  .min(1)
  .superRefine((text, context) => {
    try {
      compilePattern(text);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      context.addIssue({ code: "custom", message: error.message, params: { isReason: true } });
    }
  });

const bodies = z.strictObject({
  enabled: flag("Whether the bodies of requests and answers are kept, redacted, for admins to read.").prefault(false),
  lifetime: lifetime("How long they are kept.").prefault("7d"),
  max_size: size("The largest part of a request that is kept, and of an answer.", 8 * 2 ** 20, "8MiB").prefault("256KiB"),
  redact: leaf(z.array(pattern), {
    kind: "list",
    description: "Regular expressions of what is taken out before a body is stored, beside credentials and media.",
    allowed: "a list of regular expressions in RE2's syntax, without slashes around them",
  }).prefault([]),
});

function ceiling(description: string) {
  return leaf(usdRate(description), { kind: "text", description, allowed: "US dollars a million tokens, as in 15 or 0.25" });
}

export const ledgerSchema = z
  .strictObject({
    durability: choice(
      "What a crash may cost. power: nothing, even when the power fails. process: nothing when the process dies. async: entries still in memory.",
      ["power", "process", "async"],
    ).prefault("process"),
    time_zone: leaf(z.string().refine(isTimeZone), {
      kind: "text",
      description: "Whose days and months budgets and reports mean.",
      allowed: "a time zone of the IANA database, as in Europe/Berlin or UTC",
    }).prefault("UTC"),
    unpriced_ceiling: z
      .strictObject({
        input: ceiling("Input, US dollars a million tokens.").prefault("15"),
        output: ceiling("Output, US dollars a million tokens.").prefault("75"),
      })
      .describe("What budgets reckon with where a model has no price.")
      .prefault({}),
    retention: z
      .strictObject({
        entries: lifetime("Usage entries; without it for ever. Reports keep their sums by hour and day in any case.").optional(),
        journal: lifetime("Journals of processes that have ended, after all of them is in the database.").prefault("1d"),
      })
      .describe("How long what is recorded is kept.")
      .prefault({}),
    bodies: bodies.describe("What was asked and answered.").prefault({}),
    output_ceiling: integer("Output tokens that budgets reckon with where a request sets no limit.", 1, 10_000_000).prefault(16_384),
  })
  .describe("The record of usage and cost.")
  .prefault({});

/** `ledger.bodies`, without the time that they are kept. */
export interface BodySettings {
  readonly enabled: boolean;
  /** Of a request, and of an answer, as stored. */
  readonly maxSizeBytes: number;
  /** Regular expressions of what is taken out. */
  readonly redact: readonly string[];
}

export type ParsedLedger = z.output<typeof ledgerSchema>;

export interface LedgerSection {
  readonly durability: Durability;
  /** Whose days and months budgets and reports mean. */
  readonly timeZone: string;
  /** US dollars a million tokens that budgets reckon with where a model has no price; decimals. */
  readonly unpricedCeiling: { readonly input: string; readonly output: string };
  /** Output tokens that budgets reckon with where a request sets no limit. */
  readonly outputCeiling: number;
  /** How long what is recorded is kept. Without `entriesMs`: for ever. */
  readonly retention: { readonly entriesMs?: number; readonly journalMs: number };
  readonly bodies: BodySettings & { readonly lifetimeMs: number };
}

export type Durability = "power" | "process" | "async";

export function readLedger(ledger: ParsedLedger): LedgerSection {
  return {
    durability: ledger.durability,
    timeZone: ledger.time_zone,
    unpricedCeiling: ledger.unpriced_ceiling,
    outputCeiling: ledger.output_ceiling,
    retention: {
      ...(ledger.retention.entries === undefined ? {} : { entriesMs: ledger.retention.entries }),
      journalMs: ledger.retention.journal,
    },
    bodies: {
      enabled: ledger.bodies.enabled,
      lifetimeMs: ledger.bodies.lifetime,
      maxSizeBytes: ledger.bodies.max_size,
      redact: ledger.bodies.redact,
    },
  };
}
