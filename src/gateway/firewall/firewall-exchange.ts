import { asBytes, latin1OfEvents, latin1OfUtf8, noBytes, type Bytes, type Text } from "../../core/index.ts";
import type { Protocol, StreamTap } from "../../protocols/index.ts";
import type { OutsideCheck } from "../../policy/index.ts";
import type { AnswerWatcher, ClientExchange } from "../exchange.ts";
import { WrappedExchange } from "../wrapped-exchange.ts";
import { describeFindings, type CallFirewall } from "./call-firewall.ts";
import { collectTexts, HeldStream } from "./held-stream.ts";
import { StreamOfTexts } from "./stream-of-texts.ts";

const header = "x-tokligence-firewall";

/**
 * An exchange whose client gets what the rules on answers let through, and its own texts back where the provider has placeholders. It is the one nearest to the client:
 * whatever answers a request passes it, and what is recorded or kept of an answer is what the provider has sent.
 */
export class FirewallExchange extends WrappedExchange {
  readonly #protocol: Protocol;
  readonly #firewall: CallFirewall;
  #stream: StreamOfTexts | undefined;
  /** Waits for its end, and for the judgement of classifiers. */
  #held: HeldStream | undefined;
  /** Takes the texts of a stream that is judged after its end. */
  #collector: StreamOfTexts | undefined;
  #tap: StreamTap | undefined;
  #judgeLate: (() => void) | undefined;
  #isArray = false;
  #isEmpty = true;
  #isBlocked = false;
  #leave: (() => void) | undefined;

  constructor(inner: ClientExchange, protocol: Protocol, firewall: CallFirewall) {
    super(inner);
    this.#protocol = protocol;
    this.#firewall = firewall;
  }

  override get closed(): boolean {
    return this.#isBlocked || this.inner.closed;
  }

  override onLeave(callback: () => void): void {
    this.#leave = callback;
    this.inner.onLeave(callback);
  }

  override json(status: number, headers: readonly string[], body: Text): void {
    if (this.#firewall.isPassedOn) this.inner.json(status, headers, body);
    else this.jsonBytes(status, headers, latin1OfUtf8(body));
  }

  override jsonBytes(status: number, headers: readonly string[], body: Bytes): void {
    if (this.#firewall.isPassedOn) {
      this.inner.jsonBytes(status, headers, body);
      return;
    }
    // An error is no text of a model: its status says what the client can do.
    if (status >= 400) {
      this.inner.jsonBytes(status, this.#withFindings(headers), this.#firewall.restored(body));
      return;
    }
    const checked = this.#firewall.checkedForm(body);
    const { outside } = this.#firewall;
    if (checked === undefined || outside === undefined) {
      this.#sendWhole(status, headers, checked === undefined ? undefined : this.#firewall.restored(checked));
      return;
    }
    this.#wait(async () => {
      this.#sendWhole(status, headers, await this.#firewall.judgedForm(outside, checked));
    });
  }

