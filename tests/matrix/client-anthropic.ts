import Anthropic from "@anthropic-ai/sdk";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import type { Ask, AskedResult, MatrixClient, Outcome, Turn } from "./ask.ts";
import { asJson } from "./ask.ts";

type Params = Anthropic.MessageCreateParamsNonStreaming;

/** Anthropic Messages through `@anthropic-ai/sdk`: `messages.create`, `.parse` and `.stream`. */
export function createAnthropicClient(url: string, apiKey: string): MatrixClient {
  const { messages } = new Anthropic({ apiKey, baseURL: url, maxRetries: 0 });
  return {
    id: "anthropic-messages",
    wire: (ask, model, stream) => ({ path: "/v1/messages", body: asJson({ ...paramsOf(ask, model), ...(stream ? { stream } : {}) }) }),
    async run(ask, model, stream) {
      const params = paramsOf(ask, model);
      if (stream) return readMessage(await messages.stream(params).finalMessage());
      return readMessage(ask.schema === undefined ? await messages.create(params) : await messages.parse(params));
    },
  };
}

function paramsOf(ask: Ask, model: string): Params {
  const params = {
    model,
    max_tokens: ask.maxTokens ?? 4000,
    messages: ask.turns.map(messageOf),
    ...(ask.system === undefined ? {} : { system: [{ type: "text", text: ask.system }] }),
    ...(ask.tools === undefined
      ? {}
      : { tools: ask.tools.map(({ name, description, schema }) => ({ name, description, input_schema: schema })) }),
    ...(ask.forcedTool === undefined ? {} : { tool_choice: { type: "tool", name: ask.forcedTool } }),
    ...(ask.stop === undefined ? {} : { stop_sequences: ask.stop }),
    ...(ask.temperature === undefined ? {} : { temperature: ask.temperature }),
    ...(ask.reasoning === true ? { thinking: { type: "enabled", budget_tokens: 2048 } } : {}),
    ...(ask.schema === undefined ? {} : { output_config: { format: zodOutputFormat(ask.schema) } }),
  };
  return params as unknown as Params;
}

function messageOf(turn: Turn): object {
  switch (turn.role) {
    case "user":
      if (turn.image === undefined) return { role: "user", content: turn.text };
      return { role: "user", content: [{ type: "text", text: turn.text }, imageBlock(turn.image)] };
    case "assistant":
    case "system":
      return { role: turn.role, content: turn.text };
    case "reply":
      return { role: "assistant", content: turn.reply };
    case "tools":
      return { role: "user", content: turn.results.map(resultBlock) };
  }
}

function resultBlock({ id, text, image, isError }: AskedResult): object {
  return {
    type: "tool_result",
    tool_use_id: id,
    content: image === undefined ? text : [{ type: "text", text }, imageBlock(image)],
    ...(isError === true ? { is_error: true } : {}),
  };
}

function imageBlock(data: string): object {
  return { type: "image", source: { type: "base64", media_type: "image/png", data } };
}

function readMessage(message: Anthropic.Message & { parsed_output?: unknown }): Outcome {
  const { content, usage } = message;
  return {
    text: content.map((block) => (block.type === "text" ? block.text : "")).join(""),
    refusal: "",
    reasoning: content.map((block) => (block.type === "thinking" ? block.thinking : "")).join(""),
    calls: content.flatMap((block) => (block.type === "tool_use" ? [{ id: block.id, name: block.name, args: block.input }] : [])),
    stop: message.stop_sequence === null ? (message.stop_reason ?? "none") : `${message.stop_reason}: ${message.stop_sequence}`,
    usage: {
      input: usage.input_tokens,
      output: usage.output_tokens,
      cached: usage.cache_read_input_tokens ?? 0,
      written: usage.cache_creation_input_tokens ?? 0,
      reasoning: usage.output_tokens_details?.thinking_tokens ?? 0,
    },
    parsed: message.parsed_output,
    reply: content.map((block) => asJson({ ...block, parsed_output: undefined })),
  };
}
