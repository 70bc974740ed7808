import type { Documentation } from "./documentation.ts";

const sectionsShown = 3;

/** What the documentation says to a question, by search alone: the sections that fit best, with their pages. */
export function answerFromDocumentation(
  documentation: Documentation,
  question: string,
): { readonly text: string; readonly pages: readonly string[] } {
  const found = documentation.search(question, sectionsShown);
  if (found.length === 0)
    return { text: `The documentation has nothing on this. Its pages are in docs/: ${documentation.pages.join(", ")}`, pages: [] };
  return {
    text: found.map(({ page, heading, text }) => `# ${heading} (docs/${page})\n\n${text}`).join("\n\n"),
    pages: [...new Set(found.map(({ page }) => `docs/${page}`))],
  };
}
