import { elementsOf, latin1OfUtf8, memberIn, type Edit, type Span } from "../../core/index.ts";
import type { ProtocolId } from "../../ir/index.ts";

/** Where what the last tool of `last` said stands, `last` being the conversation's last element; `undefined` where it said nothing. `text` is latin1. */
export function lastResult(text: string, protocol: ProtocolId, last: Span): Span | undefined {
  switch (protocol) {
    case "openai-chat":
      return memberIn(text, last, "content");
    case "openai-responses":
      return memberIn(text, last, "output");
    case "anthropic-messages": {
      const results = elementsOf(text, memberIn(text, last, "content")).filter(
        (block) => memberIn(text, block, "tool_use_id") !== undefined,
      );
      return memberIn(text, results.at(-1), "content");
    }
    case "gemini-generate": {
      const results = elementsOf(text, memberIn(text, last, "parts")).map((part) => memberIn(text, part, "functionResponse"));
      const result = results.findLast((found) => found !== undefined);
      return memberIn(text, result, "response");
    }
  }
}

/** The edit that puts a note behind a tool's result; `undefined` where there is no place for one. `text` is latin1. */
export function addNote(text: string, protocol: ProtocolId, result: Span | undefined, note: string): Edit | undefined {
  switch (protocol) {
    case "openai-chat":
    case "anthropic-messages":
      return behind(text, result, note, "text");
    case "openai-responses":
      return behind(text, result, note, "input_text");
    case "gemini-generate": {
      const said = memberIn(text, result, "output") ?? memberIn(text, result, "result") ?? memberIn(text, result, "content");
      return said !== undefined && text[said.start] === '"' ? behind(text, said, note, "text") : member(text, result, note);
    }
  }
}

/** Behind a string, or as a part of its own behind the parts. */
function behind(text: string, value: Span | undefined, note: string, type: string): Edit | undefined {
  if (value === undefined) return undefined;
  const at = value.end - 1;
  if (text[value.start] === '"') return { start: at, end: at, text: latin1OfUtf8(JSON.stringify(`\n\n${note}`).slice(1, -1)) };
  if (text[value.start] !== "[") return undefined;
  const comma = elementsOf(text, value).length === 0 ? "" : ",";
  return { start: at, end: at, text: comma + latin1OfUtf8(JSON.stringify({ type, text: note })) };
}

/** As a member of an object that says it in fields of its own. */
function member(text: string, object: Span | undefined, note: string): Edit | undefined {
  if (object === undefined || text[object.start] !== "{") return undefined;
  const at = object.end - 1;
  const comma = text.slice(object.start + 1, at).trim() === "" ? "" : ",";
  return { start: at, end: at, text: `${comma}${latin1OfUtf8(JSON.stringify({ note }).slice(1, -1))}` };
}
