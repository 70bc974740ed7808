interface Tried {
  readonly date: string;
  readonly version: string;
  readonly snippets: number;
}

/** `docs/tried.md`, of what `npm run test:long -- docs` wrote into `docs/tried.json`. */
export function renderTriedPage(text: string): string {
  const pages = Object.entries(JSON.parse(text) as Record<string, Tried>);
  const linkOf = (page: string): string => (page.startsWith("docs/") ? page.slice("docs/".length) : `../${page}`);
  return [
    "# When each page was tried\n\n",
    "`npm run test:long -- docs` tries the pages: configurations are loaded, commands exist with their options, calls with curl are answered, TypeScript is checked with the\n",
    "types of the package, Python is parsed, links lead somewhere. This table has the day and the version of the last time.\n\n",
    "| page | blocks of code | version | day |\n|---|---|---|---|\n",
    ...pages.map(([page, { date, version, snippets }]) => `| [${page}](${linkOf(page)}) | ${snippets} | ${version} | ${date} |\n`),
  ].join("");
}
