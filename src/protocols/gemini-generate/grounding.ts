import type { Citation, WebSearch, WebSource } from "../../ir/index.ts";
import { compact, isObject, type WireObject } from "../shared/fields.ts";
import { CitedPages } from "../shared/web-search.ts";

/** At most this number of supports of one answer is read: each needs a pass over the text before it. */
const maxSupports = 500;

/** The search in `groundingMetadata` (`@google/genai` 3.1); `undefined` if there is none. */
export function searchOfGrounding(metadata: WireObject, id: string): WebSearch | undefined {
  const queries = metadata["webSearchQueries"];
  const asked = Array.isArray(queries) ? queries.filter((query) => typeof query === "string") : [];
  const sources = pagesOf(metadata).filter((page) => page !== undefined);
  return asked.length === 0 && sources.length === 0 ? undefined : { id, queries: asked, sources };
}

/** The pages by the index by which the supports name them. */
function pagesOf({ groundingChunks: chunks }: WireObject): readonly (WebSource | undefined)[] {
  if (!Array.isArray(chunks)) return [];
  return chunks.map((chunk: unknown) => {
    const web = isObject(chunk) ? chunk["web"] : undefined;
    if (!isObject(web) || typeof web["uri"] !== "string" || web["uri"] === "") return undefined;
    return compact({ url: web["uri"], title: typeof web["title"] === "string" && web["title"] !== "" ? web["title"] : undefined });
  });
}

/** The citations of an answer's text. The wire counts in bytes, and omits an index of 0; without supports, all pages are cited by all of the text. */
export function citationsOfGrounding(metadata: WireObject, text: string): readonly Citation[] {
  const pages = pagesOf(metadata);
  const supports: unknown = metadata["groundingSupports"];
  if (!Array.isArray(supports)) return pages.filter((page) => page !== undefined);
  const bytes = Buffer.from(text);
  const lengthUpTo = (end: number): number => bytes.toString("utf8", 0, end).length;
  return supports
    .slice(0, maxSupports)
    .filter(isObject)
    .flatMap(({ segment, groundingChunkIndices: indices }): readonly Citation[] => {
      const { startIndex = 0, endIndex } = isObject(segment) ? segment : {};
      if (typeof startIndex !== "number" || typeof endIndex !== "number" || !Array.isArray(indices)) return [];
      const place = { start: lengthUpTo(startIndex), end: lengthUpTo(endIndex) };
      return indices.flatMap((index: unknown) => {
        const page = typeof index === "number" ? pages[index] : undefined;
        return page === undefined || place.end <= place.start ? [] : [{ ...page, ...place }];
      });
    });
}

interface PlacedCitation {
  readonly citation: Citation;
  /** Where the block begins in the answer's text. */
  readonly offset: number;
}

/** Collects the searches and citations of an answer for its `groundingMetadata`. */
export class GroundingWriter {
  #text = "";
  readonly #citations: PlacedCitation[] = [];
  readonly #searches: WebSearch[] = [];

  /** The length of the answer's text so far. */
  get length(): number {
    return this.#text.length;
  }

  text(piece: string): void {
    this.#text += piece;
  }

  cite(citation: Citation, offset: number): void {
    const { start = 0, end = this.#text.length - offset } = citation;
    this.#citations.push({ citation: { ...citation, start, end }, offset });
  }

  search(search: WebSearch): void {
    this.#searches.push(search);
  }

  /** `undefined` if nothing was searched or cited. */
  get metadata(): WireObject | undefined {
    if (this.#searches.length === 0 && this.#citations.length === 0) return undefined;
    const cited = new CitedPages();
    for (const { citation } of this.#citations) cited.add(citation);
    for (const { sources } of this.#searches) for (const source of sources) cited.add(source);
    const pages = cited.list;
    const indexes = new Map(pages.map(({ url }, index) => [url, index]));
    return compact({
      webSearchQueries: nonEmpty(this.#searches.flatMap(({ queries }) => queries)),
      groundingChunks: nonEmpty(pages.map(({ url, title }) => ({ web: compact({ uri: url, title }) }))),
      groundingSupports: nonEmpty(this.#citations.map((placed) => this.#support(placed, indexes))),
    });
  }

  #support({ citation, offset }: PlacedCitation, indexes: ReadonlyMap<string, number>): WireObject {
    const { url, start = 0, end = 0 } = citation;
    const [from, to] = [offset + start, offset + end];
    const startIndex = Buffer.byteLength(this.#text.slice(0, from));
    const text = this.#text.slice(from, to);
    return { segment: { startIndex, endIndex: startIndex + Buffer.byteLength(text), text }, groundingChunkIndices: [indexes.get(url)] };
  }
}

function nonEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}
