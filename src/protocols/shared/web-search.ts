import { hash } from "node:crypto";
import { sealMark } from "../../core/index.ts";
import type { ChatRequest, Citation, WebSource } from "../../ir/index.ts";
import { compact, isObject, type WireObject } from "./fields.ts";
import { readHostedTool } from "./hosted-tools.ts";

/** Reads `url_citation` of Responses, or of Chat, where its fields are in an object of that name; `undefined` for any other annotation. */
export function readAnnotation(annotation: unknown): Citation | undefined {
  if (!isObject(annotation) || annotation["type"] !== "url_citation") return undefined;
  const fields = isObject(annotation["url_citation"]) ? annotation["url_citation"] : annotation;
  const { url, title, content, start_index: start, end_index: end } = fields;
  if (typeof url !== "string" || url === "") return undefined;
  const hasPlace = typeof start === "number" && typeof end === "number" && start >= 0 && end > start;
  return compact({
    url,
    title: typeof title === "string" && title !== "" ? title : undefined,
    citedText: typeof content === "string" && content !== "" ? content : undefined,
    ...(hasPlace ? { start, end } : {}),
  });
}

/** The citations of a text in a list of annotations; `undefined` if there are none. */
export function readAnnotations(annotations: unknown): readonly Citation[] | undefined {
  if (!Array.isArray(annotations)) return undefined;
  const citations = annotations.map(readAnnotation).filter((citation) => citation !== undefined);
  return citations.length === 0 ? undefined : citations;
}

/** The fields of a `url_citation`. `offset`: where the block's text begins in the text that the indexes count in; `length`: of the block's text. */
export function annotationFields(
  { url, title, start = 0, end }: Citation,
  offset: number,
  length: number,
): { readonly url: string; readonly title: string; readonly start_index: number; readonly end_index: number } {
  return { url, title: title ?? url, start_index: offset + start, end_index: offset + (end ?? length) };
}

/**
 * An id for a search in the client's dialect, which its own vendor does not know. It begins with the mark of seals, so that the search is removed from a
 * later request that goes to that vendor.
 */
export function madeSearchId(prefix: string, seed: string): string {
  return `${prefix}${sealMark}${hash("sha256", seed).slice(0, 20)}`;
}

/** Whether this gateway made the id. */
export function isMadeSearchId(prefix: string, id: unknown): boolean {
  return typeof id === "string" && id.startsWith(prefix + sealMark);
}

/** The pages that an answer cites, each once. */
export class CitedPages {
  readonly #pages: WebSource[] = [];
  readonly #urls = new Set<string>();

  add({ url, title }: Citation): void {
    if (this.#urls.has(url)) return;
    this.#urls.add(url);
    this.#pages.push(compact({ url, title }));
  }

  get list(): readonly WebSource[] {
    return this.#pages;
  }
}

/** Whether the client asked for the vendor's own web search. */
export function asksForSearch({ tools }: ChatRequest): boolean {
  return tools?.some((tool) => tool.type === "server" && readHostedTool(tool)?.kind === "web-search") === true;
}

/** Pages in a list of objects with `url` and `title`. */
export function readPages(list: unknown): readonly WebSource[] {
  if (!Array.isArray(list)) return [];
  return list.filter(isObject).flatMap(({ url, title }: WireObject): readonly WebSource[] => {
    if (typeof url !== "string" || url === "") return [];
    return [{ url, ...(typeof title === "string" && title !== "" ? { title } : {}) }];
  });
}
