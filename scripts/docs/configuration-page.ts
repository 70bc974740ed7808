import { envNameOf } from "../../src/app/config/environment.ts";
import { schemaTree, type SchemaLeaf, type SchemaNode } from "../../src/app/config/schema-tree.ts";

interface Row {
  readonly path: readonly string[];
  readonly leaf: SchemaLeaf;
}

/** Every setting; a name of the user's choice is `NAME`. */
function rowsOf(node: SchemaNode, path: readonly string[]): Row[] {
  switch (node.type) {
    case "leaf":
      return [{ path, leaf: node }];
    case "map":
      return rowsOf(node.value, [...path, "NAME"]);
    case "object":
      return [...node.keys].flatMap(([key, value]) => rowsOf(value, [...path, key]));
  }
}

function renderDefault(value: unknown): string {
  if (value === undefined) return "";
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

/** The text of `docs/configuration.md`, from the schema of the configuration. */
export function renderConfigurationPage(): string {
  const sections = [...schemaTree.keys].map(([section, node]) => {
    const rows = rowsOf(node, [section]).map(
      ({ path, leaf }) =>
        `| \`${path.join(".")}\` | ${cell(leaf.description)} | ${cell(leaf.allowed)} | ${cell(renderDefault(leaf.defaultValue))} |`,
    );
    return `## ${section}\n\n| setting | what it does | allowed | default |\n|---|---|---|---|\n${rows.join("\n")}\n`;
  });
  return `# Configuration

One YAML file, \`~/.config/tokligence/config.yaml\` or the one that \`--config\` names; \`tokligence init\` writes a commented one. Only what differs from the defaults needs to be
in it. \`config.schema.json\` beside this page is its JSON Schema, for editors.

- Each setting has an environment name: \`gateway.port\` is \`${envNameOf(["gateway", "port"])}\`. Arguments win over the environment, the environment over the file, the file over the defaults.
- \`\${VARIABLE}\` and \`\${VARIABLE:-default}\` are replaced in values. A provider whose variable is not set is disabled; any other unset variable is an error.
- The running gateway reads a changed file again. A valid one is taken whole, without a failed request; an invalid one changes nothing, and the log says why.

${sections.join("\n")}
This page is made by \`npm run docs\` from the schema in \`src/app/config/\`.
`;
}
