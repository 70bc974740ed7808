import type { BlockDelta, ReasoningProof, StreamEvent } from "../../ir/index.ts";
import { restoreArguments, restoreCall, type RestoredCall } from "../shared/restore-tool.ts";
import { takeCallId } from "../shared/tool-names.ts";
import type { ToolNames } from "../translation.ts";
import { JsonFollower } from "../shared/whole-json.ts";
import type { CallPiece } from "./answer-fields.ts";

/** A call while its pieces come. Its block begins when the name is known. */
interface GrowingCall {
  readonly number: number;
  readonly kind: CallPiece["kind"];
  /** The server's. */
  id: string | undefined;
  proof: ReasoningProof | undefined;
  /** Arguments received before the block began. */
  buffered: string;
  readonly json: JsonFollower;
  block: { readonly index: number; readonly name: string; readonly call: RestoredCall } | undefined;
  /** A piece without arguments that has named the tool again, behind arguments that are whole: it begins another call if arguments follow. */
  again: CallPiece | undefined;
}

/**
 * Joins the pieces of streamed calls. Servers differ: the index may be missing (then the id decides, or a name begins a new call), and calls may come
 * whole, all with index 0 and without ids (Google's endpoint), or interleaved. The end of a call is known only when the answer ends, so their blocks overlap.
 */
export class StreamCalls {
  readonly #toolNames: ToolNames | undefined;
  readonly #calls: GrowingCall[] = [];
  /** The call that a piece with an index belongs to. */
  readonly #byIndex = new Map<number, GrowingCall>();
  readonly #ids = new Set<string>();

  constructor(toolNames: ToolNames | undefined) {
    this.#toolNames = toolNames;
  }

  get any(): boolean {
    return this.#calls.some((call) => call.block !== undefined);
  }

  push(piece: CallPiece, answerId: string, nextIndex: () => number): readonly StreamEvent[] {
    const found = this.#lookUp(piece);
    const { again } = found ?? {};
    if (found === undefined || isOther(found, piece)) return this.#grow(this.#begin(piece), piece, answerId, nextIndex);
    if (again !== undefined && hasText(piece.arguments)) {
      const named = { ...piece, name: again.name, id: piece.id ?? again.id };
      return this.#grow(this.#begin(named), named, answerId, nextIndex);
    }
    if (piece.name !== undefined && found.json.isWhole) found.again = piece;
    return this.#grow(found, piece, answerId, nextIndex);
  }

  #begin({ index, id, kind }: CallPiece): GrowingCall {
    const number = this.#calls.length;
    const call: GrowingCall = {
      number,
      kind,
      id,
      proof: undefined,
      buffered: "",
      json: new JsonFollower(),
      block: undefined,
      again: undefined,
    };
    this.#calls.push(call);
    if (index !== undefined) this.#byIndex.set(index, call);
    return call;
  }

  #grow(call: GrowingCall, piece: CallPiece, answerId: string, nextIndex: () => number): readonly StreamEvent[] {
    call.id ??= piece.id;
    const events: StreamEvent[] = [];
    if (call.block === undefined && piece.name !== undefined) {
      const id = takeCallId(this.#ids, call.id, `${answerId} ${call.number}`);
      const restored = restoreCall({ type: "tool-call", id, name: piece.name, kind: call.kind }, this.#toolNames);
      call.block = { index: nextIndex(), name: piece.name, call: restored };
      events.push({ type: "block-start", index: call.block.index, block: restored.start });
    }
    call.proof = piece.proof ?? call.proof;
    call.buffered += piece.arguments;
    if (call.kind === "function") call.json.push(piece.arguments);
    if (call.block !== undefined && !call.block.call.wrapped) events.push(...emitArguments(call));
    return events;
  }

  #lookUp({ index, id, name }: CallPiece): GrowingCall | undefined {
    if (index !== undefined) return this.#byIndex.get(index);
    if (id !== undefined) return this.#calls.findLast((call) => call.id === id);
    const last = this.#calls.at(-1);
    if (name === undefined || last === undefined) return last;
    // A server that repeats the name with every piece has not ended the arguments yet.
    return last.block?.name === name && !last.json.isEmpty && !last.json.isWhole ? last : undefined;
  }

  /** Whether a call was streamed without a name. */
  get nameless(): boolean {
    return this.#calls.some((call) => call.block === undefined && (call.buffered !== "" || call.id !== undefined));
  }

  /** A call's arguments go on behind their end: they are those of another call that nothing tells apart. */
  get glued(): boolean {
    return this.#calls.some((call) => call.json.isGlued);
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

/** Whether a piece that names a tool begins another call than the one under its index or id. */
function isOther(call: GrowingCall, { id, name, arguments: text }: CallPiece): boolean {
  if (name === undefined || call.block === undefined) return false;
  if (call.id !== undefined && id !== undefined && id !== call.id) return true;
  return call.json.isWhole && (name !== call.block.name || hasText(text));
}

function hasText(text: string): boolean {
  return text.trim() !== "";
}
