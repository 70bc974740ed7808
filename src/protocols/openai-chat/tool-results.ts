import { memberIn } from "../../core/index.ts";
import { noteBehind } from "../shared/body-edits.ts";
import type { ToolResults } from "../capabilities.ts";

/** A result is a message with the role `tool`. */
export const toolResults: ToolResults = {
  conversationKey: "messages",
  mark: '"tool_call_id"',
  piece: "_call_",
  isTextATurn: false,
  lastResult: (text, last) => memberIn(text, last, "content"),
  addNote: (text, result, note) => noteBehind(text, result, note, "text"),
};
