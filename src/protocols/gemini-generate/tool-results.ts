import { elementsOf, memberIn } from "../../core/index.ts";
import { noteAsMember, noteBehind } from "../shared/body-edits.ts";
import type { ToolResults } from "../capabilities.ts";

/** Results are `functionResponse` parts of a user's content; the text is in a member of `response`. */
export const toolResults: ToolResults = {
  conversationKey: "contents",
  mark: '"functionResponse"',
  piece: "Respon",
  isTextATurn: true,
  lastResult(text, last) {
    const results = elementsOf(text, memberIn(text, last, "parts")).map((part) => memberIn(text, part, "functionResponse"));
    return memberIn(
      text,
      results.findLast((found) => found !== undefined),
      "response",
    );
  },
  addNote(text, result, note) {
    const said = memberIn(text, result, "output") ?? memberIn(text, result, "result") ?? memberIn(text, result, "content");
    return said !== undefined && text[said.start] === '"' ? noteBehind(text, said, note, "text") : noteAsMember(text, result, note);
  },
};
