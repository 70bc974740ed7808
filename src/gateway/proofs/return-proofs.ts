import { sealMark } from "../../core/index.ts";
import type { Block, ChatRequest, Message, ReasoningBlock, ToolCallBlock } from "../../ir/index.ts";
import { familiesThatSignCalls, type Loss, type ProofCarrier } from "../../protocols/index.ts";
import { isSameOrigin, type ProofContent, type ProofOrigin } from "./proof-content.ts";

export interface ProofReturn {
  /** How the client's dialect carries proofs. */
  readonly carrier: ProofCarrier;
  /** The upstream's protocol signs calls itself. */
  readonly upstreamSignsCalls: boolean;
  /** Where the request goes. */
  readonly origin: ProofOrigin;
  /** `undefined` for what this installation did not seal for this user. */
  readonly open: (sealed: string) => ProofContent | undefined;
  /** What was kept beside the ids of calls. */
  readonly kept: ReadonlyMap<string, string>;
}

/** The calls whose proofs the client can't have given back and the upstream might want. */
export function callsToFind(
  request: ChatRequest,
  { carriesOn, callField }: ProofCarrier,
  { upstreamSignsCalls, family }: { readonly upstreamSignsCalls: boolean; readonly family: string },
): readonly string[] {
  // A client that carries on calls alone may have lost any proof; one that carries on blocks loses those of calls, which only some models make.
  const isWanted = callField !== "always" && (carriesOn === "calls" || upstreamSignsCalls || familiesThatSignCalls.has(family));
  if (!isWanted) return [];
  return request.messages.flatMap(({ content }) =>
    content.flatMap((block) => (block.type === "tool-call" && !isSealed(block) ? [block.id] : [])),
  );
}

/**
 * Opens what the client gave back and puts it where its provider wants it. A proof of another provider, another user or another installation, and one
 * that was cut or altered, is omitted and reported as lost; the reasoning's text stays.
 */
export function returnProofs(
  request: ChatRequest,
  around: ProofReturn,
): { readonly request: ChatRequest; readonly losses: readonly Loss[] } {
  let lost = false;
  const messages = request.messages.map((message) => {
    if (message.role !== "assistant") return message;
    const returned = new ReturnedMessage(around);
    for (const block of message.content) returned.add(block);
    lost ||= returned.lost;
    return { ...message, content: returned.content } satisfies Message;
  });
  const losses: readonly Loss[] = lost
    ? [{ param: "signature", action: "dropped", reason: "It is valid only at the provider that made it." }]
    : [];
  return { request: { ...request, messages }, losses };
}

class ReturnedMessage {
  readonly #around: ProofReturn;
  readonly content: Block[] = [];
  lost = false;
  /** Behind the last call: where the current step begins. */
  #step = 0;

  constructor(around: ProofReturn) {
    this.#around = around;
  }

  add(block: Block): void {
    if (block.type === "reasoning") this.#addReasoning(block);
    else if (block.type === "tool-call") this.#addCall(block);
    else this.content.push(block);
  }

  #addReasoning(block: ReasoningBlock): void {
    const { proof, ...unsigned } = block;
    if (proof === undefined) {
      this.#push(unsigned);
      return;
    }
    const content = this.#around.open(proof.data);
    const reasoning = this.#usable(content)?.reasoning;
    // Of their own thoughts Google's models want back only what they signed: nothing is lost with the rest.
    const isSpare = content !== undefined && isSameOrigin(content.origin, this.#around.origin) && this.#around.upstreamSignsCalls;
    const { carriesOn, showsBlocks } = this.#around.carrier;
    if (carriesOn === "calls" && showsBlocks !== true) {
      this.#push(unsigned);
      this.#restore(reasoning ?? []);
    } else {
      const sent: readonly ReasoningBlock[] = reasoning ?? [unsigned];
      for (const own of sent) {
        if (own.proof === undefined && isSpare) continue;
        this.#push({ ...unsigned, ...own, text: own.proof === undefined && own.text === "" ? block.text : own.text });
      }
    }
  }

  #addCall(block: ToolCallBlock): void {
    const { proof, ...unsigned } = block;
    const sealed = proof !== undefined && isSealed(block) ? proof.data : this.#around.kept.get(block.id);
    const content = sealed === undefined ? undefined : this.#usable(this.#around.open(sealed));
    if (sealed === undefined && proof !== undefined) this.lost = true;
    this.#restore(content?.reasoning ?? []);
    this.content.push(content?.call === undefined ? unsigned : { ...unsigned, proof: content.call });
    this.#step = this.content.length;
  }

  /** What of a seal's content goes to this upstream: without proofs where they were made elsewhere. */
  #usable(
    content: ProofContent | undefined,
  ): { readonly reasoning: readonly ReasoningBlock[]; readonly call?: ProofContent["call"] } | undefined {
    if (content === undefined) {
      this.lost = true;
      return undefined;
    }
    if (isSameOrigin(content.origin, this.#around.origin)) return content;
    // A mark that only says where the text goes is no proof that is lost.
    if (content.call !== undefined || content.reasoning.some(({ proof }) => proof !== undefined && proof.kind !== "field"))
      this.lost = true;
    return { reasoning: content.reasoning.map(({ text }) => ({ type: "reasoning", text })) };
  }

  /**
   * Puts reasoning where its step of the turn begins: behind the last call before it. Reasoning that the client did show is the same without its proof,
   * so it gives way.
   */
  #restore(reasoning: readonly ReasoningBlock[]): void {
    const filled = reasoning.filter((block) => block.text !== "" || block.proof !== undefined);
    if (filled.length === 0) return;
    // A client that gave the same reasoning back on a block of its own is not served it twice.
    const isRestored = (block: Block): boolean =>
      block.type === "reasoning" && (block.proof === undefined || filled.some(({ proof }) => proof?.data === block.proof?.data));
    const step = this.content.splice(this.#step).filter((block) => !isRestored(block));
    this.content.push(...filled, ...step);
  }

  #push(block: ReasoningBlock): void {
    if (block.text !== "" || block.proof !== undefined || block.extensions !== undefined) this.content.push(block);
  }
}

function isSealed({ proof }: ToolCallBlock): boolean {
  return proof?.data.startsWith(sealMark) === true;
}
