import type OpenAI from "openai";
import type { WireResponse } from "./mock-openai-responses-object.ts";
import { messageItem, reasoningItem, renderOutput, renderResponse, toolItem } from "./mock-openai-responses-object.ts";
import type { Piece } from "./pieces.ts";
import { planPieces } from "./pieces.ts";
import type { Answer, StreamScript } from "./scenario.ts";

/** An event with the response as the wire has it, in place of the SDK's own `Response`. */
type OnWire<T> = T extends { response: unknown } ? Omit<T, "response"> & { response: WireResponse } : T;
type StreamEvent = OnWire<OpenAI.Responses.ResponseStreamEvent>;
type DraftEvent<T = StreamEvent> = T extends unknown ? Omit<T, "sequence_number"> : never;
type ToolPiece = Extract<Piece, { kind: "tool" }>;

/** One event of a Responses stream: `event: TYPE` and `data: {…}`. */
export function responsesFrame(event: StreamEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/**
 * A Responses stream (OpenAI API reference, "Streaming events", November 2026): `response.created`,
 * `response.in_progress`, per item `output_item.added` … `output_item.done`, then `response.completed` or
 * `response.incomplete` with the whole response. There is no `[DONE]`.
 */
export function renderResponsesStream(answer: Answer): StreamScript {
  let sequence = 0;
  const write = (events: readonly DraftEvent[]): string =>
    events.map((event) => responsesFrame({ ...event, sequence_number: sequence++ })).join("");
  const items = createItemWriter(answer);
  const start = renderResponse(answer, [], false);
  const opening = write([
    { type: "response.created", response: start },
    { type: "response.in_progress", response: start },
  ]);
  const pieces = planPieces({ ...answer.scenario, interleaveToolCalls: false }).map((piece) => write(items.write(piece)));
  const whole = renderResponse(answer, renderOutput(answer));
  const last = { type: whole.status === "completed" ? "response.completed" : "response.incomplete", response: whole } as DraftEvent;
  const finish = write([...items.close(), last]);
  return { opening, pieces, finish, end: "", earlyUsage: null, usage: answer.scenario.usage };
}

/** Opens and closes items and content parts around the deltas. */
function createItemWriter(answer: Answer): { write: (piece: Piece) => readonly DraftEvent[]; close: () => readonly DraftEvent[] } {
  let outputIndex = -1;
  let open: { key: string; close: () => readonly DraftEvent[] } | undefined;
  const close = (): readonly DraftEvent[] => {
    const events = open?.close() ?? [];
    open = undefined;
    return events;
  };
  const write = (piece: Piece): readonly DraftEvent[] => {
    const kind = piece.kind === "refusal" ? "text" : piece.kind;
    const key = piece.kind === "tool" ? piece.call.id : kind;
    const events: DraftEvent[] = [];
    if (key !== open?.key) {
      events.push(...close());
      outputIndex += 1;
      const item = openItem(answer, piece, outputIndex);
      open = { key, close: item.close };
      events.push(...item.opening);
    }
    return [...events, ...(piece.kind === "refusal" ? refusalPart(answer, piece.text, outputIndex) : [delta(answer, piece, outputIndex)])];
  };
  return { write, close };
}

function openItem(
  answer: Answer,
  piece: Piece,
  output_index: number,
): { opening: readonly DraftEvent[]; close: () => readonly DraftEvent[] } {
  switch (piece.kind) {
    case "reasoning":
      return openReasoning(answer, output_index);
    case "tool":
      return openTool(piece, output_index);
    case "text":
    case "refusal":
      return openMessage(answer, piece.kind === "text", output_index);
  }
}

function openReasoning(answer: Answer, output_index: number): { opening: readonly DraftEvent[]; close: () => readonly DraftEvent[] } {
  const text = answer.scenario.reasoning.join("");
  const at = { item_id: `rs_mock${answer.serial}`, output_index, summary_index: 0 };
  return {
    opening: [
      { type: "response.output_item.added", output_index, item: reasoningItem(answer, "") },
      { type: "response.reasoning_summary_part.added", ...at, part: { type: "summary_text", text: "" } },
    ],
    close: () => [
      { type: "response.reasoning_summary_text.done", ...at, text },
      { type: "response.reasoning_summary_part.done", ...at, part: { type: "summary_text", text } },
      { type: "response.output_item.done", output_index, item: reasoningItem(answer, text) },
    ],
  };
}

function openMessage(
  answer: Answer,
  hasText: boolean,
  output_index: number,
): { opening: readonly DraftEvent[]; close: () => readonly DraftEvent[] } {
  const text = answer.scenario.text.join("");
  const at = { item_id: `msg_mock${answer.serial}`, output_index, content_index: 0 };
  const part = (content: string): { type: "output_text"; annotations: []; logprobs: []; text: string } => ({
    type: "output_text",
    annotations: [],
    logprobs: [],
    text: content,
  });
  const done = renderOutput(answer).find((item) => item.type === "message") ?? messageItem(answer, []);
  const textEnd: readonly DraftEvent[] = [
    { type: "response.output_text.done", ...at, text, logprobs: [] },
    { type: "response.content_part.done", ...at, part: part(text) },
  ];
  return {
    opening: [
      { type: "response.output_item.added", output_index, item: messageItem(answer, [], "in_progress") },
      ...(hasText ? [{ type: "response.content_part.added", ...at, part: part("") } as const] : []),
    ],
    close: () => [...(hasText ? textEnd : []), { type: "response.output_item.done", output_index, item: done }],
  };
}

/** A refusal is one part of its own behind the text. */
function refusalPart(answer: Answer, refusal: string, output_index: number): readonly DraftEvent[] {
  const at = { item_id: `msg_mock${answer.serial}`, output_index, content_index: answer.scenario.text.length > 0 ? 1 : 0 };
  return [
    { type: "response.content_part.added", ...at, part: { type: "refusal", refusal: "" } },
    { type: "response.refusal.delta", ...at, delta: refusal },
    { type: "response.refusal.done", ...at, refusal },
    { type: "response.content_part.done", ...at, part: { type: "refusal", refusal } },
  ];
}

function openTool(piece: ToolPiece, output_index: number): { opening: readonly DraftEvent[]; close: () => readonly DraftEvent[] } {
  const { call } = piece;
  const item = toolItem(call);
  const item_id = item.id ?? "";
  const argumentsEnd: DraftEvent =
    call.kind === "custom"
      ? { type: "response.custom_tool_call_input.done", item_id, output_index, input: call.argumentsText }
      : { type: "response.function_call_arguments.done", item_id, output_index, arguments: call.argumentsText };
  return {
    opening: [{ type: "response.output_item.added", output_index, item: toolItem(call, "in_progress") }],
    close: () => [argumentsEnd, { type: "response.output_item.done", output_index, item }],
  };
}

function delta(answer: Answer, piece: Exclude<Piece, { kind: "refusal" }>, output_index: number): DraftEvent {
  switch (piece.kind) {
    case "reasoning":
      return {
        type: "response.reasoning_summary_text.delta",
        item_id: `rs_mock${answer.serial}`,
        output_index,
        summary_index: 0,
        delta: piece.text,
      };
    case "text":
      return {
        type: "response.output_text.delta",
        item_id: `msg_mock${answer.serial}`,
        output_index,
        content_index: 0,
        delta: piece.text,
        logprobs: [],
      };
    case "tool": {
      const at = { item_id: toolItem(piece.call).id ?? "", output_index, delta: piece.fragment };
      return piece.call.kind === "custom"
        ? { type: "response.custom_tool_call_input.delta", ...at }
        : { type: "response.function_call_arguments.delta", ...at };
    }
  }
}
