import type { BlockDelta, ReasoningProof, StreamEvent } from "../../ir/index.ts";
import { restoreArguments, restoreCall, type RestoredCall } from "../restore-tool.ts";
import { madeCallId } from "../tool-names.ts";
import type { ToolNames } from "../translation.ts";
import type { CallPiece } from "./answer-fields.ts";

/** A call while its pieces come. Its block begins when the name is known. */
interface GrowingCall {
  readonly number: number;
  readonly kind: CallPiece["kind"];
  id: string | undefined;
  proof: ReasoningProof | undefined;
  /** Arguments received before the block began. */
  buffered: string;
  block: { readonly index: number; readonly call: RestoredCall } | undefined;
}

/**
 * Joins the pieces of streamed calls. Servers differ: the index may be missing (then the id decides, or a name begins a new call), and calls may come
 * whole, all with index 0, or interleaved. The end of a call is known only when the answer ends, so their blocks overlap.
 */
export class StreamCalls {
  readonly #toolNames: ToolNames | undefined;
  readonly #calls: GrowingCall[] = [];
  /** The call that a piece with an index belongs to. */
  readonly #byIndex = new Map<number, GrowingCall>();

  constructor(toolNames: ToolNames | undefined) {
    this.#toolNames = toolNames;
  }

  get any(): boolean {
    return this.#calls.some((call) => call.block !== undefined);
  }

  push(piece: CallPiece, answerId: string, nextIndex: () => number): readonly StreamEvent[] {
    const call = this.#find(piece);
    call.id ??= piece.id;
    const events: StreamEvent[] = [];
    if (call.block === undefined && piece.name !== undefined) {
      const id = call.id ?? madeCallId(`${answerId} ${call.number}`);
      const restored = restoreCall({ type: "tool-call", id, name: piece.name, kind: call.kind }, this.#toolNames);
      call.block = { index: nextIndex(), call: restored };
      events.push({ type: "block-start", index: call.block.index, block: restored.start });
    }
    call.proof = piece.proof ?? call.proof;
    call.buffered += piece.arguments;
    if (call.block !== undefined && !call.block.call.wrapped) events.push(...emitArguments(call));
    return events;
  }

  #find(piece: CallPiece): GrowingCall {
    const found = this.#lookUp(piece);
    // A whole call with an index that is in use is another call: Google's endpoint has sent all calls with index 0.
    const isOther = found?.id !== undefined && piece.id !== undefined && piece.id !== found.id && piece.name !== undefined;
    if (found !== undefined && !isOther) return found;
    const call: GrowingCall = {
      number: this.#calls.length,
      kind: piece.kind,
      id: piece.id,
      proof: undefined,
      buffered: "",
      block: undefined,
    };
    this.#calls.push(call);
    if (piece.index !== undefined) this.#byIndex.set(piece.index, call);
    return call;
  }

  #lookUp({ index, id, name }: CallPiece): GrowingCall | undefined {
    if (index !== undefined) return this.#byIndex.get(index);
    if (id !== undefined) return this.#calls.find((call) => call.id === id);
    return name === undefined ? this.#calls.at(-1) : undefined;
  }

  /** Whether a call was streamed without a name. */
  get nameless(): boolean {
    return this.#calls.some((call) => call.block === undefined && (call.buffered !== "" || call.id !== undefined));
  }

  /** Ends the blocks. */
  end(): readonly StreamEvent[] {
    return this.#calls.flatMap((call): StreamEvent[] => {
      if (call.block === undefined) return [];
      const { index } = call.block;
      const proof: StreamEvent[] =
        call.proof === undefined ? [] : [{ type: "block-delta", index, delta: { type: "proof", proof: call.proof } }];
      return [...emitArguments(call), ...proof, { type: "block-end", index }];
    });
  }
}

function emitArguments(call: GrowingCall): StreamEvent[] {
  if (call.block === undefined || call.buffered === "") return [];
  const delta: BlockDelta = { type: "arguments", text: restoreArguments(call.block.call, call.buffered) };
  call.buffered = "";
  return delta.text === "" ? [] : [{ type: "block-delta", index: call.block.index, delta }];
}
