import { sealMark } from "../../core/index.ts";
import type { Citation, WebSearch, WebSource } from "../../ir/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import type { ClientContext } from "../protocol.ts";
import { asksForSearch, isMadeSearchId, madeSearchId, readPages, type CitedPages } from "../shared/web-search.ts";

const idPrefix = "srvtoolu_";
const caller = { type: "direct" };

/** The blocks of a search that another vendor ran: `server_tool_use` and `web_search_tool_result` (SDK 1.12). */
function searchUse({ id, queries }: WebSearch): WireObject {
  return { type: "server_tool_use", id: madeSearchId(idPrefix, id), name: "web_search", input: { query: queries.join("; ") }, caller };
}

function searchResult({ id }: Pick<WebSearch, "id">, sources: readonly WebSource[]): WireObject {
  const content = sources.map(({ url, title }) => ({
    type: "web_search_result",
    url,
    title: title ?? url,
    // The vendor's own is opaque to clients; this one is removed from later requests.
    encrypted_content: sealMark,
    page_age: null,
  }));
  return { type: "web_search_tool_result", tool_use_id: madeSearchId(idPrefix, id), content, caller };
}

/** A citation of a web page (`CitationsWebSearchResultLocation`). */
export function renderCitation({ url, title, citedText }: Citation): WireObject {
  return { type: "web_search_result_location", url, title: title ?? null, cited_text: citedText ?? "", encrypted_index: sealMark };
}

/** Reads a citation of a text block; `undefined` if it is none of a web page. */
export function readCitation(citation: unknown): Omit<Citation, "start" | "end"> | undefined {
  if (!isObject(citation)) return undefined;
  const { type, cited_text: citedText } = citation;
  if (type !== "web_search_result_location") return undefined;
  const [page] = readPages([citation]);
  if (page === undefined) return undefined;
  return { ...page, ...(typeof citedText === "string" && citedText !== "" ? { citedText } : {}) };
}

/** Whether this gateway made a block: no vendor's search is behind it. */
export function isMadeBlock({ id, tool_use_id: resultId }: WireObject): boolean {
  return isMadeSearchId(idPrefix, id) || isMadeSearchId(idPrefix, resultId);
}

/** Writes the searches that another vendor ran. A search of which the vendor shows no pages gets those that the answer cites, at its end. */
export class SearchWriter {
  readonly #asked: boolean;
  readonly #pages: CitedPages;
  readonly #open: WebSearch[] = [];
  #count = 0;

  constructor(client: ClientContext, pages: CitedPages) {
    this.#asked = asksForSearch(client.request);
    this.#pages = pages;
  }

  push(search: WebSearch): readonly WireObject[] {
    this.#count++;
    if (search.sources.length > 0) return [searchUse(search), searchResult(search, search.sources)];
    this.#open.push(search);
    return [searchUse(search)];
  }

  /** The blocks at the end of an answer: also of a search that the vendor does not show, if the client asked for one. */
  end(): readonly WireObject[] {
    const pages = this.#pages.list;
    if (this.#count === 0 && this.#asked && pages.length > 0) {
      const unseen: WebSearch = { id: pages.map(({ url }) => url).join(" "), queries: [], sources: pages };
      return this.push(unseen);
    }
    return this.#open.map((search) => searchResult(search, pages));
  }

  /** The part of `usage` that counts them; `undefined` if there are none. */
  get usage(): WireObject | undefined {
    return this.#count === 0 ? undefined : { server_tool_use: { web_search_requests: this.#count, web_fetch_requests: 0 } };
  }
}

/** Puts the query of a search and what it found together: they are two blocks. */
export class SearchReader {
  readonly #queries = new Map<string, string>();

  /** Returns the search that a block ends; `undefined` for any other block. */
  read(block: WireObject): WebSearch | undefined {
    const { type, id, tool_use_id: resultId, name, input, content } = block;
    if (type === "server_tool_use" && name === "web_search" && typeof id === "string") {
      const query = isObject(input) ? input["query"] : undefined;
      if (typeof query === "string") this.#queries.set(id, query);
    }
    if (type !== "web_search_tool_result" || typeof resultId !== "string") return undefined;
    const query = this.#queries.get(resultId);
    return { id: resultId, queries: query === undefined ? [] : [query], sources: readPages(content) };
  }
}
