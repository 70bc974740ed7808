import { GoogleGenAI } from "@google/genai";
import type { Content, GenerateContentConfig, GenerateContentResponse, Part } from "@google/genai";
import * as z from "zod";
import type { JsonObject } from "../testbed/json.ts";
import type { Ask, AskedResult, MatrixClient, Outcome, Turn } from "./ask.ts";
import { asJson } from "./ask.ts";

/** Gemini through `@google/genai`: a chat's `sendMessage` and `sendMessageStream`, which keep the history themselves. */
export function createGeminiClient(url: string, apiKey: string): MatrixClient {
  const client = new GoogleGenAI({ apiKey, httpOptions: { baseUrl: url } });
  return {
    id: "gemini-generate",
    wire: (ask, model, stream) => ({
      path: `/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
      body: bodyOf(ask),
    }),
    async run(ask, model, stream) {
      const contents = contentsOf(ask);
      const chat = client.chats.create({ model, config: configOf(ask), history: contents.slice(0, -1) });
      const message = contents.at(-1)?.parts ?? [];
      const chunks: GenerateContentResponse[] = [];
      if (stream) for await (const chunk of await chat.sendMessageStream({ message })) chunks.push(chunk);
      else chunks.push(await chat.sendMessage({ message }));
      return readChunks(chunks, chat.getHistory().slice(contents.length), ask);
    },
  };
}

function configOf(ask: Ask): GenerateContentConfig {
  const { tools, toolConfig, systemInstruction, generationConfig } = bodyOf(ask);
  const config = { tools, toolConfig, systemInstruction, ...(generationConfig as JsonObject) };
  return asJson(config);
}

function bodyOf(ask: Ask): JsonObject & Partial<Record<"tools" | "toolConfig" | "systemInstruction" | "generationConfig", JsonObject>> {
  const declarations = ask.tools?.map(({ name, description, schema }) => ({ name, description, parametersJsonSchema: schema }));
  const forced = { functionCallingConfig: { mode: "ANY", allowedFunctionNames: [ask.forcedTool] } };
  return asJson({
    contents: contentsOf(ask),
    systemInstruction: ask.system === undefined ? undefined : { parts: [{ text: ask.system }] },
    tools: declarations === undefined ? undefined : [{ functionDeclarations: declarations }],
    toolConfig: ask.forcedTool === undefined ? undefined : forced,
    generationConfig: {
      maxOutputTokens: ask.maxTokens,
      stopSequences: ask.stop,
      temperature: ask.temperature,
      thinkingConfig: ask.reasoning === true ? { includeThoughts: true, thinkingBudget: 2048 } : undefined,
      ...(ask.schema === undefined ? {} : { responseMimeType: "application/json", responseJsonSchema: z.toJSONSchema(ask.schema) }),
    },
  });
}

function contentsOf(ask: Ask): Content[] {
  return ask.turns.flatMap((turn): Content[] => {
    if (turn.role === "reply") return turn.reply as readonly Content[] as Content[];
    return [{ role: turn.role === "assistant" ? "model" : "user", parts: partsOf(turn) }];
  });
}

function partsOf(turn: Exclude<Turn, { role: "reply" }>): Part[] {
  switch (turn.role) {
    case "user":
      return [{ text: turn.text }, ...(turn.image === undefined ? [] : [imagePart(turn.image)])];
    case "assistant":
      return [{ text: turn.text }];
    case "system":
      throw new Error("the dialect has no system message in a conversation");
    case "tools":
      return turn.results.map(resultPart);
  }
}

function resultPart({ id, name, text, image, isError }: AskedResult): Part {
  const parts = image === undefined ? {} : { parts: [imagePart(image)] };
  return { functionResponse: { id, name, response: { [isError === true ? "error" : "output"]: text }, ...parts } };
}

function imagePart(data: string): { inlineData: { mimeType: string; data: string } } {
  return { inlineData: { mimeType: "image/png", data } };
}

function readChunks(chunks: readonly GenerateContentResponse[], reply: Content[], ask: Ask): Outcome {
  const parts = chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? []);
  const textOf = (thought: boolean): string =>
    parts
      .filter((part) => (part.thought ?? false) === thought)
      .map((part) => part.text ?? "")
      .join("");
  const usage = chunks.at(-1)?.usageMetadata;
  const text = textOf(false);
  return {
    text,
    refusal: "",
    reasoning: textOf(true),
    calls: parts.flatMap(({ functionCall: call }) =>
      call === undefined ? [] : [{ id: call.id ?? "", name: call.name ?? "", args: call.args }],
    ),
    stop: chunks.at(-1)?.candidates?.[0]?.finishReason ?? "none",
    usage: {
      input: usage?.promptTokenCount ?? -1,
      output: usage?.candidatesTokenCount ?? -1,
      total: usage?.totalTokenCount ?? -1,
      cached: usage?.cachedContentTokenCount ?? 0,
      reasoning: usage?.thoughtsTokenCount ?? 0,
    },
    // The SDK has no helper for structured answers.
    parsed: ask.schema === undefined ? undefined : (JSON.parse(text) as unknown),
    reply,
  };
}
