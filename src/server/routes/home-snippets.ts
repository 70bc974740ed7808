/** What a program needs to call the gateway at one address. */
export interface SnippetInput {
  /** `http://localhost:8081`. */
  readonly origin: string;
  /** The model that the snippets ask. */
  readonly model: string;
}

/** How one client is connected: text to paste, and what it is called. */
export interface Snippet {
  /** The program. */
  readonly title: string;
  /** Where the text belongs: a language, a file or a shell. */
  readonly place: string;
  readonly text: string;
}

const message = '"Say hello."';

/** Settings for each SDK and agent, for this address. The key is taken from the variable TOKLIGENCE_KEY. */
export function snippetsOf(input: SnippetInput): readonly Snippet[] {
  return [curl(input), ...openai(input), ...anthropic(input), ...gemini(input), ...agents(input)];
}

function curl({ origin, model }: SnippetInput): Snippet {
  const body = `{"model": "${model}", "messages": [{"role": "user", "content": ${message}}]}`;
  const text = `curl ${origin}/v1/chat/completions \\
  -H "authorization: Bearer $TOKLIGENCE_KEY" \\
  -H "content-type: application/json" \\
  -d '${body}'`;
  return { title: "curl", place: "shell", text };
}

function openai({ origin, model }: SnippetInput): Snippet[] {
  const python = `import os
from openai import OpenAI

client = OpenAI(base_url="${origin}/v1", api_key=os.environ["TOKLIGENCE_KEY"])
answer = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": ${message}}],
)
print(answer.choices[0].message.content)`;
  const node = `import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${origin}/v1", apiKey: process.env.TOKLIGENCE_KEY });
const answer = await client.chat.completions.create({
  model: "${model}",
  messages: [{ role: "user", content: ${message} }],
});
console.log(answer.choices[0].message.content);`;
  return [
    { title: "OpenAI SDK", place: "Python", text: python },
    { title: "OpenAI SDK", place: "Node", text: node },
  ];
}

function anthropic({ origin, model }: SnippetInput): Snippet[] {
  const python = `import os
from anthropic import Anthropic

client = Anthropic(base_url="${origin}", api_key=os.environ["TOKLIGENCE_KEY"])
answer = client.messages.create(
    model="${model}",
    max_tokens=1024,
    messages=[{"role": "user", "content": ${message}}],
)
print(answer.content[0].text)`;
  const node = `import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ baseURL: "${origin}", apiKey: process.env.TOKLIGENCE_KEY });
const answer = await client.messages.create({
  model: "${model}",
  max_tokens: 1024,
  messages: [{ role: "user", content: ${message} }],
});
console.log(answer.content[0].text);`;
  return [
    { title: "Anthropic SDK", place: "Python", text: python },
    { title: "Anthropic SDK", place: "Node", text: node },
  ];
}

function gemini({ origin, model }: SnippetInput): Snippet[] {
  const python = `import os
from google import genai

client = genai.Client(api_key=os.environ["TOKLIGENCE_KEY"], http_options={"base_url": "${origin}"})
answer = client.models.generate_content(model="${model}", contents=${message})
print(answer.text)`;
  const node = `import { GoogleGenAI } from "@google/genai";

const client = new GoogleGenAI({ apiKey: process.env.TOKLIGENCE_KEY, httpOptions: { baseUrl: "${origin}" } });
const answer = await client.models.generateContent({ model: "${model}", contents: ${message} });
console.log(answer.text);`;
  return [
    { title: "Gemini SDK", place: "Python", text: python },
    { title: "Gemini SDK", place: "Node", text: node },
  ];
}

function agents({ origin, model }: SnippetInput): Snippet[] {
  const codex = `model = "${model}"
model_provider = "tokligence"
[model_providers.tokligence]
name = "Tokligence"
base_url = "${origin}/v1"
env_key = "TOKLIGENCE_KEY"
wire_api = "responses"`;
  const claude = `export ANTHROPIC_BASE_URL=${origin}/anthropic
export ANTHROPIC_API_KEY="$TOKLIGENCE_KEY"
export ANTHROPIC_DEFAULT_HAIKU_MODEL=${model}
claude --model ${model}`;
  const geminiCli = `export GOOGLE_GEMINI_BASE_URL=${origin}
export GEMINI_API_KEY="$TOKLIGENCE_KEY"
gemini -m ${model}`;
  return [
    { title: "Codex", place: "~/.codex/config.toml", text: codex },
    { title: "Claude Code", place: "shell", text: claude },
    { title: "gemini-cli", place: "shell", text: geminiCli },
  ];
}
