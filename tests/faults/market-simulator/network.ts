import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { UpstreamCall, UpstreamFailure, UpstreamHandler, UpstreamRequest } from "../../../src/upstream/index.ts";
import type { SimWorld } from "./world.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A process that may call and be called. */
export interface SimPlace {
  readonly name: string;
  readonly isUp: boolean;
}

/** What may become of one call, in percent. */
export interface Weather {
  readonly lost: number;
  readonly answerLost: number;
  readonly cut: number;
  readonly repeated: number;
}

export const fair: Weather = { lost: 0, answerLost: 0, cut: 0, repeated: 0 };

/** The network between nodes: calls are delayed, lost, cut, repeated; and groups of nodes do not reach each other for a while. */
export class SimNetwork {
  weather: Weather = fair;
  /** The group of a node: nodes of different groups do not reach each other. */
  readonly groups = new Map<string, number>();
  readonly figures = { calls: 0, lost: 0, cut: 0, repeated: 0 };
  /** All bytes that were sent, if a test looks for something in them. */
  readonly seen: Buffer[] | undefined;
  readonly #world: SimWorld;
  readonly #places = new Map<string, { readonly place: SimPlace; readonly handler: Handler }>();
  readonly #calls = new Set<SimCall>();

  constructor(world: SimWorld, seen?: Buffer[]) {
    this.#world = world;
    this.seen = seen;
  }

  listen(url: string, place: SimPlace, handler: Handler): void {
    this.#places.set(url, { place, handler });
  }

  /** The process of a place has ended: its calls, both ways, end too. */
  kill(place: SimPlace): void {
    for (const call of this.#calls) call.killed(place);
  }

  dispatch(from: SimPlace, request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall {
    this.figures.calls += 1;
    const url = new URL(request.provider.baseUrls[request.protocol]! + request.path);
    const call = new SimCall(this.#world, { from, handler, onOver: (over) => this.#calls.delete(over) });
    this.#calls.add(call);
    const body = typeof request.body === "string" ? Buffer.from(request.body, "latin1") : Buffer.concat(request.body ?? []);
    this.seen?.push(body);
    const isLost = this.#roll("lost");
    const deliver = (target: SimCall): void => {
      const found = this.#places.get(url.origin);
      if (found === undefined || !found.place.isUp || isLost || !this.#reaches(from, found.place)) target.fail("unreachable");
      else {
        target.arrived(found.place);
        found.handler(
          requestOf(request, url, body),
          target.response(this.#roll("answerLost"), this.#roll("cut"), this.seen) as unknown as ServerResponse,
        );
      }
    };
    this.#world.after(1 + this.#world.dice(40), () => {
      if (!call.isOver) deliver(call);
    });
    if (request.method === "POST" && this.#roll("repeated")) {
      const nobody = { onHead: () => undefined, onData: () => undefined, onEnd: () => undefined, onFailure: () => undefined };
      const again = new SimCall(this.#world, { from: { name: from.name, isUp: true }, handler: nobody, onOver: () => undefined });
      this.#world.after(20 + this.#world.dice(3000), () => {
        deliver(again);
      });
    }
    return call;
  }

  #roll(what: keyof Weather): boolean {
    const is = this.#world.chance(this.weather[what]);
    if (is) this.figures[what === "answerLost" ? "lost" : what] += 1;
    return is;
  }

  #reaches(from: SimPlace, to: SimPlace): boolean {
    return (this.groups.get(from.name) ?? 0) === (this.groups.get(to.name) ?? 0);
  }
}

function requestOf({ method, headers }: UpstreamRequest, url: URL, body: Buffer): IncomingMessage {
  const named: Record<string, string> = {};
  for (let at = 0; at < headers.length; at += 2) named[headers[at]!.toLowerCase()] = headers[at + 1]!;
  return {
    method,
    url: url.pathname + url.search,
    headers: named,
    socket: { remoteAddress: "sim" },
    // In two pieces, as TCP may.
    async *[Symbol.asyncIterator]() {
      yield body.subarray(0, body.length >> 1);
      yield body.subarray(body.length >> 1);
    },
  } as unknown as IncomingMessage;
}

