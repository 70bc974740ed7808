import type * as z from "zod";

/** What a tool gives the model, and what only the user sees. */
export interface ToolResult {
  /** Sent to the model as JSON. */
  readonly value: unknown;
  /** A secret that was made just now: shown to the user once, and never sent to the model. */
  readonly shownOnce?: string;
  /** Reverses a change. @returns what it did, in one sentence. */
  readonly undo?: () => Promise<string>;
}

/** A change that is possible as things are now, before the user has agreed to it. */
export interface PlannedChange {
  /** Exactly what will happen, in lines for the user. */
  readonly summary: string;
  apply(): Promise<ToolResult>;
}

interface ToolBase {
  /** As the model calls it. */
  readonly name: string;
  /** One sentence for the model. */
  readonly description: string;
  readonly parameters: z.ZodObject;
}

/** Reads. No agreement is needed. */
export interface ReadTool extends ToolBase {
  readonly kind: "read";
  /** The result contains text that others may have written: names, error messages, log lines. */
  readonly isForeign: boolean;
  /** @throws Error whose message lets the model correct its call. */
  read(input: Readonly<Record<string, unknown>>): Promise<ToolResult>;
}

/** Changes something, once the user has agreed. */
export interface ChangeTool extends ToolBase {
  readonly kind: "change";
  /** Words of which one is in a question that asks for this change. */
  readonly askedBy: RegExp;
  /** Checks the arguments, and says what would happen; changes nothing. @throws Error whose message lets the model correct its call. */
  plan(input: Readonly<Record<string, unknown>>): Promise<PlannedChange>;
}

export type Tool = ReadTool | ChangeTool;
