import { noBytes, writeTags, type Bytes } from "../core/index.ts";
import type { Principal } from "../accounts/index.ts";
import { estimateBody, estimatePrompt } from "../ir/index.ts";
import { readAskedExtras, type AskedExtras } from "./tokens/asked-extras.ts";
import { operations, type Envelope, type Operation, type OperationTraits, type Protocol, type RouteCall } from "../protocols/index.ts";

/** Of a request whose body has not been read, or has none. */
const noEnvelope: Envelope = { model: "", stream: false, spans: {}, insertAt: 0, empty: true };

/** Who sent a request, by which route, and what it contains. The steps that admit a request fill it in; lanes and sinks only read it. */
export class RequestFacts {
  readonly principal: Principal;
  readonly protocol: Protocol;
  readonly route: RouteCall;
  #tags: string | undefined;
  #parts: readonly Buffer[] = [];
  #text = noBytes;
  #envelope = noEnvelope;
  #inputEstimate: number | undefined;
  #promptEstimate: number | undefined;
  #askedExtras: AskedExtras | undefined;

  constructor(principal: Principal, protocol: Protocol, route: RouteCall) {
    this.principal = principal;
    if (principal.boundTags !== undefined) this.#tags = writeTags(principal.boundTags);
    this.protocol = protocol;
    this.route = route;
  }

  get operation(): Operation {
    return this.route.route.operation;
  }

  get traits(): OperationTraits {
    return operations[this.route.route.operation];
  }

  /** The tags that an admin bound to its key or user, then the client's own, as the ledger stores them. */
  get tags(): string | undefined {
    return this.#tags;
  }

  /** The body in the parts it came in, or as it was rewritten; empty if there is none. */
  get parts(): readonly Buffer[] {
    return this.#parts;
  }

  /** The same as one latin1 string. */
  get text(): Bytes {
    return this.#text;
  }

  get envelope(): Envelope {
    return this.#envelope;
  }

  /** The client's name for the model; "" before the envelope has been read. */
  get model(): string {
    return this.#envelope.model;
  }

  /** Tokens of the prompt: by the closer estimate if a budget has asked for it, else by rule of thumb. */
  get inputEstimate(): number {
    return this.#promptEstimate ?? (this.#inputEstimate ??= estimateBody(this.#text));
  }

  /** The client's own tags. They replace none that is bound. */
  setOwnTags(own: readonly string[]): void {
    const { boundTags } = this.principal;
    this.#tags = writeTags(boundTags === undefined ? own : [...new Set([...boundTags, ...own])]);
  }

  /** The same, closer and slower: for budgets, and for entries that are charged by an estimate. */
  get promptEstimate(): number {
    return (this.#promptEstimate ??= estimatePrompt(this.#text));
  }

  /** What vendors bill beside plain tokens. Read for budgets alone. */
  get askedExtras(): AskedExtras {
    return (this.#askedExtras ??= readAskedExtras(this.#text, this.#envelope.model));
  }

  setBody(parts: readonly Buffer[], text: Bytes): void {
    this.#parts = parts;
    this.#text = text;
    this.#inputEstimate = undefined;
    this.#promptEstimate = undefined;
    this.#askedExtras = undefined;
  }

  setEnvelope(envelope: Envelope): void {
    this.#envelope = envelope;
  }

  /** Another body (latin1) in place of the client's, and its envelope. */
  replaceBody(text: Bytes): void {
    this.setBody([Buffer.from(text, "latin1")], text);
    this.#envelope = this.protocol.readEnvelope(text, this.route);
  }

  /** The same request, answered as a stream. */
  asStream(): RequestFacts {
    const copy = new RequestFacts(this.principal, this.protocol, this.route);
    copy.#tags = this.#tags;
    copy.setBody(this.#parts, this.#text);
    copy.setEnvelope({ ...this.#envelope, stream: true });
    return copy;
  }
}