interface CallParts {
  readonly from: SimPlace;
  readonly handler: UpstreamHandler;
  readonly onOver: (call: SimCall) => void;
}

/** One call: its pieces arrive in their order, or an end of the connection in their place. */
class SimCall implements UpstreamCall {
  isOver = false;
  readonly #world: SimWorld;
  readonly #parts: CallParts;
  #to: SimPlace | undefined;
  #answer: SimResponse | undefined;
  #lastMs = 0;

  constructor(world: SimWorld, parts: CallParts) {
    this.#world = world;
    this.#parts = parts;
  }

  arrived(to: SimPlace): void {
    this.#to = to;
  }

  response(isLost: boolean, isCut: boolean, seen: Buffer[] | undefined): SimResponse {
    let pieces = isCut ? 1 + this.#world.dice(4) : Infinity;
    if (isLost) pieces = 0;
    const { handler } = this.#parts;
    const answer = new SimResponse({
      head: (status, headers) => {
        this.#later(() => {
          handler.onHead(status, headers);
        });
      },
      data: (bytes) => {
        seen?.push(bytes);
        if (pieces-- > 0)
          this.#later(() => {
            handler.onData(bytes);
          });
        else this.fail("reset");
      },
      end: () => {
        if (pieces <= 0) this.fail("reset");
        else
          this.#later(() => {
            this.#end();
            handler.onEnd();
          });
      },
      destroyed: () => {
        this.fail("reset");
      },
    });
    this.#answer = answer;
    return answer;
  }

  #later(run: () => void): void {
    // TCP keeps the order.
    this.#lastMs = Math.max(this.#lastMs, this.#world.nowMs + 1 + this.#world.dice(30));
    this.#world.after(this.#lastMs - this.#world.nowMs, () => {
      if (!this.isOver && this.#parts.from.isUp) run();
    });
  }

  fail(kind: UpstreamFailure["kind"]): void {
    this.#later(() => {
      this.#end();
      this.#parts.handler.onFailure({ kind, message: `the line broke (${kind})` });
    });
    this.#answer?.over(false);
  }

  #end(): void {
    this.isOver = true;
    this.#parts.onOver(this);
    this.#answer?.over(true);
  }

  killed(place: SimPlace): void {
    if (this.#parts.from === place) {
      this.isOver = true;
      this.#parts.onOver(this);
      this.#answer?.over(false);
    } else if (this.#to === place) this.fail("reset");
  }

  abort(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#parts.onOver(this);
    this.#world.after(1 + this.#world.dice(30), () => this.#answer?.over(false));
  }

  pause(): void {}
  resume(): void {}
}

interface Answering {
  readonly head: (status: number, headers: readonly string[]) => void;
  readonly data: (bytes: Buffer) => void;
  readonly end: () => void;
  readonly destroyed: () => void;
}

/** The server's side of a call, as far as the listener uses it. */
class SimResponse extends EventEmitter {
  headersSent = false;
  destroyed = false;
  writableFinished = false;
  readonly #to: Answering;

  constructor(to: Answering) {
    super();
    this.#to = to;
  }

  get socket(): { readonly destroyed: boolean } {
    return { destroyed: this.destroyed };
  }

  get closed(): boolean {
    return this.destroyed || this.writableFinished;
  }

  writeHead(status: number, headers: Readonly<Record<string, string>>): this {
    this.headersSent = true;
    if (!this.destroyed) this.#to.head(status, Object.entries(headers).flat());
    return this;
  }

  write(bytes: Buffer): boolean {
    if (!this.destroyed) this.#to.data(bytes);
    return true;
  }

  end(bytes?: Buffer | string): this {
    if (this.destroyed) return this;
    if (bytes !== undefined) this.#to.data(Buffer.from(bytes as string));
    if (!this.destroyed) this.#to.end();
    return this;
  }

  destroy(): this {
    if (!this.destroyed) {
      this.#to.destroyed();
      this.over(false);
    }
    return this;
  }

  over(isFinished: boolean): void {
    if (this.destroyed || this.writableFinished) return;
    if (isFinished) this.writableFinished = true;
    else this.destroyed = true;
    this.emit("close");
  }
}
