import { documentText, hashOfBytes, signDocument, verifyDocument, type MarketDocument } from "../documents/document.ts";
import type { NodeKey } from "../identity/node-key.ts";
import { billsMoreInput } from "../recount/bill-rules.ts";
import type { MarketRequest } from "./market-request.ts";
import type { SentOrder } from "./sent-order.ts";

/** The most plain bytes that an exchange looks at. */
const mostBytes = 1024 * 1024;

/** The plain bytes of an answer, as long as it may be shown to the exchange. */
export class KeptAnswer {
  #parts: Buffer[] | undefined = [];
  #size = 0;
  contentType = "";

  add(plain: Buffer): void {
    this.#size += plain.length;
    if (this.#size > mostBytes) this.#parts = undefined;
    else this.#parts?.push(plain);
  }

  /** `undefined`: it is too long. */
  get bytes(): Buffer | undefined {
    return this.#parts === undefined ? undefined : Buffer.concat(this.#parts);
  }
}

interface OpenedParts {
  readonly key: NodeKey;
  readonly request: MarketRequest;
  readonly order: SentOrder;
  readonly receipt: MarketDocument<"receipt/1">;
  readonly kept: KeptAnswer;
  readonly atMs: number;
}

/**
 * What a buyer shows to an exchange of an answer that was billed wrongly; the request only if its length is what was counted wrongly.
 * @returns `undefined` if the receipt names other bytes than those that have arrived, which proves nothing.
 */
export function openingText({ key, request, order, receipt, kept, atMs }: OpenedParts): string | undefined {
  const answer = kept.bytes;
  const { body } = receipt;
  if (answer === undefined || body.answer === "" || hashOfBytes(answer) !== body.answer) return undefined;
  const showsRequest = billsMoreInput(body.usage, { requestBytes: request.bodyBytes }) && request.plain.length <= mostBytes;
  const opening = signDocument(key, "opening/1", {
    lease: body.lease,
    n: body.n,
    receipt: verifyDocument(receipt, request.seller.node.node),
    request: showsRequest ? request.hash : "",
    answer: body.answer,
    dialect: request.protocol.id,
    content_type: kept.contentType,
    at: atMs,
  });
  const documents = `"opening":${documentText(opening)},"order":${documentText(order.document)},"receipt":${documentText(receipt)}`;
  const shown = showsRequest ? `,"request":"${request.plain.toString("base64")}"` : "";
  return `{${documents},"answer":"${answer.toString("base64")}"${shown}}`;
}
