import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { asObject, asObjects, asString, type JsonObject, type JsonValue } from "./json.ts";

const bytesOfToken = 4;
const hourMs = 3_600_000;

interface Kept {
  readonly key: string;
  readonly model: string;
  readonly tokens: number;
  expiresMs: number;
}

/** What the vendor bills beside the answers, in tokens and token-hours. */
export interface CacheBill {
  created: number;
  tokenHours: number;
}

/**
 * A stand-in for the Gemini API with context caches, which refuses and bills as the vendor documents (ai.google.dev, "Context caching", and the reference of `cachedContents`,
 * November 2026): a cache belongs to the key that made it and to its model, has a least size, is billed as input once and by its tokens and hours; a request that refers to one
 * must have no instructions or tools of its own; one that has ended is 403.
 */
export class GeminiCaches {
  /** What came in: `POST /v1beta/cachedContents`, …. */
  readonly calls: { readonly what: string; readonly body: JsonObject }[] = [];
  readonly bill: CacheBill = { created: 0, tokenHours: 0 };
  /** What creations are answered with, in place of a cache. */
  refusal: { readonly status: number; readonly message: string } | undefined;
  /** Requests for answers are refused as wrong. */
  fault: string | undefined;
  /** Prompts that were sent before are found without a cache. */
  isImplicit = false;
  readonly #nowMs: () => number;
  readonly #minTokens: number;
  readonly #kept = new Map<string, Kept>();
  readonly #sent = new Set<string>();
  #count = 0;

  constructor(nowMs: () => number, minTokens = 4096) {
    this.#nowMs = nowMs;
    this.#minTokens = minTokens;
  }

  /** The calls for caches alone. */
  get cacheCalls(): readonly string[] {
    return this.calls.map(({ what }) => what).filter((what) => what.includes("cachedContents"));
  }

  /** Deletes all caches, as at the end of their time. */
  forgetAll(): void {
    this.#kept.clear();
  }

  answer(method: string, path: string, key: string, body: JsonObject): Answer {
    this.calls.push({ what: `${method} ${path}`, body });
    if (path === "/v1beta/cachedContents") return this.#create(key, body);
    if (method === "PATCH") return this.#extend(path.slice("/v1beta/".length), key, body);
    return this.#generate(/models\/([^:]+):/.exec(path)?.[1] ?? "", key, body);
  }

  #create(key: string, body: JsonObject): Answer {
    if (this.refusal !== undefined) return refuse(this.refusal.status, this.refusal.message);
    const tokens = tokensOf(body);
    const least = this.#minTokens;
    if (tokens < least) return refuse(400, `Cached content is too small. total_token_count=${tokens}, min_total_token_count=${least}`);
    const ttlMs = readTtl(body);
    const name = `cachedContents/c${++this.#count}`;
    this.#kept.set(name, { key, model: asString(body["model"]) ?? "", tokens, expiresMs: this.#nowMs() + ttlMs });
    this.bill.created += tokens;
    this.bill.tokenHours += Math.ceil((tokens * ttlMs) / hourMs);
    return { status: 200, body: { name, model: body["model"], usageMetadata: { totalTokenCount: tokens } } };
  }

  #extend(name: string, key: string, body: JsonObject): Answer {
    const cache = this.#find(name, key);
    if (cache === undefined) return gone;
    const expiresMs = this.#nowMs() + readTtl(body);
    this.bill.tokenHours += Math.ceil((cache.tokens * (expiresMs - cache.expiresMs)) / hourMs);
    cache.expiresMs = expiresMs;
    return { status: 200, body: { name, usageMetadata: { totalTokenCount: cache.tokens } } };
  }

  #find(name: JsonValue, key: string): Kept | undefined {
    const cache = this.#kept.get(asString(name) ?? "");
    return cache?.key === key && cache.expiresMs > this.#nowMs() ? cache : undefined;
  }

  #generate(model: string, key: string, body: JsonObject): Answer {
    if (this.fault !== undefined) return refuse(400, this.fault);
    const name = body["cachedContent"];
    let cached = 0;
    if (name !== undefined) {
      if (["systemInstruction", "tools", "toolConfig"].some((part) => part in body))
        return refuse(400, "CachedContent can not be used with GenerateContent request setting system_instruction, tools or tool_config.");
      const cache = this.#find(name, key);
      if (cache?.model !== `models/${model}`) return gone;
      cached = cache.tokens;
    }
    const fresh = tokensOf(body);
    if (this.isImplicit && name === undefined && this.#wasSent(body)) cached = Math.floor(fresh * 0.95);
    const promptTokenCount = name === undefined ? fresh : fresh + cached;
    const isStep = body["tools"] !== undefined || name !== undefined;
    const part = isStep ? { functionCall: { name: "tool_0", args: { command: "ls" } } } : { text: "The answer." };
    const usageMetadata = { promptTokenCount, candidatesTokenCount: 60, totalTokenCount: promptTokenCount + 60 };
    return {
      status: 200,
      body: {
        candidates: [{ content: { role: "model", parts: [part] }, finishReason: "STOP", index: 0 }],
        usageMetadata: cached === 0 ? usageMetadata : { ...usageMetadata, cachedContentTokenCount: cached },
        modelVersion: model,
      },
    };
  }

  #wasSent(body: JsonObject): boolean {
    const prefixes = asObjects(body["contents"]).map((_, at) => prefixOf(body, at + 1));
    const isKnown = prefixes.some((prefix) => this.#sent.has(prefix));
    for (const prefix of prefixes) this.#sent.add(prefix);
    return isKnown;
  }
}

export interface Answer {
  readonly status: number;
  readonly body: JsonObject;
}

function refuse(status: number, message: string): Answer {
  const word = { 400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 429: "RESOURCE_EXHAUSTED" }[status];
  return { status, body: { error: { code: status, message, status: word } } };
}

const gone = refuse(403, "CachedContent not found (or permission denied)");

function tokensOf(body: JsonObject): number {
  const parts = ["systemInstruction", "tools", "toolConfig", "contents"].map((name) => body[name]).filter((part) => part !== undefined);
  return Math.round(parts.reduce<number>((sum, part) => sum + JSON.stringify(part).length, 0) / bytesOfToken);
}

function prefixOf(body: JsonObject, turns: number): string {
  return JSON.stringify([body["systemInstruction"], body["tools"], asObjects(body["contents"]).slice(0, turns)]);
}

function readTtl(body: JsonObject): number {
  const [, seconds] = /^(\d+)s$/.exec(asString(body["ttl"]) ?? "") ?? [];
  if (seconds === undefined) throw new Error("no ttl in seconds");
  return Number(seconds) * 1000;
}

async function readBody(request: IncomingMessage): Promise<JsonObject> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  const body: unknown = JSON.parse(Buffer.concat(parts).toString() || "{}");
  return asObject(body as JsonObject);
}

/** Serves the stand-in over HTTP. `gate`: creations wait for it. */
export async function serveGeminiCaches(
  caches: GeminiCaches,
): Promise<{ readonly url: string; gate: Promise<void> | undefined; close(): Promise<void> }> {
  const served = { url: "", gate: undefined as Promise<void> | undefined, close: () => Promise.resolve() };
  const server = createServer((request, response) => {
    const path = (request.url ?? "").split("?")[0]!;
    void readBody(request).then(async (body) => {
      if (path === "/v1beta/cachedContents") await served.gate;
      const answer = caches.answer(request.method ?? "", path, String(request.headers["x-goog-api-key"]), body);
      response.writeHead(answer.status, { "content-type": "application/json" }).end(JSON.stringify(answer.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  served.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  served.close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return served;
}
