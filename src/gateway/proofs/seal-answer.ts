import type { Block, ReasoningBlock, ReasoningProof, StreamEvent, ToolCallBlock } from "../../ir/index.ts";
import type { ProofCarrier } from "../../protocols/index.ts";
import type { ProofContent, ProofOrigin } from "./proof-content.ts";

export interface AnswerSealing {
  /** How the client's dialect carries proofs. */
  readonly carrier: ProofCarrier;
  readonly origin: ProofOrigin;
  readonly seal: (content: ProofContent) => string;
}

/** The proof of a call that the client may not give back, to be kept beside the call's id. */
export interface CallProof {
  readonly callId: string;
  readonly sealed: string;
}

/**
 * Puts seals where an answer's proofs are, so that the client's dialect carries them as its own; what it has no field for is collected in `kept`. One
 * for each answer.
 */
export class AnswerSealer {
  readonly #sealing: AnswerSealing;
  /** Reasoning that waits for the next call. */
  readonly #waiting: ReasoningBlock[] = [];
  #spoke = false;
  readonly kept: CallProof[] = [];

  constructor(sealing: AnswerSealing) {
    this.#sealing = sealing;
  }

  /** Words have gone to the client. */
  speak(): void {
    this.#spoke = true;
  }

  /** The proof that the client sees on a reasoning block. */
  reasoning(block: ReasoningBlock): ReasoningProof | undefined {
    const { carrier } = this.#sealing;
    const { proof, id } = block;
    const isWanted = proof !== undefined;
    if (carrier.carriesOn === "calls") {
      if (!isWanted) return undefined;
      this.#waiting.push(plain(block));
      // A mark without a secret says only where the text goes, and what is signed behind the answer's words is wanted with a call alone.
      const isShown = carrier.showsBlocks === true && proof.kind !== "field" && (block.text !== "" || !this.#spoke);
      return isShown ? this.#proof(this.#seal([plain(block)], undefined)) : undefined;
    }
    if (carrier.isLastBlockSpeech && block.text === "" && this.#spoke) {
      if (isWanted) this.#waiting.push(plain(block));
      return undefined;
    }
    const isDemanded = carrier.demandsSignature && (block.text !== "" || id !== undefined);
    if (!isWanted && !isDemanded) return undefined;
    return this.#proof(this.#seal([isWanted ? plain(block) : { ...plain(block), text: "" }], undefined));
  }

  /** The proof that the client sees on a call. */
  call(callId: string, proof: ReasoningProof | undefined): ReasoningProof | undefined {
    const { carrier } = this.#sealing;
    if (proof === undefined && this.#waiting.length === 0) return undefined;
    const sealed = this.#seal(this.#waiting.splice(0), proof);
    if (carrier.callField !== "always") this.kept.push({ callId, sealed });
    const hasField = carrier.callField === "always" || (carrier.callField === "signed" && proof !== undefined);
    return hasField ? this.#proof(sealed) : undefined;
  }

  /** A proof for the answer's end: of reasoning that no call has followed. */
  rest(): ReasoningProof | undefined {
    const waiting = this.#waiting.splice(0);
    // Without a call it is not asked back; only where a field is there for it, it goes along.
    return waiting.length === 0 || !this.#sealing.carrier.hasTrailingProof ? undefined : this.#proof(this.#seal(waiting, undefined));
  }

  #seal(reasoning: readonly ReasoningBlock[], call: ReasoningProof | undefined): string {
    const { origin, seal } = this.#sealing;
    return seal({ origin, reasoning, ...(call === undefined ? {} : { call }) });
  }

  #proof(data: string): ReasoningProof {
    return this.#sealing.carrier.wrap(data);
  }
}

function plain({ text, proof, id }: ReasoningBlock): ReasoningBlock {
  return { type: "reasoning", text, ...(proof === undefined ? {} : { proof }), ...(id === undefined ? {} : { id }) };
}

/** A whole answer's blocks, sealed. */
export function sealBlocks(content: readonly Block[], sealer: AnswerSealer): readonly Block[] {
  const blocks = content.map((block): Block => {
    if (block.type === "reasoning") return withProof(block, sealer.reasoning(block));
    if (block.type === "text" && block.text !== "") sealer.speak();
    return block.type === "tool-call" ? withProof(block, sealer.call(block.id, block.proof)) : block;
  });
  const rest = sealer.rest();
  return rest === undefined ? blocks : [...blocks, { type: "reasoning", text: "", proof: rest }];
}

function withProof(block: ReasoningBlock | ToolCallBlock, proof: ReasoningProof | undefined): Block {
  const { proof: _, ...unsigned } = block;
  return proof === undefined ? unsigned : { ...unsigned, proof };
}

interface OpenBlock {
  readonly start: Extract<Extract<StreamEvent, { type: "block-start" }>["block"], { type: "reasoning" | "tool-call" }>;
  text: string;
  proof: ReasoningProof | undefined;
}

/** A stream's events, sealed: a block's proof is sent right before its end. */
export class EventSealer {
  readonly #sealer: AnswerSealer;
  readonly #open = new Map<number, OpenBlock>();
  #nextIndex = 0;

  constructor(sealer: AnswerSealer) {
    this.#sealer = sealer;
  }

  push(event: StreamEvent): readonly StreamEvent[] {
    switch (event.type) {
      case "block-start":
        this.#nextIndex = Math.max(this.#nextIndex, event.index + 1);
        if (event.block.type === "reasoning" || event.block.type === "tool-call")
          this.#open.set(event.index, { start: event.block, text: "", proof: undefined });
        return [event];
      case "block-delta": {
        const open = this.#open.get(event.index);
        if (event.delta.type === "proof") {
          if (open !== undefined) open.proof = event.delta.proof;
          return [];
        }
        if (event.delta.type === "citation") return [event];
        if (open?.start.type === "reasoning") open.text += event.delta.text;
        else if (open === undefined && event.delta.text !== "") this.#sealer.speak();
        return [event];
      }
      case "block-end": {
        const proof = this.#close(event.index);
        return proof === undefined ? [event] : [{ type: "block-delta", index: event.index, delta: { type: "proof", proof } }, event];
      }
      case "message-delta":
        return event.stopReason === undefined ? [event] : [...this.#rest(), event];
      case "message-end":
        return [...this.#rest(), event];
      case "message-start":
      case "error":
      case "ping":
        return [event];
    }
  }

  #close(index: number): ReasoningProof | undefined {
    const open = this.#open.get(index);
    this.#open.delete(index);
    if (open === undefined) return undefined;
    const { start, text, proof } = open;
    if (start.type === "tool-call") return this.#sealer.call(start.id, proof);
    return this.#sealer.reasoning({ ...start, text, ...(proof === undefined ? {} : { proof }) });
  }

  #rest(): readonly StreamEvent[] {
    const proof = this.#sealer.rest();
    if (proof === undefined) return [];
    const index = this.#nextIndex++;
    return [
      { type: "block-start", index, block: { type: "reasoning" } },
      { type: "block-delta", index, delta: { type: "proof", proof } },
      { type: "block-end", index },
    ];
  }
}
