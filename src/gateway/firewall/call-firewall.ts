import { GatewayError, latin1OfUtf8, messageOf, utf8OfLatin1, type Bytes } from "../../core/index.ts";
import {
  changeBody,
  describeCounts,
  isTakenIn,
  joinFindings,
  Placeholders,
  restoreTexts,
  unjudged,
  type AnswerCheck,
  type Finding,
  type Firewall,
  type MissingJudgement,
  type OutsideCheck,
} from "../../policy/index.ts";
import type { AttemptEntry } from "../attempt-entry.ts";
import type { GatewayDeps } from "../deps.ts";
import type { RequestFacts } from "../request-facts.ts";
import { createContext } from "./judged-context.ts";

/** The parts of a call that the firewall works on. */
export interface CheckedCall {
  readonly deps: Pick<GatewayDeps, "clock" | "firewallCounts" | "logger" | "responses" | "sealer">;
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
  /** `null`: no rule with a classifier is for the answer. */
  #outside: OutsideCheck | null | undefined;
  #answerCovers: Placeholders | undefined;
  #error: GatewayError | undefined;
  /** The response that has been stored with the answer. */
  #keptId: string | undefined;
  /** A blocked response is being forgotten; `undefined`: there is none. */
  forgotten: Promise<void> | undefined;
  /** Judgements that were missing. */
  readonly #missing: MissingJudgement[] = [];
  /** The answer waits for a judgement; `undefined`: it does not. */
  pending: Promise<void> | undefined;
  /** The judgement of an answer that has been sent. */
  late: Promise<void> | undefined;

  constructor(firewall: Firewall) {
    this.#firewall = firewall;
  }

  /** Called before anything else, and again with the one of two attempts at the same time that answers. */
  begin(call: CheckedCall): void {
    this.#call = call;
  }

