import { asBytes, noBytes, type Bytes } from "../../core/index.ts";
import { WholeTexts, type AnswerCheck, type OutsideCheck } from "../../policy/index.ts";
import type { Protocol } from "../../protocols/index.ts";
import { keepAliveMs } from "../answers/keep-alive.ts";
import type { CallFirewall } from "./call-firewall.ts";
import { StreamOfTexts, type StreamWork } from "./stream-of-texts.ts";

/** A longer stream is not judged. */
const maxHeldLength = 32 * 1024 * 1024;

export interface HeldOptions {
  readonly firewall: CallFirewall;
  readonly outside: OutsideCheck;
  readonly protocol: Protocol;
  readonly isArray: boolean;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** A stream that waits for its end, and then for the judgement of classifiers. */
export class HeldStream {
  readonly #options: HeldOptions;
  readonly #checked: StreamOfTexts | undefined;
  readonly #keepAlive: Bytes;
  readonly #parts: Bytes[] = [];
  #length = 0;
  #wroteMs: number;

  constructor(options: HeldOptions) {
    this.#options = options;
    this.#wroteMs = options.now();
    const { check } = options.firewall;
    this.#checked = check === undefined ? undefined : this.#texts({ check, placeholders: undefined });
    this.#keepAlive = asBytes(options.isArray ? "\n" : options.protocol.keepAlive);
  }

  /** Nothing of it may pass. */
  get isBlocked(): boolean {
    return this.#checked?.isBlocked === true || this.#length > maxHeldLength;
  }

  /** @returns what goes on to the client now: that the stream is alive. */
  push(data: Bytes): Bytes {
    if (data === this.#keepAlive) return this.#beat();
    this.#take(this.#checked === undefined ? data : this.#checked.push(data));
    return this.#options.now() - this.#wroteMs < keepAliveMs ? noBytes : this.#beat();
  }

  /** The stream is over. @returns what passes of it; `undefined`: it is blocked. */
  async end(): Promise<Bytes | undefined> {
    const { firewall, outside } = this.#options;
    if (this.#checked !== undefined) this.#take(this.#checked.end());
    if (this.isBlocked) return undefined;
    const whole = asBytes(this.#parts.join(""));
    this.#through({ check: new WholeTexts((part) => outside.collect(part), false), placeholders: undefined }, whole);
    if (!(await firewall.judge(outside))) return undefined;
    const { placeholders } = firewall;
    if (!outside.hasChanges && placeholders === undefined) return whole;
    const check = outside.hasChanges ? new WholeTexts((part) => outside.change(part), true) : undefined;
    return this.#through({ check, placeholders }, whole);
  }

  #beat(): Bytes {
    this.#wroteMs = this.#options.now();
    return this.#keepAlive;
  }

  #take(data: Bytes): void {
    this.#length += data.length;
    if (this.#length > maxHeldLength) this.#parts.length = 0;
    else if (data !== "") this.#parts.push(data);
  }

  #through(work: StreamWork, whole: Bytes): Bytes {
    const texts = this.#texts(work);
    return asBytes(texts.push(whole) + texts.end());
  }

  #texts(work: StreamWork): StreamOfTexts {
    return new StreamOfTexts(work, this.#options.protocol, { isEventStream: !this.#options.isArray, watch: () => undefined });
  }
}

/** Collects the texts of a stream that passes, for a judgement after its end; without what other rules mask. */
export function collectTexts(
  { check, outside }: { readonly check: AnswerCheck | undefined; readonly outside: OutsideCheck },
  protocol: Protocol,
  isArray: boolean,
): StreamOfTexts {
  const collect = (part: string): string => outside.collect(check === undefined ? part : check.text(part, "text"));
  const work = { check: new WholeTexts(collect, false), placeholders: undefined };
  return new StreamOfTexts(work, protocol, { isEventStream: !isArray, watch: () => undefined });
}
