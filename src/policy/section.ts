import * as z from "zod";
import type { DuplicateGuard } from "./repeated-calls/guard-tool-calls.ts";
import { flag, integer, texts } from "../settings/index.ts";

export const guardsSchema = z
  .strictObject({
    duplicate_tool_calls: z
      .strictObject({
        enabled: flag("Whether a note to the model is added when its agent repeats one tool call and gets the same result.").prefault(true),
        note_at: integer("From this number of consecutive equal calls on, a note is added to the last result.", 2, 1000).prefault(3),
        warn_at: integer("From this number on, the note has stronger words.", 2, 1000).prefault(5),
        refuse_at: integer("From this number on, the request is refused; never if omitted.", 2, 1000).optional(),
        exempt: texts("Names of tools that repeat themselves by design.", "a list of tool names").prefault([
          "write_stdin",
          "wait",
          "TaskOutput",
        ]),
      })
      .describe("An agent that goes round in circles.")
      .prefault({}),
  })
  .describe("Watching what agents do.")
  .prefault({});

export type ParsedGuards = z.output<typeof guardsSchema>;

export interface GuardsSection {
  readonly duplicateToolCalls: DuplicateGuard;
}

export function readGuards({ duplicate_tool_calls: guard }: ParsedGuards): GuardsSection {
  const { enabled, note_at: noteAt, warn_at: warnAt, refuse_at: refuseAt, exempt } = guard;
  const refusal = refuseAt === undefined ? {} : { refuseAt };
  return { duplicateToolCalls: { enabled, noteAt, warnAt, ...refusal, exempt: new Set(exempt) } };
}