  /** @param body `undefined`: it is blocked. */
  #sendWhole(status: number, headers: readonly string[], body: Bytes | undefined): void {
    if (body !== undefined) {
      this.inner.jsonBytes(status, this.#withFindings(headers), body);
      return;
    }
    this.#isBlocked = true;
    const error = this.#firewall.block();
    const rendered = this.#protocol.renderError(error, this.requestId);
    this.inner.json(rendered.status, this.#withFindings(headers), rendered.body);
  }

  /** The answer leaves later. */
  #wait(work: () => Promise<void>): void {
    this.#firewall.pending = work().catch((error: unknown) => {
      this.#firewall.noteFailure(error);
      this.inner.abort();
    });
  }

  override streamHead(status: number, headers: readonly string[]): void {
    if (!this.#firewall.isPassedOn) {
      const { check, placeholders, outside } = this.#firewall;
      this.#isArray = !isEventStream(headers);
      if (outside?.holdsStreams === true) {
        const now = (): number => this.#firewall.now();
        this.#held = new HeldStream({ firewall: this.#firewall, outside, protocol: this.#protocol, isArray: this.#isArray, now });
        this.inner.streamHead(status, headers);
        return;
      }
      if (outside !== undefined) this.#collectLate(outside.asLate());
      const tap = check === undefined ? undefined : this.#protocol.createTap({ hideUsage: false });
      this.#tap = tap;
      this.#stream = new StreamOfTexts({ check, placeholders }, this.#protocol, {
        isEventStream: !this.#isArray,
        watch: (event) => tap?.push(event),
      });
    }
    this.inner.streamHead(status, headers);
  }

  override chunk(data: Bytes): boolean {
    if (this.#isBlocked) return true;
    if (this.#held !== undefined) return this.#hold(this.#held, data);
    this.#collector?.push(data);
    if (this.#stream === undefined) return this.inner.chunk(data);
    const out = this.#stream.push(data);
    if (out !== "") this.#isEmpty = false;
    if (!this.#stream.isBlocked) return this.inner.chunk(out);
    this.#block(out);
    return true;
  }

  override finish(last = noBytes): void {
    if (this.#isBlocked) return;
    if (this.#held !== undefined) {
      this.#finishHeld(this.#held, last);
      return;
    }
    this.#collector?.push(last);
    if (this.#stream === undefined) {
      this.inner.finish(last);
      return;
    }
    const out = this.#stream.push(last);
    const rest = this.#stream.isBlocked ? noBytes : this.#stream.end();
    if (this.#stream.isBlocked) this.#block(asBytes(out + rest));
    else {
      this.#judgeLate?.();
      this.inner.finish(asBytes(out + rest));
    }
  }

  /** The row of a stream that is judged after its end waits for the judgement. */
  override onSent(watcher: AnswerWatcher): void {
    if (this.#collector === undefined) {
      this.inner.onSent(watcher);
      return;
    }
    this.inner.onSent({
      sent: (isWhole) => {
        const { late } = this.#firewall;
        if (late === undefined) watcher.sent(isWhole);
        else void late.then(() => watcher.sent(isWhole));
      },
    });
  }

  #collectLate(outside: OutsideCheck): void {
    const { check } = this.#firewall;
    const collector = collectTexts({ check, outside }, this.#protocol, this.#isArray);
    this.#collector = collector;
    this.#judgeLate = () => {
      collector.end();
      this.#firewall.late = this.#firewall.judge(outside).then(
        () => undefined,
        (error: unknown) => this.#firewall.noteFailure(error),
      );
    };
  }

  #hold(held: HeldStream, data: Bytes): boolean {
    const out = held.push(data);
    if (!held.isBlocked) return out === "" || this.inner.chunk(out);
    this.#block(noBytes);
    return true;
  }

  #finishHeld(held: HeldStream, last: Bytes): void {
    held.push(last);
    this.#wait(async () => {
      const out = await held.end();
      if (out === undefined) await this.#endBlocked(noBytes);
      else this.inner.finish(out);
    });
  }

  override abort(): void {
    if (!this.#isBlocked) this.inner.abort();
  }

  #block(last: Bytes): void {
    const ended = this.#endBlocked(last);
    if (ended !== undefined) this.#wait(() => ended);
  }

  /** The stream ends with an error in the client's dialect. For what is upstream, the client has left. A promise if a stored response is forgotten before. */
  #endBlocked(last: Bytes): Promise<void> | undefined {
    this.#isBlocked = true;
    const error = this.#firewall.block(200);
    this.#leave?.();
    const facts = this.#tap?.facts ?? {};
    const options = { jsonArray: this.#isArray, facts, isEmpty: this.#isEmpty && last === "" };
    const end = asBytes(last + latin1OfEvents(this.#protocol.renderStreamError(error, this.requestId, options)));
    const { forgotten } = this.#firewall;
    // Its client knows the id of the response.
    if (forgotten !== undefined) return forgotten.then(() => this.inner.finish(end));
    this.inner.finish(end);
    return undefined;
  }

  /** What was found in the answer is known only now. */
  #withFindings(headers: readonly string[]): readonly string[] {
    const found = describeFindings(this.#firewall.findings);
    if (found === undefined) return headers;
    const others = headers.filter((_, at) => headers[at - (at % 2)]!.toLowerCase() !== header);
    return [...others, header, found.slice(0, 1000)];
  }
}

function isEventStream(headers: readonly string[]): boolean {
  const at = headers.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === "content-type");
  return at === -1 || headers[at + 1]!.includes("event-stream");
}
