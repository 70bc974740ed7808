import { parseCanonical } from "../documents/canonical.ts";
import { DocumentError } from "../documents/document-error.ts";
import { documentOf, verifyDocument, type MarketDocument } from "../documents/document.ts";
import { FrameError } from "../identity/frames.ts";
import { sealCall, type CallRequest } from "../identity/sealed-call.ts";
import { SealError } from "../identity/sealing.ts";
import { MarketRefusal, refusalOfText } from "../refusal.ts";

interface RelayedCallsDeps {
  /** A call of the relay. @returns the bytes of its answer. @throws MarketRefusal */
  readonly send: (path: "/node" | "/sealed", body: Buffer | undefined) => Promise<Buffer>;
  readonly node: string;
  readonly now: () => number;
}

/** A sealing key is used no longer than until this time before its end. */
const marginMs = 3_600_000;

/** Calls of one node through its relay. The relay sees who calls whom, and sealed bytes. */
export class RelayedCalls {
  readonly #deps: RelayedCallsDeps;
  #document: MarketDocument<"node/1"> | undefined;

  constructor(deps: RelayedCallsDeps) {
    this.#deps = deps;
  }

  /** @returns the JSON text. @throws MarketRefusal what the node says; `unavailable` if the relay does not reach it, or has changed anything. */
  async call(request: CallRequest): Promise<string> {
    try {
      return await this.#call(request);
    } catch (error) {
      // The node has other keys by now, after its database was made anew.
      if (!(error instanceof MarketRefusal) || error.code !== "bad_order" || this.#document === undefined) throw error;
      this.#document = undefined;
      return await this.#call(request);
    }
  }

  async #call(request: CallRequest): Promise<string> {
    const call = sealCall(request, await this.#sealingKey());
    const bytes = await this.#deps.send("/sealed", call.bytes);
    let answer: ReturnType<typeof call.open>;
    try {
      answer = call.open(bytes);
    } catch (error) {
      if (!(error instanceof SealError) && !(error instanceof FrameError) && !(error instanceof SyntaxError)) throw error;
      throw new MarketRefusal("unavailable", "The relay has changed the node's answer, or cut it.");
    }
    if (answer.status === 200) return answer.text;
    throw refusalOfText(answer.status, answer.text);
  }

  async #sealingKey(): Promise<{ readonly kid: string; readonly x25519: string }> {
    const known = this.#document === undefined ? undefined : newestKey(this.#document);
    if (known !== undefined && known.until - marginMs > this.#deps.now()) return known;
    const text = (await this.#deps.send("/node", undefined)).toString("utf8");
    try {
      const document = documentOf("node/1", parseCanonical(text));
      verifyDocument(document, this.#deps.node);
      this.#document = document;
      return newestKey(document);
    } catch (error) {
      if (!(error instanceof DocumentError)) throw error;
      throw new MarketRefusal("unavailable", "The relay did not answer with the node's document.");
    }
  }
}

function newestKey({ body }: MarketDocument<"node/1">): MarketDocument<"node/1">["body"]["seal"][number] {
  return body.seal.reduce((newest, one) => (one.until > newest.until ? one : newest));
}