  /** What has been found so far, in the request and in its answer. */
  get findings(): readonly Finding[] {
    const { findings: own = [] } = this.#check ?? {};
    const { findings: judged = [] } = this.#outside ?? {};
    const findings = joinFindings(own, judged);
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

  /** The originals of the placeholders, sealed for the user, to be kept with a response; without any, nothing. @param id of the response: if its answer is blocked, it is forgotten. */
  keptWith(id: string): { readonly placeholders?: string } {
    this.#keptId = id;
    const saved = this.#placeholders?.save();
    return saved === undefined ? {} : { placeholders: this.#call!.deps.sealer.seal(this.#scope, saved) };
  }

  /** What is answered has been made with these placeholders (sealed), or the request goes on from it. */
  goOnFrom(sealed: string | undefined): void {
    this.#known = sealed === undefined ? undefined : this.#call!.deps.sealer.open(this.#scope, sealed);
    if (this.#known === undefined) return;
    this.#placeholders = new Placeholders(isTakenIn(this.#call!.request.text));
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

  /** What passes of kept responses (JSON), with their own originals: nothing is done with the answer that they become a part of. @throws GatewayError */
  async showKept(kept: readonly { readonly response: string; readonly placeholders?: string | undefined }[]): Promise<readonly string[]> {
    this.#isDone = true;
    const { check, outside } = this;
    const bodies = kept.map(({ response }) => latin1OfUtf8(response)).map((body) => (check === undefined ? body : check.body(body)));
    if (check?.isBlocked === true) throw this.block();
    const passed = outside === undefined ? bodies : await this.#passOutside(outside, bodies);
    if (passed === undefined) throw this.block();
    return passed.map((body, at) => this.restoreKept(utf8OfLatin1(body), kept[at]!.placeholders));
  }

  get #scope(): string {
    return `firewall ${this.#call!.request.principal.userId}`;
  }

  /** Nothing is changed in the answer, and no rule is for it. */
  get isPassedOn(): boolean {
    return this.#isDone || (this.#placeholders === undefined && this.check === undefined && this.outside === undefined);
  }

  /** The rules on the answer, if there are any; what is looked at then is text of the model. */
  get check(): AnswerCheck | undefined {
    if (this.#check !== undefined) return this.#check ?? undefined;
    const { request } = this.#call!;
    this.#check = this.#hasText
      ? (this.#firewall.answerCheck(request.principal.username, request.model, this.#answerPlaceholders) ?? null)
      : null;
    return this.#check ?? undefined;
  }

  /** The rules on the answer that ask classifiers, if there are any. */
  get outside(): OutsideCheck | undefined {
    if (!this.#firewall.asksClassifiers) return undefined;
    this.#outside ??=
      (this.#hasText ? this.#firewall.outsideCheck(createContext(this.#call!, "answer"), this.#answerPlaceholders) : null) ?? null;
    return this.#outside ?? undefined;
  }

  get #hasText(): boolean {
    const { traits } = this.#call!.request;
    return traits.hasOutput || traits.translation === "none";
  }

  /** One object for all rules: two texts must not get one placeholder. */
  get #answerPlaceholders(): Placeholders {
    this.#answerCovers ??= this.#placeholders ?? new Placeholders(isTakenIn(this.#call!.request.text));
    return this.#answerCovers;
  }

  /**
   * Looks through the request, once all of its conversation is there and before anything of it is sent, cached or kept: every lane, target and fallback gets the masked
   * body alone. A promise if classifiers are asked.
   * @throws GatewayError `firewall_blocked`, `firewall_unavailable`.
   */
  checkRequest(): Promise<void> | undefined {
    const { request } = this.#call!;
    if (request.text === "") return undefined;
    const verdict = this.#firewall.check(request.text, request.principal.username, request.model, this.#known);
    if (verdict !== undefined) {
      const { findings, masked, placeholders } = verdict;
      this.#takeFindings(findings);
      if (masked !== undefined) {
        request.replaceBody(masked);
        this.#placeholders = placeholders;
      }
    }
    if (!this.#firewall.asksClassifiers) return undefined;
    const placeholders = verdict?.placeholders ?? this.#placeholders ?? new Placeholders(isTakenIn(request.text));
    const outside = this.#firewall.outsideCheck(createContext(this.#call!, "request"), placeholders);
    return outside === undefined ? undefined : this.#askOutside(outside, placeholders);
  }

  async #askOutside(outside: OutsideCheck, placeholders: Placeholders): Promise<void> {
    const { request } = this.#call!;
    changeBody(request.text, (part) => outside.collect(part));
    await outside.judge();
    const isUnjudged = this.#noteMissing(outside);
    this.#takeFindings(outside.findings);
    if (isUnjudged) throw unavailable("request");
    if (!outside.hasChanges) return;
    request.replaceBody(changeBody(request.text, (part) => outside.change(part)));
    this.#placeholders = placeholders;
  }

  /** @throws GatewayError if a rule blocks the request. */
  #takeFindings(findings: readonly Finding[]): void {
    const { deps, exchange, request } = this.#call!;
    this.#requestFindings = joinFindings(this.#requestFindings, findings);
    const found = findings.filter(hasFound);
    if (found.length === 0) return;
    deps.logger.warn(
      { request_id: exchange.requestId, user_id: request.principal.userId, found: found.map(describeFinding) },
      "the firewall found something in a request",
    );
    const blocking = found.find(({ action }) => action === "block");
    if (blocking === undefined) return;
    throw new GatewayError(
      "firewall_blocked",
      `The firewall's rule "${blocking.rule}" does not let this request out: it contains ${describeCounts(blocking.counts)}.`,
    );
  }

  /** @returns whether a text may not pass without the judgement that is missing. */
  #noteMissing({ missing }: OutsideCheck): boolean {
    const { deps, exchange } = this.#call!;
    for (const { classifier, reason } of missing) {
      deps.logger.warn({ request_id: exchange.requestId, classifier, reason }, "a classifier of the firewall has no judgement");
    }
    this.#missing.push(...missing);
    return missing.some(({ isClosed }) => isClosed);
  }

  /** What passes of whole bodies of a model's text; `undefined`: they are blocked, or must not pass without a judgement. */
  async #passOutside(outside: OutsideCheck, bodies: readonly Bytes[]): Promise<readonly Bytes[] | undefined> {
    for (const body of bodies) changeBody(body, (part) => outside.collect(part));
    if (!(await this.judge(outside))) return undefined;
    return outside.hasChanges ? bodies.map((body) => changeBody(body, (part) => outside.change(part), true)) : bodies;
  }

  /** Asks about an answer whose texts have been collected. @returns whether it may pass. */
  async judge(outside: OutsideCheck): Promise<boolean> {
    // The one that findings are read from.
    this.#outside = outside;
    await outside.judge();
    const isUnjudged = this.#noteMissing(outside);
    return !isUnjudged && !outside.isBlocked;
  }

  /** What passes of a body (latin1 JSON) of which the rules without classifiers have been looked at; `undefined`: it is blocked. */
  async judgedForm(outside: OutsideCheck, body: Bytes): Promise<Bytes | undefined> {
    const passed = await this.#passOutside(outside, [body]);
    return passed === undefined ? undefined : this.restored(passed[0]!);
  }

  /** What passes the rules without classifiers of a whole body of a model's text (latin1 JSON); `undefined`: it is blocked. */
  checkedForm(body: Bytes): Bytes | undefined {
    const { check } = this;
    const passed = check === undefined ? body : check.body(body);
    return check?.isBlocked === true ? undefined : passed;
  }

  /** A body with the client's own texts in place of placeholders, without a look at what else is in it. */
  restored(body: Bytes): Bytes {
    return this.#placeholders === undefined ? body : restoreTexts(body, this.#placeholders);
  }

  /** The answer is over before its end: the row of the attempt says so, and the upstream is left. @returns what the client gets in its place. */
  block(httpStatus?: number): GatewayError {
    const { exchange, request, entry } = this.#call!;
    const blocking = this.findings.find((finding) => finding.action === "block" && finding.direction === "answer" && hasFound(finding));
    const error =
      blocking === undefined
        ? unavailable("answer")
        : new GatewayError(
            "firewall_answer_blocked",
            `The firewall's rule "${blocking.rule}" does not let this answer through: it contains ${describeCounts(blocking.counts)}.`,
          );
    this.#error = error;
    this.#forget();
    const status = httpStatus ?? request.protocol.renderError(error, exchange.requestId).status;
    // One that is settled says `ok`, and waits until its answer has left.
    if (entry?.settlement !== undefined)
      void entry.settle({ status: "interrupted", httpStatus: status, errorCode: error.code, errorMessage: error.message });
    return error;
  }

  /** What was blocked must not go to a provider as the past of a conversation. */
  #forget(): void {
    const { deps, exchange } = this.#call!;
    if (this.#keptId === undefined) return;
    this.forgotten = deps.responses.forget(this.#keptId).catch((error: unknown) => {
      deps.logger.error(
        { request_id: exchange.requestId, error: messageOf(error) },
        "a response that the firewall has blocked could not be forgotten",
      );
    });
  }

  /** Monotonic milliseconds. */
  now(): number {
    return this.#call!.deps.clock.monotonic();
  }

  /** An answer could not be looked at. */
  noteFailure(error: unknown): void {
    const { deps, exchange } = this.#call!;
    deps.logger.error({ request_id: exchange.requestId, error: messageOf(error) }, "the firewall could not look at an answer");
  }

  /** The request is over. */
  finish(): void {
    const { deps, exchange, request } = this.#call!;
    const { findings } = this;
    deps.firewallCounts.add(findings.filter(hasFound));
    deps.firewallCounts.addUnjudged(this.#missing);
    const inAnswer = findings.filter((finding) => finding.direction === "answer" && hasFound(finding));
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

/** More than that a classifier had no judgement. */
function hasFound({ counts }: Finding): boolean {
  return counts.size > 1 || !counts.has(unjudged);
}

function unavailable(what: "request" | "answer"): GatewayError {
  return new GatewayError(
    "firewall_unavailable",
    `The firewall could not have this ${what} judged, and lets none pass unjudged. Try again soon.`,
  );
}
