/* The major version before the one that the other tests use, of each official SDK for TypeScript, at its highest level. */
import AnthropicPrevious from "anthropic-previous";
import { betaTool } from "anthropic-previous/helpers/beta/json-schema";
import { GoogleGenAI as GenaiPrevious } from "genai-previous";
import OpenAIPrevious from "openai-previous";
import { question, testSdk, toolName, weatherIn } from "./sdk-story.ts";

const parameters = {
  type: "object",
  properties: { city: { type: "string", description: "The city." } },
  required: ["city"],
  additionalProperties: false,
} as const;

const citySchema = {
  type: "object",
  properties: { name: { type: "string" }, population: { type: "integer" } },
  required: ["name", "population"],
  additionalProperties: false,
} as const;

interface City {
  readonly name: string;
  readonly population: number;
}

const readCity = (text: string): { readonly city: string } => JSON.parse(text) as { readonly city: string };

/** The tool, and the cities it was asked for. */
function createWeather(): { readonly asked: string[]; readonly run: (input: { readonly city: string }) => string } {
  const asked: string[] = [];
  return {
    asked,
    run({ city }) {
      asked.push(city);
      return weatherIn(city);
    },
  };
}

testSdk("openai before, Chat", async ({ url, key }, model) => {
  const client = new OpenAIPrevious({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  const weather = createWeather();
  const messages = [{ role: "user" as const, content: question }];
  let pieces = "";
  const stream = client.chat.completions.stream({ model, messages, stream_options: { include_usage: true } });
  stream.on("content", (delta) => (pieces += delta));
  const streamed = await stream.finalChatCompletion();
  const whole = await client.chat.completions.create({ model, messages });
  const schema = { ...parameters, required: ["city"] };
  const weatherFunction = { name: toolName, description: "Tells the weather.", parameters: schema, function: weather.run, parse: readCity };
  const tool = { type: "function" as const, function: weatherFunction };
  const runner = client.chat.completions.runTools({ model, messages, stream: true, tools: [tool] });
  const answered = await runner.finalContent();
  const format = { type: "json_schema" as const, json_schema: { name: "city", strict: true, schema: citySchema } };
  const parsed = await client.chat.completions.parse({ model, messages, response_format: format });
  return {
    streamed: streamed.choices[0]!.message.content!,
    pieces,
    whole: whole.choices[0]!.message.content!,
    answered: answered!,
    parsed: JSON.parse(parsed.choices[0]!.message.content!) as City,
    usage: [streamed.usage!.prompt_tokens, streamed.usage!.completion_tokens],
    asked: weather.asked,
  };
});

testSdk("openai before, Responses", async ({ url, key }, model) => {
  const client = new OpenAIPrevious({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  const weather = createWeather();
  let pieces = "";
  const stream = client.responses.stream({ model, input: question });
  stream.on("response.output_text.delta", ({ delta }) => (pieces += delta));
  const streamed = await stream.finalResponse();
  const whole = await client.responses.create({ model, input: question });
  const tools = [{ type: "function" as const, name: toolName, parameters, strict: true }];
  const input: OpenAIPrevious.Responses.ResponseInputItem[] = [{ role: "user", content: question }];
  const turn = await client.responses.stream({ model, input, tools, store: false }).finalResponse();
  for (const item of turn.output) {
    input.push(item as OpenAIPrevious.Responses.ResponseInputItem);
    if (item.type !== "function_call") continue;
    const output = weather.run(readCity(item.arguments));
    input.push({ type: "function_call_output", call_id: item.call_id, output });
  }
  const answered = await client.responses.create({ model, input, tools, store: false });
  const format = { type: "json_schema" as const, name: "city", strict: true, schema: citySchema };
  const parsed = await client.responses.parse({ model, input: question, text: { format } });
  return {
    streamed: streamed.output_text,
    pieces,
    whole: whole.output_text,
    answered: answered.output_text,
    parsed: JSON.parse(parsed.output_text) as City,
    usage: [streamed.usage!.input_tokens, streamed.usage!.output_tokens],
    asked: weather.asked,
  };
});

testSdk("@anthropic-ai/sdk before", async ({ url, key }, model) => {
  const client = new AnthropicPrevious({ baseURL: url, apiKey: key, maxRetries: 0 });
  const weather = createWeather();
  const ask = { model, max_tokens: 4096, messages: [{ role: "user" as const, content: question }] };
  const textOf = (message: { readonly content: readonly { readonly type: string; readonly text?: string }[] }): string =>
    message.content.map((block) => (block.type === "text" ? block.text : "")).join("");
  let pieces = "";
  const stream = client.messages.stream(ask);
  stream.on("text", (delta) => (pieces += delta));
  const streamed = await stream.finalMessage();
  const whole = await client.messages.create(ask);
  const tool = betaTool({ name: toolName, description: "Tells the weather.", inputSchema: parameters, run: weather.run });
  const answered = await client.beta.messages.toolRunner({ ...ask, tools: [tool] }).runUntilDone();
  const parsed = await client.messages.parse({ ...ask, output_config: { format: { type: "json_schema", schema: citySchema } } });
  const { usage } = streamed;
  return {
    streamed: textOf(streamed),
    pieces,
    whole: textOf(whole),
    answered: textOf(answered),
    parsed: JSON.parse(textOf(parsed)) as City,
    usage: [usage.input_tokens + (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0), usage.output_tokens],
    asked: weather.asked,
  };
});

testSdk("@google/genai before", async ({ url, key }, model) => {
  const client = new GenaiPrevious({ apiKey: key, httpOptions: { baseUrl: url } });
  const weather = createWeather();
  let pieces = "";
  let usage: readonly [number, number] = [0, 0];
  for await (const chunk of await client.models.generateContentStream({ model, contents: question })) {
    pieces += chunk.text ?? "";
    const { usageMetadata: reported } = chunk;
    if (reported !== undefined)
      usage = [reported.promptTokenCount ?? 0, (reported.candidatesTokenCount ?? 0) + (reported.thoughtsTokenCount ?? 0)];
  }
  const whole = await client.models.generateContent({ model, contents: question });
  const chat = client.chats.create({
    model,
    config: { tools: [{ functionDeclarations: [{ name: toolName, parametersJsonSchema: parameters }] }] },
  });
  const turn = await chat.sendMessage({ message: question });
  const results = (turn.functionCalls ?? []).map((call) => ({
    functionResponse: {
      ...(call.id === undefined ? {} : { id: call.id }),
      name: call.name!,
      response: { output: weather.run(call.args as { city: string }) },
    },
  }));
  const answered = await chat.sendMessage({ message: results });
  const parsed = await client.models.generateContent({
    model,
    contents: question,
    config: { responseMimeType: "application/json", responseJsonSchema: citySchema },
  });
  return {
    streamed: pieces,
    pieces,
    whole: whole.text!,
    answered: answered.text!,
    parsed: JSON.parse(parsed.text!) as City,
    usage,
    asked: weather.asked,
  };
});
