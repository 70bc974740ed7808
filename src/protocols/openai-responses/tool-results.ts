import { memberIn } from "../../core/index.ts";
import { noteBehind } from "../shared/body-edits.ts";
import type { ToolResults } from "../capabilities.ts";

/** A result is an item of a type that ends with `call_output`. */
export const toolResults: ToolResults = {
  conversationKey: "input",
  mark: 'call_output"',
  piece: "_outpu",
  isTextATurn: false,
  lastResult: (text, last) => memberIn(text, last, "output"),
  addNote: (text, result, note) => noteBehind(text, result, note, "input_text"),
};
