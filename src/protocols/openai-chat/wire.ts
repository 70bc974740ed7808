import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionMessage,
  ChatCompletionMessageCustomToolCall,
  ChatCompletionMessageFunctionToolCall,
} from "openai/resources/chat/completions";
import type { CompletionUsage } from "openai/resources/completions";
import type { CreateEmbeddingResponse } from "openai/resources/embeddings";

/**
 * The wire of Chat Completions and of embeddings. Source: the types of the npm package `openai` 7.57 (resources/chat/completions, completions,
 * embeddings), November 2026. Fields that several compatible servers have beyond it are added here, with the names of the servers.
 */
export type WireCompletion = Omit<ChatCompletion, "choices"> & {
  choices: (Omit<ChatCompletion.Choice, "message"> & { message: WireMessage })[];
};

export type WireMessage = Omit<ChatCompletionMessage, "tool_calls"> & {
  tool_calls?: WireToolCall[];
  /** The visible reasoning: DeepSeek, vLLM, Moonshot, … */
  reasoning_content?: string;
  /** Entries of the reasoning, which are sent back unchanged: OpenRouter, MiniMax. */
  reasoning_details?: readonly Readonly<Record<string, unknown>>[];
  /** Signed reasoning: LiteLLM. */
  thinking_blocks?: readonly Readonly<Record<string, unknown>>[];
  /** Pictures that the model made: OpenRouter. */
  images?: { type: "image_url"; image_url: { url: string } }[];
};

export type WireToolCall = (ChatCompletionMessageFunctionToolCall | ChatCompletionMessageCustomToolCall) & WireSignedCall;

/** A signed call, as Google's OpenAI-compatible endpoint has it (ai.google.dev/gemini-api/docs/thought-signatures, November 2026). */
export interface WireSignedCall {
  extra_content?: { google: { thought_signature: string } };
}

export type WireDelta = Omit<ChatCompletionChunk.Choice.Delta, "tool_calls"> & {
  tool_calls?: (ChatCompletionChunk.Choice.Delta.ToolCall & WireSignedCall)[];
  reasoning_content?: string;
  reasoning_details?: readonly Readonly<Record<string, unknown>>[];
  thinking_blocks?: WireMessage["thinking_blocks"];
  annotations?: ChatCompletionMessage.Annotation[];
  images?: WireMessage["images"];
};

export type WireFinishReason = ChatCompletion.Choice["finish_reason"];
export type WireUsage = CompletionUsage;

export type WireEmbeddings = Omit<CreateEmbeddingResponse, "data"> & {
  data: { object: "embedding"; index: number; embedding: readonly number[] | string }[];
};
