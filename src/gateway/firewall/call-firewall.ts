import { GatewayError, latin1OfUtf8, utf8OfLatin1, type Bytes } from "../../core/index.ts";
import { describeCounts, Placeholders, restoreTexts, type AnswerCheck, type Finding, type Firewall } from "../../policy/index.ts";
import type { AttemptEntry } from "../attempt-entry.ts";
import type { GatewayDeps } from "../deps.ts";
import type { RequestFacts } from "../request-facts.ts";

/** The parts of a call that the firewall works on. */
export interface CheckedCall {
  readonly deps: Pick<GatewayDeps, "firewallCounts" | "logger" | "sealer">;
  readonly exchange: { readonly requestId: string };
  readonly request: RequestFacts;
  readonly entry: Pick<AttemptEntry, "settlement" | "settle"> | undefined;
}

/** What the firewall does for one request: its findings, what comes back in the answer, and the rules on the answer. */
export class CallFirewall {
  readonly #firewall: Firewall;
  #call: CheckedCall | undefined;
  #placeholders: Placeholders | undefined;
  /** Placeholders of an earlier response, saved. */
  #known: string | undefined;
  #isDone = false;
  #requestFindings: readonly Finding[] = [];
  /** `null`: no rule is for the answer. */
  #check: AnswerCheck | null | undefined;
  #error: GatewayError | undefined;

  constructor(firewall: Firewall) {
    this.#firewall = firewall;
  }

  /** Called before anything else, and again with the one of two attempts at the same time that answers. */
  begin(call: CheckedCall): void {
    this.#call = call;
  }

  /** What has been found so far, in the request and in its answer. */
  get findings(): readonly Finding[] {
    const { findings = [] } = this.#check ?? {};
    return findings.length === 0 ? this.#requestFindings : [...this.#requestFindings, ...findings];
  }

  /** The findings in one line, without a text; `undefined`: nothing was found. */
  get summary(): string | undefined {
    return describeFindings(this.findings);
  }

  /** Set if a rule has blocked the answer. */
  get error(): GatewayError | undefined {
    return this.#error;
  }

  /** `undefined`: the request has gone on as it is. */
  get placeholders(): Placeholders | undefined {
    return this.#placeholders;
  }

