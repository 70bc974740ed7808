import type { RolledUp } from "../types/roll-up.ts";

/** In the order in which a reader looks for them; others follow as they are exported. */
const order = [
  "createGateway",
  "EmbeddedGateway",
  "EmbeddedOptions",
  "Gateway",
  "AdminApi",
  "Daemon",
  "Config",
  "loadConfig",
  "GatewayError",
  "ConfigError",
];

/** A table of this size is a page of its own. */
const longest = 4000;

/** `docs/library-api.md`, of the types that the package ships. */
export function libraryPage({ exported, others }: RolledUp): string {
  const place = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
  const sections = [...exported.toSorted((a, b) => place(a.name) - place(b.name)), ...others]
    .filter(({ text }) => text.length < longest)
    .map(({ name, comment, text }) => `## ${name}\n\n${prose(comment)}\`\`\`ts\n${text}\n\`\`\`\n`);
  return [
    "# Library: names and types\n\n",
    "All that the package `tokligence` exports, and the types that these use; [As a library](library.md) says how to use it. `npm run build:bundle` writes\n",
    "this page from the types of the package. `ErrorCode` is one of the codes of [errors](errors.md).\n\n",
    sections.join("\n"),
  ].join("");
}

/** A comment of code as a paragraph. */
function prose(comment: string): string {
  const text = comment
    .replace(/^\/\*\*|\*\/\s*$/g, "")
    .split("\n")
    .map((line) => line.replace(/^\s*\*? ?/, ""))
    .join("\n")
    .trim()
    .replaceAll(/(?:^| )@throws /gm, "\n\nThrows ")
    .replaceAll(/(?:^| )@param (\w+)/gm, "\n\n`$1`:")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trim();
  return text === "" ? "" : `${text}\n\n`;
}
