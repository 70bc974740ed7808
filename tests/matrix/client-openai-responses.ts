import OpenAI, { APIError } from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import type { Response, ResponseCreateParamsNonStreaming, ResponseOutputItem } from "openai/resources/responses/responses";
import type { Ask, MatrixClient, Outcome, Turn } from "./ask.ts";
import { asJson } from "./ask.ts";

/** OpenAI Responses through `openai`: `responses.create`, `.parse` and `.stream`. */
export function createResponsesClient(url: string, apiKey: string): MatrixClient {
  const { responses } = new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 });
  return {
    id: "openai-responses",
    wire: (ask, model, stream) => ({ path: "/v1/responses", body: asJson({ ...paramsOf(ask, model), ...(stream ? { stream } : {}) }) }),
    async run(ask, model, stream) {
      const params = paramsOf(ask, model);
      if (stream) return readResponse(await responses.stream({ ...params, stream: true }).finalResponse());
      return readResponse(ask.schema === undefined ? await responses.create(params) : await responses.parse(params));
    },
  };
}

function paramsOf(ask: Ask, model: string): ResponseCreateParamsNonStreaming {
  const params = {
    model,
    input: ask.turns.flatMap(itemsOf),
    store: false,
    ...(ask.system === undefined ? {} : { instructions: ask.system }),
    ...(ask.tools === undefined
      ? {}
      : { tools: ask.tools.map(({ name, description, schema }) => ({ type: "function", name, description, parameters: schema })) }),
    ...(ask.forcedTool === undefined ? {} : { tool_choice: { type: "function", name: ask.forcedTool } }),
    ...(ask.maxTokens === undefined ? {} : { max_output_tokens: ask.maxTokens }),
    ...(ask.temperature === undefined ? {} : { temperature: ask.temperature }),
    ...(ask.reasoning === true ? { reasoning: { effort: "medium", summary: "auto" }, include: ["reasoning.encrypted_content"] } : {}),
    ...(ask.schema === undefined ? {} : { text: { format: zodTextFormat(ask.schema, "trip") } }),
  };
  return params as unknown as ResponseCreateParamsNonStreaming;
}

function itemsOf(turn: Turn): readonly object[] {
  switch (turn.role) {
    case "user": {
      if (turn.image === undefined) return [{ role: "user", content: turn.text }];
      return [{ role: "user", content: [{ type: "input_text", text: turn.text }, imagePart(turn.image)] }];
    }
    case "assistant":
    case "system":
      return [{ role: turn.role, content: turn.text }];
    case "reply":
      return turn.reply;
    case "tools":
      return turn.results.map(({ id, text, image }) => ({
        type: "function_call_output",
        call_id: id,
        output: image === undefined ? text : [{ type: "input_text", text }, imagePart(image)],
      }));
  }
}

function imagePart(image: string): object {
  return { type: "input_image", detail: "auto", image_url: `data:image/png;base64,${image}` };
}

/** @throws APIError for a response that failed, which the SDK's accumulator hands out like any other. */
function readResponse(response: Response): Outcome {
  const { output, usage, error } = response;
  if (response.status === "failed") throw new APIError(undefined, error ?? undefined, error?.message, undefined);
  const contents = output.flatMap((item) => (item.type === "message" ? item.content : []));
  const calls = output.filter((item) => item.type === "function_call");
  return {
    text: contents.map((part) => (part.type === "output_text" ? part.text : "")).join(""),
    refusal: contents.map((part) => (part.type === "refusal" ? part.refusal : "")).join(""),
    reasoning: output.map(reasoningOf).join(""),
    calls: calls.map((item) => ({ id: item.call_id, name: item.name, args: JSON.parse(item.arguments) as unknown })),
    stop: response.incomplete_details?.reason ?? response.status ?? "none",
    usage: {
      input: usage?.input_tokens ?? -1,
      output: usage?.output_tokens ?? -1,
      total: usage?.total_tokens ?? -1,
      cached: usage?.input_tokens_details.cached_tokens ?? -1,
      written: (usage?.input_tokens_details as { cache_write_tokens?: number } | undefined)?.cache_write_tokens ?? 0,
      reasoning: usage?.output_tokens_details.reasoning_tokens ?? -1,
    },
    parsed: (response as { output_parsed?: unknown }).output_parsed,
    // The SDK puts what it parsed beside the wire's own fields; a client sends back the wire's.
    reply: output.map((item) => asJson({ ...item, parsed_arguments: undefined })),
  };
}

function reasoningOf(item: ResponseOutputItem): string {
  if (item.type !== "reasoning") return "";
  return [...item.summary, ...(item.content ?? [])].map(({ text }) => text).join("");
}
