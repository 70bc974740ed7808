import { installed, offers, type Agent } from "./agent.ts";
import type { Protocol } from "../testbed/scenario.ts";

/** The library by which opencode speaks each protocol, and the path that it wants in its base URL. */
const libraries: Readonly<Record<Protocol, { readonly npm: string; readonly path: string }>> = {
  "openai-chat": { npm: "@ai-sdk/openai-compatible", path: "/v1" },
  "openai-responses": { npm: "@ai-sdk/openai", path: "/v1" },
  "anthropic-messages": { npm: "@ai-sdk/anthropic", path: "/anthropic/v1" },
  "gemini-generate": { npm: "@ai-sdk/google", path: "/v1beta" },
};

/** opencode, which has its models from the configuration and speaks the protocol that is set for them. */
export function createOpencode(dialect: Protocol): Agent {
  const { npm, path } = libraries[dialect];
  const env = { OPENCODE_DISABLE_AUTOUPDATE: "1", OPENCODE_DISABLE_MODELS_FETCH: "1", OPENCODE_DISABLE_LSP_DOWNLOAD: "1" };
  const command = (model: string, ...rest: readonly string[]) => ({
    program: installed("opencode"),
    args: ["run", "--auto", "--model", `tokligence/${model}`, ...rest],
    env,
  });
  return {
    name: `opencode (${dialect})`,
    dialect,
    models: ["my-model"],
    isSlow: true,
    // Its library for Anthropic's protocol makes an error of the event, and opencode repeats a request only after errors that it knows.
    ...(dialect === "anthropic-messages" ? { endsWithStream: true } : {}),
    homeFiles: ({ url, key }, model) => ({
      ".config/opencode/opencode.json": JSON.stringify({
        provider: {
          tokligence: {
            npm,
            name: "Tokligence",
            options: { baseURL: `${url}${path}`, apiKey: key },
            models: {
              [model]: {
                tool_call: true,
                reasoning: true,
                attachment: true,
                modalities: { input: ["text", "image"], output: ["text"] },
                limit: { context: 200_000, output: 32_000 },
              },
            },
          },
        },
        permission: { "*": "allow" },
      }),
    }),
    command: (_connection, model, prompt) => command(model, prompt),
    resume: (_connection, model, prompt) => command(model, "--continue", prompt),
    work(tools, file, text, shell) {
      const patch = `*** Begin Patch\n*** Add File: ${file}\n+${text}\n*** End Patch\n`;
      return [
        offers(tools, "write")
          ? { name: "write", arguments: { filePath: file, content: `${text}\n` } }
          : { name: "apply_patch", arguments: { patchText: patch } },
        { name: "bash", arguments: { command: shell, description: "Say what was asked" } },
      ];
    },
    look: (_tools, image) => ({ name: "read", arguments: { filePath: image } }),
  };
}
