import { elementsOf, memberIn } from "../../core/index.ts";
import { noteBehind } from "../shared/body-edits.ts";
import type { ToolResults } from "../capabilities.ts";

/** Results are blocks of a user's message. */
export const toolResults: ToolResults = {
  conversationKey: "messages",
  mark: '"tool_result"',
  piece: "_resul",
  isTextATurn: false,
  lastResult(text, last) {
    const blocks = elementsOf(text, memberIn(text, last, "content"));
    const result = blocks.findLast((block) => memberIn(text, block, "tool_use_id") !== undefined);
    return memberIn(text, result, "content");
  },
  addNote: (text, result, note) => noteBehind(text, result, note, "text"),
};