  /** The originals of the placeholders, sealed for the user, to be kept with the response; without any, nothing. */
  get kept(): { readonly placeholders?: string } {
    const saved = this.#placeholders?.save();
    return saved === undefined ? {} : { placeholders: this.#call!.deps.sealer.seal(this.#scope, saved) };
  }

  /** What is answered has been made with these placeholders (sealed), or the request goes on from it. */
  goOnFrom(sealed: string | undefined): void {
    this.#known = sealed === undefined ? undefined : this.#call!.deps.sealer.open(this.#scope, sealed);
    if (this.#known === undefined) return;
    this.#placeholders = new Placeholders(isTakenBy(this.#call!.request.text));
    this.#placeholders.load(this.#known);
  }

  /** The text (JSON) with the originals of a kept response in place of its placeholders (sealed). */
  restoreKept(text: string, sealed: string | undefined): string {
    const saved = sealed === undefined ? undefined : this.#call!.deps.sealer.open(this.#scope, sealed);
    if (saved === undefined) return text;
    const placeholders = new Placeholders(() => false);
    placeholders.load(saved);
    return utf8OfLatin1(restoreTexts(latin1OfUtf8(text), placeholders));
  }

  /** What passes of a kept response (JSON), with its own originals: nothing is done with the answer that it becomes a part of. @throws GatewayError */
  showKept(text: string, sealed: string | undefined): string {
    this.#isDone = true;
    const { check } = this;
    const passed = check === undefined ? text : utf8OfLatin1(check.body(latin1OfUtf8(text)));
    if (check?.isBlocked === true) throw this.block();
    return this.restoreKept(passed, sealed);
  }

  get #scope(): string {
    return `firewall ${this.#call!.request.principal.userId}`;
  }

  /** Nothing is changed in the answer, and no rule is for it. */
  get isPassedOn(): boolean {
    return this.#isDone || (this.#placeholders === undefined && this.check === undefined);
  }

  /** The rules on the answer, if there are any; what is looked at then is text of the model. */
  get check(): AnswerCheck | undefined {
    if (this.#check !== undefined) return this.#check ?? undefined;
    const { request } = this.#call!;
    const hasText = request.traits.hasOutput || request.traits.translation === "none";
    this.#check = hasText
      ? (this.#firewall.answerCheck(
          request.principal.username,
          request.model,
          this.#placeholders ?? new Placeholders(isTakenBy(request.text)),
        ) ?? null)
      : null;
    return this.#check ?? undefined;
  }

  /**
   * Looks through the request, once all of its conversation is there and before anything of it is sent, cached or kept: every lane, target and fallback gets the masked
   * body alone.
   * @throws GatewayError `firewall_blocked`.
   */
  checkRequest(): void {
    const { request, deps, exchange } = this.#call!;
    if (request.text === "") return;
    const verdict = this.#firewall.check(request.text, request.principal.username, request.model, this.#known);
    if (verdict === undefined) return;
    const { findings, masked, placeholders } = verdict;
    this.#requestFindings = findings;
    deps.logger.warn(
      { request_id: exchange.requestId, user_id: request.principal.userId, found: findings.map(describeFinding) },
      "the firewall found something in a request",
    );
    const blocking = findings.find(({ action }) => action === "block");
    if (blocking !== undefined) {
      throw new GatewayError(
        "firewall_blocked",
        `The firewall's rule "${blocking.rule}" does not let this request out: it contains ${describeCounts(blocking.counts)}.`,
      );
    }
    if (masked === undefined) return;
    request.replaceBody(masked);
    this.#placeholders = placeholders;
  }

  /** What the client gets of a whole body of a model's text (latin1 JSON); `undefined`: it is blocked. */
  clientForm(body: Bytes): Bytes | undefined {
    const { check } = this;
    const passed = check === undefined ? body : check.body(body);
    if (check?.isBlocked === true) return undefined;
    return this.restored(passed);
  }

  /** A body with the client's own texts in place of placeholders, without a look at what else is in it. */
  restored(body: Bytes): Bytes {
    return this.#placeholders === undefined ? body : restoreTexts(body, this.#placeholders);
  }

  /** The answer is over before its end: the row of the attempt says so, and the upstream is left. @returns what the client gets in its place. */
  block(httpStatus?: number): GatewayError {
    const { exchange, request, entry } = this.#call!;
    const blocking = this.findings.find(({ action, direction }) => action === "block" && direction === "answer");
    const error = new GatewayError(
      "firewall_answer_blocked",
      `The firewall's rule "${blocking?.rule}" does not let this answer through: it contains ${describeCounts(blocking?.counts ?? new Map())}.`,
    );
    this.#error = error;
    const status = httpStatus ?? request.protocol.renderError(error, exchange.requestId).status;
    // One that is settled says `ok`, and waits until its answer has left.
    if (entry?.settlement !== undefined)
      void entry.settle({ status: "interrupted", httpStatus: status, errorCode: error.code, errorMessage: error.message });
    return error;
  }

  /** The request is over. */
  finish(): void {
    const { deps, exchange, request } = this.#call!;
    const { findings } = this;
    deps.firewallCounts.add(findings);
    const inAnswer = findings.filter(({ direction }) => direction === "answer");
    if (inAnswer.length === 0) return;
    deps.logger.warn(
      { request_id: exchange.requestId, user_id: request.principal.userId, found: inAnswer.map(describeFinding) },
      "the firewall found something in an answer",
    );
  }
}

/** `no-personal-data mask: email 2`, or `no-personal-data mask in answer: email 2`. */
export function describeFinding({ rule, action, direction, counts }: Finding): string {
  return `${rule} ${action}${direction === "answer" ? " in answer" : ""}: ${describeCounts(counts)}`;
}

/** All findings in one line; `undefined`: nothing was found. */
export function describeFindings(findings: readonly Finding[]): string | undefined {
  return findings.length === 0 ? undefined : findings.map(describeFinding).join("; ");
}

function isTakenBy(body: Bytes): (placeholder: string) => boolean {
  return (placeholder) => body.includes(placeholder);
}
