import { traitTables, type TraitTable } from "../../src/protocols/index.ts";

/** `takes_forced_tool`, as `model_traits` spells it. */
function spellName(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function printTraits(traits: object): string {
  return Object.entries(traits)
    .map(([name, value]) => `\`${spellName(name)}\`: ${printValue(value)}`)
    .join("; ");
}

function printValue(value: unknown): string {
  if (value === undefined) return "not known";
  if (Array.isArray(value)) return value.join(", ") || "none";
  return JSON.stringify(value).replaceAll('"', "");
}

function renderTable({ vendor, newest, families, others }: TraitTable<object>): string {
  const rows = [newest, ...families, ...(others === undefined ? [] : [others])];
  return `## ${vendor}

| models | traits | source | read |
|---|---|---|---|
${rows.map(({ family, traits, source, readOn }) => `| ${family} | ${printTraits(traits)} | ${source.replaceAll("|", "\\|")} | ${readOn} |`).join("\n")}
`;
}

/** The text of `docs/model-traits.md`, from the tables of the protocols. */
export function renderModelTraitsPage(): string {
  return `# What models accept

The gateway knows by a model's name what the model accepts, and translates a request accordingly. The first row of each table describes the newest generation. It holds for every name that
the gateway does not know, so that a new model works on its first day; each further row is applied over it for the models that it names, a later row over an earlier one.

Names are read without what hosts add to them: a provider or vendor in front (\`models/gemini-2.5-pro\`, \`anthropic/claude-opus-4.6\`, \`us.anthropic.claude-opus-4-6-v1:0\`), a suffix (\`:free\`,
\`@20250514\`), \`ft:\` of a fine-tuned model. Names of aliases (\`gemini-pro-latest\`, \`claude-opus-latest\`, \`chat-latest\`) are those of the newest models, unless they contain a version
(\`claude-3-5-sonnet-latest\`). A deployment whose name contains a model's name (\`prod-gpt-4o\`) is that model. Models of other vendors have the last row; so have unknown names at servers that are
not the vendor's (a provider without a preset, or with one of another vendor). What a server refuses is a matter of its preset: see [providers](providers.md).

If a name says nothing, or something wrong, the configuration says what the model accepts:

\`\`\`yaml
model_traits:
  "chat-prod": { like: gpt-4.1 }                             # all traits of that model
  "azure/reasoning-*": { like: gpt-5.2, efforts: [low, high] } # with the provider in front: only there
  "claude-private": { takes_forced_tool: true }
\`\`\`

A pattern (\`*\`, \`?\`, \`[0-9]\`) is compared with the provider's own name of the model, in any case. Of several that fit, the later ones win. A setting has an effect in the protocols whose table
has the trait. Requests of the model's own protocol are forwarded as they are, whatever the traits, with one exception: a Chat request with functions for a model that refuses them in Chat
(\`refuses_functions_in_chat\`) goes over Responses, if its provider has that protocol and the work mode allows a translation.

Unknown names at the vendors' own presets are taken to be new models, not old ones. Both can be wrong, and the costs differ: a new model that gets an old one's fields refuses every request or
loses its reasoning, on the day on which everybody tries it, while an old deployment under a name of its own loses at most a setting, such as \`temperature\`. That loss is named in
\`x-tokligence-dropped-params\`, and one line of \`model_traits\` (\`like: gpt-4.1\`) ends it.

${traitTables.map(renderTable).join("\n")}
This page is made by \`npm run docs\` from \`src/protocols/*/model-traits.ts\`.
`;
}
