import { azure, litellm, openrouter, together } from "./aggregators.ts";
import type { ChatServer } from "./chat-server.ts";
import { llamaCpp, lmStudio, ollama, sglang, vllm } from "./local-servers.ts";
import { cerebras, fireworks, groq, mistral } from "./strict-vendors.ts";
import { deepseek, glm, minimax, moonshot } from "./thinking-vendors.ts";

export type { ChatServer, Refusal } from "./chat-server.ts";

/** All servers that are not OpenAI, each with what the real one refuses. */
export const chatServers: readonly ChatServer[] = [
  vllm,
  sglang,
  llamaCpp,
  ollama,
  lmStudio,
  mistral,
  deepseek,
  moonshot,
  glm,
  minimax,
  groq,
  together,
  fireworks,
  cerebras,
  openrouter,
  litellm,
  azure,
];
