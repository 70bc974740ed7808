/** Answers of vendors as they are on the wire: one object, or the events of a stream with the same usage. */
export interface Wire {
  readonly headers?: Readonly<Record<string, string>>;
  readonly json: object;
  readonly events: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

const data = (value: object, name?: string): string => `${name === undefined ? "" : `event: ${name}\n`}data: ${JSON.stringify(value)}\n\n`;

export function chat(model: string, usage: Fields, more: Fields = {}): Wire {
  const head = { id: "chatcmpl-1", created: 1, model, ...more };
  const chunk = (choices: readonly object[], own: Fields = {}): string =>
    data({ ...head, object: "chat.completion.chunk", choices, ...own });
  return {
    json: {
      ...head,
      object: "chat.completion",
      choices: [{ index: 0, message: { role: "assistant", content: "Hi" }, finish_reason: "stop" }],
      usage,
    },
    events: [
      chunk([{ index: 0, delta: { role: "assistant", content: "Hi" }, finish_reason: null }]),
      chunk([{ index: 0, delta: {}, finish_reason: "stop" }]),
      chunk([], { usage }),
      "data: [DONE]\n\n",
    ],
  };
}

export function responses(model: string, usage: Fields, items: readonly object[] = [], more: Fields = {}): Wire {
  const message = {
    id: "msg_1",
    type: "message",
    role: "assistant",
    status: "completed",
    content: [{ type: "output_text", text: "Hi", annotations: [], logprobs: [] }],
  };
  const response = { id: "resp_1", object: "response", created_at: 1, model, tools: [], ...more };
  const done = { ...response, status: "completed", output: [...items, message], usage };
  const place = { item_id: "msg_1", output_index: items.length, content_index: 0 };
  return {
    json: done,
    events: [
      data(
        { type: "response.created", sequence_number: 0, response: { ...response, status: "in_progress", output: [], usage: null } },
        "response.created",
      ),
      data(
        {
          type: "response.output_item.added",
          sequence_number: 1,
          output_index: items.length,
          item: { ...message, status: "in_progress", content: [] },
        },
        "response.output_item.added",
      ),
      data({ type: "response.output_text.delta", sequence_number: 2, ...place, delta: "Hi", logprobs: [] }, "response.output_text.delta"),
      data(
        { type: "response.output_item.done", sequence_number: 3, output_index: items.length, item: message },
        "response.output_item.done",
      ),
      data({ type: "response.completed", sequence_number: 4, response: done }, "response.completed"),
    ],
  };
}

/** @param usage as in the whole message; the stream begins with its input and ends with all of it, as Anthropic's does. */
export function anthropic(model: string, usage: Fields): Wire {
  const message = { id: "msg_1", type: "message", role: "assistant", model, stop_sequence: null };
  const { iterations, server_tool_use: tools, output_tokens: output, input_tokens: input, ...rest } = usage;
  return {
    json: { ...message, content: [{ type: "text", text: "Hi" }], stop_reason: "end_turn", usage },
    events: [
      data(
        {
          type: "message_start",
          message: { ...message, content: [], stop_reason: null, usage: { input_tokens: input, output_tokens: 1, ...rest } },
        },
        "message_start",
      ),
      data({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }, "content_block_start"),
      data({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hi" } }, "content_block_delta"),
      data({ type: "content_block_stop", index: 0 }, "content_block_stop"),
      data(
        {
          type: "message_delta",
          delta: { stop_reason: "end_turn", stop_sequence: null },
          usage: { input_tokens: input, output_tokens: output, server_tool_use: tools ?? null, iterations: iterations ?? null },
        },
        "message_delta",
      ),
      data({ type: "message_stop" }, "message_stop"),
    ],
  };
}

export function gemini(model: string, usage: Fields, candidate: Fields = {}, headers: Readonly<Record<string, string>> = {}): Wire {
  const head = { modelVersion: model, responseId: "r1" };
  const content = { role: "model", parts: [{ text: "Hi" }] };
  const { promptTokenCount } = usage;
  return {
    headers,
    json: { ...head, candidates: [{ content, finishReason: "STOP", index: 0, ...candidate }], usageMetadata: usage },
    events: [
      data({ ...head, candidates: [{ content, index: 0, ...candidate }], usageMetadata: { promptTokenCount } }),
      data({
        ...head,
        candidates: [{ content: { role: "model", parts: [{ text: "!" }] }, index: 0 }],
        usageMetadata: { promptTokenCount },
      }),
      data({
        ...head,
        candidates: [{ content: { role: "model", parts: [{ text: "" }] }, finishReason: "STOP", index: 0 }],
        usageMetadata: usage,
      }),
    ],
  };
}
