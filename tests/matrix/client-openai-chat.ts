import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import type { ChatCompletion, ChatCompletionChunk, ChatCompletionCreateParamsNonStreaming } from "openai/resources/chat/completions";
import type { JsonObject } from "../testbed/json.ts";
import type { Ask, MatrixClient, Outcome, Turn } from "./ask.ts";
import { asJson } from "./ask.ts";

/** OpenAI Chat through `openai`: `chat.completions.create`, `.parse` and `.stream`. */
export function createChatClient(url: string, apiKey: string): MatrixClient {
  const { completions } = new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 }).chat;
  return {
    id: "openai-chat",
    wire: (ask, model, stream) => ({ path: "/v1/chat/completions", body: asJson({ ...paramsOf(ask, model), ...streamFields(stream) }) }),
    async run(ask, model, stream) {
      const params = paramsOf(ask, model);
      if (!stream) {
        return readCompletion(ask.schema === undefined ? await completions.create(params) : await completions.parse(params));
      }
      let reasoning = "";
      const running = completions.stream({ ...params, ...streamFields(true), stream: true });
      running.on("chunk", (chunk) => (reasoning += reasoningOf(chunk)));
      const whole = await running.finalChatCompletion();
      return { ...readCompletion(whole), reasoning };
    },
  };
}

function streamFields(stream: boolean): JsonObject {
  return stream ? { stream: true, stream_options: { include_usage: true } } : {};
}

function reasoningOf(chunk: ChatCompletionChunk): string {
  return (chunk.choices[0]?.delta as { reasoning_content?: string } | undefined)?.reasoning_content ?? "";
}

function paramsOf(ask: Ask, model: string): ChatCompletionCreateParamsNonStreaming {
  const system = ask.system === undefined ? [] : [{ role: "system", content: ask.system }];
  const params = {
    model,
    messages: [...system, ...ask.turns.flatMap(messagesOf)],
    ...(ask.tools === undefined
      ? {}
      : {
          tools: ask.tools.map(({ name, description, schema }) => ({
            type: "function",
            function: { name, description, parameters: schema },
          })),
        }),
    ...(ask.forcedTool === undefined ? {} : { tool_choice: { type: "function", function: { name: ask.forcedTool } } }),
    ...(ask.maxTokens === undefined ? {} : { max_tokens: ask.maxTokens }),
    ...(ask.stop === undefined ? {} : { stop: ask.stop }),
    ...(ask.temperature === undefined ? {} : { temperature: ask.temperature }),
    ...(ask.reasoning === true ? { reasoning_effort: "medium" } : {}),
    ...(ask.schema === undefined ? {} : { response_format: zodResponseFormat(ask.schema, "trip") }),
  };
  return params as unknown as ChatCompletionCreateParamsNonStreaming;
}

function messagesOf(turn: Turn): readonly object[] {
  switch (turn.role) {
    case "user": {
      if (turn.image === undefined) return [{ role: "user", content: turn.text }];
      const image = { type: "image_url", image_url: { url: `data:image/png;base64,${turn.image}` } };
      return [{ role: "user", content: [{ type: "text", text: turn.text }, image] }];
    }
    case "assistant":
    case "system":
      return [{ role: turn.role, content: turn.text }];
    case "reply":
      return turn.reply;
    case "tools":
      // A tool message holds text alone, and has no mark for a failure.
      return turn.results.map(({ id, text }) => ({ role: "tool", tool_call_id: id, content: text }));
  }
}

function readCompletion(completion: ChatCompletion): Outcome {
  const choice = completion.choices[0];
  if (choice === undefined) throw new Error("a completion without a choice");
  const message = choice.message as typeof choice.message & { parsed?: unknown; reasoning_content?: string };
  const { usage } = completion;
  const { parsed, ...kept } = message;
  return {
    text: message.content ?? "",
    refusal: message.refusal ?? "",
    reasoning: message.reasoning_content ?? "",
    calls: (message.tool_calls ?? []).map((call) => {
      if (call.type !== "function") throw new Error(`a call of type ${call.type}`);
      return { id: call.id, name: call.function.name, args: JSON.parse(call.function.arguments) as unknown };
    }),
    stop: choice.finish_reason,
    usage: {
      input: usage?.prompt_tokens ?? -1,
      output: usage?.completion_tokens ?? -1,
      total: usage?.total_tokens ?? -1,
      cached: usage?.prompt_tokens_details?.cached_tokens ?? 0,
      written: usage?.prompt_tokens_details?.cache_write_tokens ?? 0,
      reasoning: usage?.completion_tokens_details?.reasoning_tokens ?? 0,
    },
    parsed,
    reply: [kept],
  };
}
