import { installed, offers, type Agent } from "./agent.ts";

/**
 * Codex. What it sends depends on the model's name: an unknown one gets plain functions, a 5.x also the freeform `apply_patch`, a 6.x one freeform tool,
 * `exec`, whose input is a program ("code mode").
 */
export const codex: Agent = {
  name: "codex",
  dialect: "openai-responses",
  models: ["my-model", "gpt-5.5", "gpt-6.1-sol"],
  homeFiles: ({ url }, model) => ({
    ".codex/config.toml": `model = "${model}"
model_provider = "tokligence"
[model_providers.tokligence]
name = "Tokligence"
base_url = "${url}/v1"
env_key = "TOKLIGENCE_KEY"
wire_api = "responses"
[analytics]
enabled = false
`,
  }),
  command: ({ key }, _model, prompt) => ({
    program: installed("codex"),
    args: ["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", prompt],
    env: { TOKLIGENCE_KEY: key },
  }),
  resume: ({ key }, _model, prompt) => ({
    program: installed("codex"),
    args: ["exec", "resume", "--last", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", prompt],
    env: { TOKLIGENCE_KEY: key },
  }),
  work(tools, file, text, shell) {
    if (offers(tools, "exec")) {
      const write = `await tools.exec_command({cmd: ${JSON.stringify(`printf '%s' '${text}' > ${file}`)}});`;
      const run = `const r = await tools.exec_command({cmd: ${JSON.stringify(shell)}}); text(r.output ?? JSON.stringify(r));`;
      return [freeform("exec", `${write}\n${run}`)];
    }
    const command = { name: "exec_command", arguments: { cmd: shell } };
    return offers(tools, "apply_patch")
      ? [freeform("apply_patch", `*** Begin Patch\n*** Add File: ${file}\n+${text}\n*** End Patch\n`), command]
      : [{ name: "exec_command", arguments: { cmd: `printf '%s\\n' '${text}' > ${file}` } }, command];
  },
  look: (tools, image) => (offers(tools, "view_image") ? { name: "view_image", arguments: { path: image } } : undefined),
};

/** A freeform tool reaches a protocol without such tools as a function of one text. */
function freeform(name: string, input: string): { readonly name: string; readonly arguments: { readonly input: string } } {
  return { name, arguments: { input } };
}
