import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** A request that a classifier's server got. */
export interface ClassifierRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

export interface ClassifierServer {
  readonly url: string;
  readonly requests: ClassifierRequest[];
  close(): Promise<void>;
}

/** People that the stand-in of Presidio knows. */
const people = /Ada Lovelace|Bob Babbage/g;

/**
 * A server that answers as four kinds of classifiers do: `/analyze` (Presidio, which counts code points), `/hook` (the webhook's form: places of the word `raven`),
 * `/v1/chat/completions` (a guard model that minds the word `bomb`), `/v1/moderations` (which minds the word `brawl`). `/broken` answers 500, `/silent` never.
 */
export async function createClassifierServer(): Promise<ClassifierServer> {
  const requests: ClassifierRequest[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const path = request.url ?? "";
      const body = JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown>;
      requests.push({ path, headers: request.headers, body });
      if (path === "/silent") return;
      response.writeHead(path === "/broken" ? 500 : 200, { "content-type": "application/json" });
      response.end(JSON.stringify(answerOf(path, body)));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answerOf(path: string, body: Record<string, unknown>): unknown {
  const texts = (body["text"] ?? body["texts"] ?? body["input"] ?? []) as readonly string[];
  if (path === "/analyze") {
    return texts.map((text) => placesOf(text, people).map(({ start, end }) => ({ entity_type: "PERSON", start, end, score: 0.85 })));
  }
  if (path === "/hook")
    return { results: texts.map((text) => ({ spans: placesOf(text, /raven/g).map((place) => ({ ...place, type: "code name" })) })) };
  if (path === "/v1/moderations") {
    return {
      results: texts.map((text) => ({
        flagged: text.includes("brawl"),
        categories: { violence: text.includes("brawl") },
        category_scores: {},
      })),
    };
  }
  const messages = (body["messages"] ?? []) as readonly { readonly content: string }[];
  const content = messages.at(-1)?.content.includes("bomb") === true ? "unsafe\nS9" : "safe";
  return { choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }] };
}

function placesOf(text: string, pattern: RegExp): { start: number; end: number }[] {
  const points = (units: string): number => Array.from(units).length;
  return [...text.matchAll(pattern)].map(({ 0: match, index }) => ({
    start: points(text.slice(0, index)),
    end: points(text.slice(0, index + match.length)),
  }));
}
