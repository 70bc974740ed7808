import {
  elementsOf,
  memberIn,
  memberSpan,
  readString,
  scanDocument,
  type Edit,
  type Span,
  applyEdits,
  asBytes,
  type Bytes,
} from "../../core/index.ts";
import type { Loss } from "../translation.ts";
import type { FittedBody, OwnTarget } from "../protocol.ts";

/** The loss on a server that refuses an effort beside thinking that is switched off. */
export const effortLoss: Loss = {
  param: "reasoning.effort",
  action: "dropped",
  reason: "The provider refuses it if the model does not reason.",
};

const systemLoss: Loss = {
  param: "messages[]",
  action: "emulated",
  reason: "Instructions behind the first turn go as a text of the user's.",
};

/**
 * Changes the body of a client of this dialect for a server with quirks; all other bytes are kept. Claude Code sends `output_config.effort` beside
 * `thinking: {"type":"disabled"}` for its subagents: the effort is cut out. It sends messages of the role `system`: they become a user's text in
 * `<system-reminder>`.
 */
export function fitOwnBody(text: Bytes, { quirks }: OwnTarget): FittedBody | undefined {
  const { noEffortWithoutThinking = false, noSystemTurns = false } = quirks;
  if (!noEffortWithoutThinking && !(noSystemTurns && text.includes('"system"'))) return undefined;
  const [thinking, output, messages] = scanDocument(text, ["thinking", "output_config", "messages"]).spans;
  const cuts = noEffortWithoutThinking ? effortEdits(text, thinking, output) : [];
  const systems = noSystemTurns ? elementsOf(text, messages).flatMap((message) => reminderEdits(text, message)) : [];
  if (cuts.length + systems.length === 0) return undefined;
  const edits = [...cuts, ...systems].toSorted((a, b) => a.start - b.start);
  return {
    text: applyEdits(text, edits),
    losses: [...(cuts.length > 0 ? [effortLoss] : []), ...(systems.length > 0 ? [systemLoss] : [])],
  };
}

function effortEdits(text: Bytes, thinking: Span | undefined, output: Span | undefined): readonly Edit[] {
  const effort = memberIn(text, output, "effort");
  if (output === undefined || effort === undefined || readString(text, memberIn(text, thinking, "type")) !== "disabled") return [];
  const cut = memberSpan(text, "effort", effort);
  const isAlone = `${text.slice(output.start, cut.start)}${text.slice(cut.end, output.end)}`.replaceAll(/\s/g, "") === "{}";
  const { start, end } = isAlone ? memberSpan(text, "output_config", output) : cut;
  return [{ start, end, text: asBytes("") }];
}

const opening = "<system-reminder>";
const closing = "</system-reminder>";

/** The edits that make a message of the system one of the user: its text, or its list of texts, is put between the marks. */
function reminderEdits(text: Bytes, message: Span): readonly Edit[] {
  const role = memberIn(text, message, "role");
  if (role === undefined || readString(text, role) !== "system") return [];
  const asUser = { ...role, text: asBytes('"user"') };
  const content = memberIn(text, message, "content");
  if (content === undefined) return [asUser];
  const [first, last] = [content.start + 1, content.end - 1];
  if (text.startsWith('"', content.start)) return [asUser, insertion(first, `${opening}\\n`), insertion(last, `\\n${closing}`)];
  const elements = elementsOf(text, content);
  if (elements.length === 0) return [asUser];
  return [asUser, insertion(first, `${textBlock(opening)},`), insertion(last, `,${textBlock(closing)}`)];
}

function insertion(at: number, text: string): Edit {
  return { start: at, end: at, text: asBytes(text) };
}

function textBlock(text: string): string {
  return JSON.stringify({ type: "text", text });
}
