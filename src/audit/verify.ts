import { canonicalText, chainHash, chainStart, digestOf, type ChainedEntry, type Checkpoint } from "./entry.ts";
import { isSigned } from "./signing.ts";

/** What is wrong with a trail, and where. */
export interface AuditFault {
  /** The entry, or the number of the checkpoint. */
  readonly at: string;
  readonly what: string;
}

/** What is known of the trail from elsewhere. */
export interface TrailAnchors {
  /** A head that was published: the trail must contain it. */
  readonly head?: Pick<Checkpoint, "seq" | "head"> | undefined;
  /** The keys that may sign; any if omitted. */
  readonly keys?: ReadonlySet<string> | undefined;
}

/** More faults are not listed: one changed entry breaks all that follow. */
const maxFaults = 20;

/** Checks entries in their order, one at a time. Each checkpoint is given before the first entry behind it. */
export class TrailVerifier {
  readonly faults: AuditFault[] = [];
  readonly #anchors: TrailAnchors;
  #seq = 0;
  #hash = chainStart;
  #checkpoints = 0;
  #signedSeq = 0;
  #hasHead = false;

  constructor(anchors: TrailAnchors = {}) {
    this.#anchors = anchors;
    this.#hasHead = anchors.head === undefined || anchors.head.seq === 0;
  }

  get entries(): number {
    return this.#seq;
  }

  get checkpoints(): number {
    return this.#checkpoints;
  }

  /** The hash of the last entry. */
  get head(): string {
    return this.#hash;
  }

  /** The last entry that a signature covers. */
  get signedSeq(): number {
    return this.#signedSeq;
  }

  entry(entry: ChainedEntry): void {
    this.text(entry.seq, canonicalText(entry), entry.hash);
  }

  /** The same for an entry in its canonical text. */
  text(seq: number, canonical: string, hash: string): void {
    if (seq !== this.#seq + 1) this.#fault(`entry ${seq}`, `expected entry ${this.#seq + 1}: entries are missing, added or out of order`);
    const expected = chainHash(this.#hash, digestOf(canonical));
    if (expected !== hash)
      this.#fault(`entry ${seq}`, "its hash does not follow from it and from the entry before: one of them was changed");
    this.#seq = seq;
    this.#hash = hash;
    const { head } = this.#anchors;
    if (head?.seq !== seq) return;
    this.#hasHead = true;
    if (head.head !== hash) this.#fault(`entry ${seq}`, "its hash is not the published one: the trail was written again");
  }

  checkpoint(checkpoint: Checkpoint): void {
    const at = `checkpoint ${checkpoint.number}`;
    if (checkpoint.number !== this.#checkpoints + 1)
      this.#fault(at, `expected checkpoint ${this.#checkpoints + 1}: checkpoints are missing, added or out of order`);
    if (checkpoint.seq !== this.#seq || checkpoint.head !== this.#hash)
      this.#fault(at, `it was made for entry ${checkpoint.seq} with another hash than the trail has at entry ${this.#seq}`);
    if (!isSigned(checkpoint)) this.#fault(at, "its signature is wrong");
    if (this.#anchors.keys?.has(checkpoint.publicKey) === false) this.#fault(at, "it is signed with a key that is not known");
    this.#checkpoints = checkpoint.number;
    this.#signedSeq = checkpoint.seq;
  }

  /** No entry follows. */
  end(): readonly AuditFault[] {
    if (!this.#hasHead) this.#fault(`entry ${this.#anchors.head!.seq}`, "it was published, and is not in the trail: the end was cut off");
    return this.faults;
  }

  #fault(at: string, what: string): void {
    if (this.faults.length < maxFaults) this.faults.push({ at, what });
  }
}
