import { createHash } from "node:crypto";
import { canonicalText, type ChainedEntry, type Checkpoint } from "./entry.ts";
import { isSignature, type AuditKey } from "./signing.ts";
import { TrailVerifier, type AuditFault, type TrailAnchors } from "./verify.ts";

/*
 * An export: JSON Lines. The first line is the header, then entries in their order with each checkpoint behind the entry that it covers, and at the end a
 * signature on all lines before it:
 *
 *   {"format":"tokligence-audit-1","exported_ms":…}
 *   {"row":[seq,time_ms,kind,action,subject,actor,key_id,address,channel,outcome,before,after,details],"hash":"…"}
 *   {"checkpoint":{"number":…,"seq":…,"timeMs":…,"head":"…","publicKey":"…","signature":"…"}}
 *   {"end":{"entries":…,"checkpoints":…,"digest":"…","publicKey":"…","signature":"…"}}
 *
 * The text of `row`, byte for byte, is what is hashed.
 */
const format = "tokligence-audit-1";
const rowStart = '{"row":';
/** `,"hash":"` 64 digits `"}`. */
const rowEndLength = 9 + 64 + 2;

interface ExportEnd {
  readonly entries: number;
  readonly checkpoints: number;
  readonly digest: string;
  readonly publicKey: string;
  readonly signature: string;
}

function endText({ entries, checkpoints, digest, publicKey }: Omit<ExportEnd, "signature">): string {
  return `tokligence audit export\n${entries}\n${checkpoints}\n${digest}\n${publicKey}`;
}

/** Writes an export, line by line, each with its line feed. */
export class ExportWriter {
  readonly #key: AuditKey;
  readonly #hash = createHash("sha256");
  #entries = 0;
  #checkpoints = 0;

  constructor(key: AuditKey) {
    this.#key = key;
  }

  begin(timeMs: number): string {
    return this.#line(JSON.stringify({ format, exported_ms: timeMs }));
  }

  entry(entry: ChainedEntry): string {
    this.#entries += 1;
    return this.#line(`${rowStart}${canonicalText(entry)},"hash":"${entry.hash}"}`);
  }

  checkpoint(checkpoint: Checkpoint): string {
    this.#checkpoints += 1;
    return this.#line(JSON.stringify({ checkpoint }));
  }

  end(): string {
    const { publicKey } = this.#key;
    const end = { entries: this.#entries, checkpoints: this.#checkpoints, digest: this.#hash.digest("hex"), publicKey };
    return `${JSON.stringify({ end: { ...end, signature: this.#key.sign(endText(end)) } })}\n`;
  }

  #line(text: string): string {
    const line = `${text}\n`;
    this.#hash.update(line);
    return line;
  }
}

/** Checks an export without a database. */
export class ExportVerifier {
  readonly #trail: TrailVerifier;
  readonly #anchors: TrailAnchors;
  readonly #hash = createHash("sha256");
  readonly #faults: AuditFault[] = [];
  #lines = 0;
  #end: ExportEnd | undefined;

  constructor(anchors: TrailAnchors = {}) {
    this.#anchors = anchors;
    this.#trail = new TrailVerifier(anchors);
  }

  /** @param line without its line feed. */
  push(line: string): void {
    this.#lines += 1;
    const at = `line ${this.#lines}`;
    if (this.#end !== undefined) this.#faults.push({ at, what: "it follows the end of the export" });
    if (line.startsWith(rowStart)) {
      this.#hash.update(`${line}\n`);
      this.#row(line);
      return;
    }
    this.#other(line, at);
  }

  #row(line: string): void {
    const rowEnd = line.length - rowEndLength;
    const row = line.slice(rowStart.length, rowEnd);
    const isWhole = row.startsWith("[") && row.endsWith("]") && line.startsWith(',"hash":"', rowEnd) && line.endsWith('"}');
    this.#trail.text(isWhole ? Number.parseInt(row.slice(1, 17), 10) : -1, row, line.slice(rowEnd + 9, -2));
  }

  #other(line: string, at: string): void {
    let value: { readonly format?: unknown; readonly checkpoint?: Checkpoint; readonly end?: ExportEnd };
    try {
      value = JSON.parse(line) as typeof value;
    } catch {
      this.#faults.push({ at, what: "it is no JSON" });
      return;
    }
    if (value.end !== undefined) {
      this.#end = value.end;
      return;
    }
    this.#hash.update(`${line}\n`);
    if (value.checkpoint !== undefined) this.#trail.checkpoint(value.checkpoint);
    else if (value.format !== format || this.#lines > 1) this.#faults.push({ at, what: "it is no line of an export" });
  }

  /** No line follows. */
  finish(): { readonly entries: number; readonly checkpoints: number; readonly faults: readonly AuditFault[] } {
    const end = this.#end;
    const counts = { entries: this.#trail.entries, checkpoints: this.#trail.checkpoints };
    const faults = [...this.#trail.end(), ...this.#faults];
    if (end === undefined) faults.push({ at: "end", what: "the last line is missing: the end was cut off" });
    else if (end.digest !== this.#hash.digest("hex") || end.entries !== counts.entries || end.checkpoints !== counts.checkpoints)
      faults.push({ at: "end", what: "the lines are not those that were signed" });
    else if (!isSignature(endText(end), end)) faults.push({ at: "end", what: "the signature of the export is wrong" });
    else if (this.#anchors.keys?.has(end.publicKey) === false)
      faults.push({ at: "end", what: "the export is signed with a key that is not known" });
    return { ...counts, faults };
  }
}
