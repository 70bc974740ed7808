import { bytesOf, noBytes, type Bytes } from "../../core/index.ts";
import type { PausedTurns } from "../../protocols/index.ts";
import type { UpstreamCall, UpstreamClient, UpstreamFailure, UpstreamHandler, UpstreamRequest } from "../../upstream/index.ts";
import type { Lane } from "../lane.ts";
import { findHeader } from "../headers/request-headers.ts";

/** What is known of an attempt. */
interface Sent {
  readonly lane: Lane;
  readonly startMs: number;
}

/**
 * Sends a request. If its answer pauses (see `PausedTurns`), it is gone on with as long as it pauses, and handed over as one answer: the head of the first turn, then the bytes of
 * all. If a turn cannot be had, or there are too many, the answer ends where it has paused.
 */
export function dispatchTurns(
  client: Pick<UpstreamClient, "dispatch">,
  request: UpstreamRequest,
  handler: UpstreamHandler,
  { lane, startMs }: Sent,
): UpstreamCall {
  if (lane.kind !== "translated" || lane.turns === undefined) return client.dispatch(request, handler);
  const { totalMs, streamTotalMs } = request.provider.timeouts;
  // All turns together have the time of one answer.
  const deadlineAt = request.deadlineAt ?? startMs + (request.stream ? streamTotalMs : totalMs);
  const call = new TurnsCall(client, { ...request, deadlineAt }, handler, lane.turns);
  call.begin();
  return call;
}

/** An answer that is not the vendor's, or too long to be kept, passes as it is. */
type Form = "stream" | "whole" | "as-is";

/** A longer answer without a stream is not kept to be joined. */
const maxWholeBytes = 32 * 1024 * 1024;

class TurnsCall implements UpstreamHandler, UpstreamCall {
  readonly #client: Pick<UpstreamClient, "dispatch">;
  readonly #request: UpstreamRequest;
  readonly #handler: UpstreamHandler;
  readonly #turns: PausedTurns;
  #active: UpstreamCall | undefined;
  #form: Form = "as-is";
  #isFirst = true;
  #whole: Buffer[] = [];
  #wholeBytes = 0;
  #isPaused = false;
  #isOver = false;

  constructor(client: Pick<UpstreamClient, "dispatch">, request: UpstreamRequest, handler: UpstreamHandler, turns: PausedTurns) {
    this.#client = client;
    this.#request = request;
    this.#handler = handler;
    this.#turns = turns;
  }

  begin(): void {
    this.#dispatch(this.#request);
  }

  #dispatch(request: UpstreamRequest): void {
    this.#active = this.#client.dispatch(request, this);
    if (this.#isOver) this.#active.abort();
    else if (this.#isPaused) this.#active.pause();
  }

  abort(): void {
    this.#isOver = true;
    this.#active?.abort();
  }

  pause(): void {
    this.#isPaused = true;
    this.#active?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#active?.resume();
  }

  onHead(status: number, headers: readonly string[]): void {
    const form = formOf(status, findHeader(headers, "content-type") ?? "");
    if (this.#isFirst) {
      this.#form = form;
      this.#handler.onHead(status, headers);
    } else if (form !== this.#form) this.#giveUp();
  }

  onData(chunk: Buffer): void {
    if (this.#isOver) return;
    switch (this.#form) {
      case "as-is":
        this.#handler.onData(chunk);
        return;
      case "stream":
        this.#pass(this.#turns.push(bytesOf(chunk)));
        return;
      case "whole":
        this.#keep(chunk);
    }
  }

  onBilled(costNanoUsd: bigint): void {
    this.#handler.onBilled?.(costNanoUsd);
  }

  onEnd(): void {
    if (this.#isOver) return;
    if (this.#form === "as-is") {
      this.#end();
      return;
    }
    const isWhole = this.#form === "whole";
    const last = isWhole ? this.#turns.pushWhole(bytesOf(Buffer.concat(this.#whole))) : this.#turns.endTurn();
    this.#pass(last ?? noBytes);
    const body = this.#turns.nextRequest();
    if (body === undefined) {
      this.#pass(this.#rest());
      this.#end();
      return;
    }
    this.#isFirst = false;
    this.#whole = [];
    this.#wholeBytes = 0;
    this.#dispatch({ ...this.#request, body: [Buffer.from(body, "utf8")] });
  }

  onFailure(failure: UpstreamFailure): void {
    if (this.#isOver) return;
    if (!this.#isFirst) {
      this.#giveUp();
      return;
    }
    this.#isOver = true;
    for (const chunk of this.#whole) this.#handler.onData(chunk);
    this.#handler.onFailure(failure);
  }

  #keep(chunk: Buffer): void {
    this.#whole.push(chunk);
    this.#wholeBytes += chunk.length;
    if (this.#wholeBytes <= maxWholeBytes) return;
    if (!this.#isFirst) {
      this.#giveUp();
      return;
    }
    this.#form = "as-is";
    for (const kept of this.#whole) this.#handler.onData(kept);
    this.#whole = [];
  }

  /** The answer ends where it has paused. */
  #giveUp(): void {
    this.#active?.abort();
    this.#pass(this.#rest());
    this.#end();
  }

  #rest(): Bytes {
    return this.#form === "whole" ? this.#turns.endWhole() : this.#turns.endStream();
  }

  #pass(bytes: Bytes): void {
    if (bytes !== "") this.#handler.onData(Buffer.from(bytes, "latin1"));
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#handler.onEnd();
  }
}

function formOf(status: number, contentType: string): Form {
  if (status < 200 || status >= 300) return "as-is";
  if (contentType.startsWith("text/event-stream")) return "stream";
  return /\bjson\b/.test(contentType) ? "whole" : "as-is";
}
