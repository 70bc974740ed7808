import { presets, type Preset } from "../../src/upstream/index.ts";

/** `example: { api_key: "${EXAMPLE_API_KEY}" }`: the row that a configuration needs for a preset. */
function configurationRow({ name, keyEnv, baseUrlExample, modelPatterns }: Preset): string {
  const fields = [];
  if (baseUrlExample !== undefined) fields.push(`base_url: ${baseUrlExample}`);
  const key = keyEnv.at(-1);
  if (key !== undefined) fields.push(`api_key: "\${${key}}"`);
  if (baseUrlExample !== undefined && modelPatterns.length === 0) fields.push("models: [my-model]");
  return `  ${name}: { ${fields.join(", ")} }`.replace("{  }", "{}");
}

/** The text of `examples/PRESET.yaml`. */
export function renderExample(preset: Preset): string {
  return `# Tokligence Gateway with ${preset.title} alone. Start it with: tokligence-daemon --config ${preset.name}.yaml start
providers:
${configurationRow(preset)}
`;
}

function renderRow(preset: Preset): string {
  const urls = preset.protocols.map(
    (protocol) => `\`${protocol}\`: ${preset.baseUrls[protocol] ?? `yours, as in ${preset.baseUrlExample}`}`,
  );
  const keys = preset.keyEnv.length === 0 ? "needs none" : preset.keyEnv.map((name) => `\`${name}\``).join(", ");
  const models = preset.modelPatterns.length === 0 ? "those it announces" : preset.modelPatterns.map((glob) => `\`${glob}\``).join(" ");
  const names = [preset.name, ...(preset.aliases ?? [])].map((name) => `\`${name}\``).join(", ");
  return `| ${preset.title} | ${names} | ${urls.join("; ")} | ${keys} | ${models} |`;
}

/** Fields of a preset's quirks that are not about the body of a request. */
const bodiless: ReadonlySet<string> = new Set(["keyHeader", "answerHeaders", "noTokenCounter", "byModel"]);

/** `strict_turns`, `tool_choice: words`, `parts: image, audio`: as `providers.NAME.quirks` spells them. */
function printQuirks(quirks: object): string {
  return Object.entries(quirks)
    .filter(([name, value]) => !bodiless.has(name) && !(name === "translatedOnly" && String(value) === ""))
    .map(([name, value]) => {
      const spelled = spellName(name);
      if (value === undefined) return `no \`${spelled}\``;
      if (value === false) return `not \`${spelled}\``;
      if (value === true) return `\`${spelled}\``;
      if (Array.isArray(value))
        return `\`${spelled}\`: ${value.length === 0 ? "none" : value.map((each) => spellName(String(each))).join(", ")}`;
      return `\`${spelled}\`: ${typeof value === "object" ? JSON.stringify(value) : JSON.stringify(value).replaceAll('"', "`")}`;
    })
    .join("; ");
}

function spellName(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function renderQuirksRow({ title, quirks }: Preset): string {
  const own = printQuirks(quirks);
  if (own === "") return "";
  const models = (quirks.byModel ?? []).map((each) => `for \`${each.models}\`: ${printQuirks(each.quirks)}`);
  return `| ${title} | ${[own, ...models].join("; ")} |\n`;
}

/** The text of `docs/providers.md`, from the presets. */
export function renderProvidersPage(): string {
  return `# Providers

A provider is a name under \`providers:\` in the configuration. One whose name is in this table needs only what differs: usually its key. \`openai\`, \`anthropic\` and \`google\` are
there without being named, and are off until their variable is set. \`examples/\` has a file for each.

| provider | name | protocols and base URLs | variable of the key | models |
|---|---|---|---|---|
${presets.map(renderRow).join("\n")}

A model name goes to the first of: an alias (\`model_aliases\`), your routes (\`model_provider_routes\`), a provider that lists the name in \`models\`, a vendor's own patterns (last column; only
without routes), a provider that announces the name, \`provider/model\`, where \`provider\` may also be another name of the second column: \`gemini/MODEL\` finds \`google\`.
\`tokligence route explain MODEL\` shows each step, and exits with 1 if nothing serves the model.

Any other server that speaks one of the four protocols:

\`\`\`yaml
providers:
  my-server: { protocols: [openai-chat], base_url: "http://localhost:9000/v1", api_key: "\${MY_SERVER_KEY}", models: [my-model] }
\`\`\`

\`base_url\` ends where the vendor's SDK's base ends: with \`/v1\` for the OpenAI protocols, without for Anthropic and Gemini.

## What Chat servers refuse or need

A request that is translated is written by these rules; one of the server's own protocol is changed by them where the server would refuse it, but for those after \`translated_only\`. \`docs/configuration.md\` says what
each name means; \`src/upstream/providers/quirks.ts\` has the sources. A server without a preset has those of vLLM but for
\`reasoning_field\` and \`thinking_switch\`, and in translated requests alone.

| provider | quirks |
|---|---|
${presets.map(renderQuirksRow).join("")}
This page is made by \`npm run docs\` from \`src/upstream/providers/\`.
`;
}
