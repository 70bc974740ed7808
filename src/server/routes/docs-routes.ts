import { GatewayError } from "../../core/index.ts";
import { defaultDialect } from "../../protocols/index.ts";
import type { HttpExchange } from "../http/exchange.ts";
import type { Route, RouteContext } from "../route-table.ts";
import { docsPolicy, type DocsSite, type DocsSource } from "./docs-page.ts";

export interface DocsDeps {
  /** Reads the pages; called at the first request for one. */
  readonly readDocs: () => Promise<DocsSource>;
  readonly version: string;
}

/** `/docs/`: the documentation as pages without scripts, with a search. Public: it is the same for every installation. Nothing is read before the first request. */
export function docsRoutes({ readDocs, version }: DocsDeps): Route[] {
  let site: Promise<DocsSite> | undefined;
  const load = async (): Promise<DocsSite> => {
    const [source, { default: MarkdownIt }, { createDocsSite }] = await Promise.all([
      readDocs(),
      import("markdown-it"),
      import("./docs-page.ts"),
    ]);
    return createDocsSite(source, new MarkdownIt({ html: false, linkify: false }), version);
  };
  const handle = async (exchange: HttpExchange, { param, query }: RouteContext): Promise<void> => {
    // Tried again if it fails.
    site ??= load().catch((error: unknown) => {
      site = undefined;
      throw error;
    });
    const { render, renderSearch } = await site;
    const html = param === "search" ? renderSearch(new URLSearchParams(query).get("q") ?? "") : render(param);
    if (html === undefined) throw new GatewayError("not_found", "There is no such page. /docs/ lists all.");
    exchange.json(200, pageHeaders, html);
  };
  // Relative, so that it holds below any prefix.
  const redirect = (exchange: HttpExchange): void => exchange.json(308, ["location", "docs/", "content-type", "text/plain"], "docs/\n");
  const common = { access: "public", dialect: defaultDialect } as const;
  return (["GET", "HEAD"] as const).flatMap((method): Route[] => [
    { ...common, method, path: "/docs", handle: redirect },
    { ...common, method, path: "/docs/", handle },
    { ...common, method, path: "/docs/{model}", handle },
  ]);
}

const pageHeaders = [
  "content-type",
  "text/html; charset=utf-8",
  "cache-control",
  "no-cache",
  "x-content-type-options",
  "nosniff",
  "content-security-policy",
  docsPolicy,
  "referrer-policy",
  "no-referrer",
];
