import { generateKeyPairSync, randomInt } from "node:crypto";
import {
  canonicalText,
  chainHash,
  chainStart,
  checkpointText,
  digestOf,
  type AuditEntry,
  type ChainedEntry,
  type Checkpoint,
} from "./entry.ts";
import { ExportVerifier, ExportWriter } from "./export-text.ts";
import { auditKeyOf } from "./signing.ts";
import { TrailVerifier, type AuditFault } from "./verify.ts";

const key = auditKeyOf(generateKeyPairSync("ed25519").privateKey);
const other = auditKeyOf(generateKeyPairSync("ed25519").privateKey);

export interface Trail {
  readonly entries: readonly ChainedEntry[];
  readonly checkpoints: readonly Checkpoint[];
}

/** @param signedEvery a signature is behind each of this number of entries. */
export function trailOf(count: number, signedEvery = 5): Trail {
  const entries: ChainedEntry[] = [];
  const checkpoints: Checkpoint[] = [];
  let hash = chainStart;
  for (let seq = 1; seq <= count; seq++) {
    const entry: AuditEntry = {
      seq,
      timeMs: 1_767_000_000_000 + seq,
      kind: "admin",
      action: "users.create",
      subject: "",
      actor: `usr_${seq} Jörg "${seq}"`,
      keyId: "key_1",
      address: "127.0.0.1",
      channel: "http",
      outcome: "ok",
      before: "",
      after: digestOf(String(seq)),
      details: `{"fields":["username"],"n":${seq}}`,
    };
    hash = chainHash(hash, digestOf(canonicalText(entry)));
    entries.push({ ...entry, hash });
    if (seq % signedEvery === 0) checkpoints.push(signed(checkpoints.length + 1, seq, hash));
  }
  return { entries, checkpoints };
}

function signed(number: number, seq: number, head: string, by = key): Checkpoint {
  const unsigned = { number, seq, timeMs: 1_767_000_000_000 + seq, head, publicKey: by.publicKey };
  return { ...unsigned, signature: by.sign(checkpointText(unsigned)) };
}

export function checkTrail({ entries, checkpoints }: Trail, head?: { seq: number; head: string }): readonly AuditFault[] {
  const verifier = new TrailVerifier({ head, keys: new Set([key.publicKey]) });
  let next = 0;
  for (const entry of entries) {
    for (; next < checkpoints.length && checkpoints[next]!.seq < entry.seq; next++) verifier.checkpoint(checkpoints[next]!);
    verifier.entry(entry);
  }
  for (; next < checkpoints.length; next++) verifier.checkpoint(checkpoints[next]!);
  return verifier.end();
}

export const trail = trailOf(40);
export const published = { seq: 40, head: trail.entries[39]!.hash };

const at = (list: { readonly length: number }): number => randomInt(list.length);

/** One change of a list of entries or checkpoints, as somebody with the database could make it. */
export const changes: Readonly<Record<string, (trail: Trail) => Trail>> = {
  "an edit of an entry": ({ entries, checkpoints }) => {
    const index = at(entries);
    const names = Object.keys(entries[0]!) as (keyof ChainedEntry)[];
    const name = names[at(names)]!;
    const old = entries[index]![name];
    const changed = {
      ...entries[index]!,
      [name]: typeof old === "number" ? old + 1 + randomInt(5) : `${old}${randomInt(10)}`,
    } as ChainedEntry;
    return { entries: entries.with(index, changed), checkpoints };
  },
  "an edit with a new hash": ({ entries, checkpoints }) => {
    const index = at(entries);
    const before = entries[index - 1]?.hash ?? chainStart;
    const changed = { ...entries[index]!, actor: `usr_${randomInt(1000)} mallory` };
    return { entries: entries.with(index, { ...changed, hash: chainHash(before, digestOf(canonicalText(changed))) }), checkpoints };
  },
  "an edit with new hashes of all that follow": ({ entries, checkpoints }) => {
    const index = at(entries);
    let hash = entries[index - 1]?.hash ?? chainStart;
    const written = entries.slice(index).map((entry, i) => {
      const changed = i === 0 ? { ...entry, subject: `other ${randomInt(1000)}` } : entry;
      hash = chainHash(hash, digestOf(canonicalText(changed)));
      return { ...changed, hash };
    });
    return { entries: [...entries.slice(0, index), ...written], checkpoints };
  },
  "the same, signed again with another key": ({ entries }) => {
    let hash = chainStart;
    const index = at(entries);
    const written = entries.map((entry, i) => {
      const changed = i === index ? { ...entry, outcome: `no ${randomInt(1000)}` } : entry;
      hash = chainHash(hash, digestOf(canonicalText(changed)));
      return { ...changed, hash };
    });
    return {
      entries: written,
      checkpoints: trail.checkpoints.map(({ number, seq }) => signed(number, seq, written[seq - 1]!.hash, other)),
    };
  },
  "a deletion": ({ entries, checkpoints }) => ({ entries: entries.toSpliced(at(entries), 1), checkpoints }),
  "a deletion with new numbers": ({ entries, checkpoints }) => ({
    entries: entries.toSpliced(at(entries), 1).map((entry, i) => ({ ...entry, seq: i + 1 })),
    checkpoints,
  }),
  "an insertion": ({ entries, checkpoints }) => ({ entries: entries.toSpliced(at(entries), 0, entries[at(entries)]!), checkpoints }),
  "a swap": ({ entries, checkpoints }) => {
    const first = at(entries);
    const second = (first + 1 + randomInt(entries.length - 1)) % entries.length;
    return { entries: entries.with(first, entries[second]!).with(second, entries[first]!), checkpoints };
  },
  "a tail that is cut off, with its signatures": ({ entries, checkpoints }) => {
    const left = at(entries);
    return { entries: entries.slice(0, left), checkpoints: checkpoints.filter(({ seq }) => seq <= left) };
  },
  "a signature that is removed": ({ entries, checkpoints }) => ({
    entries,
    checkpoints: checkpoints.toSpliced(randomInt(checkpoints.length - 1), 1),
  }),
  "a signature that is changed": ({ entries, checkpoints }) => {
    const index = at(checkpoints);
    const old = checkpoints[index]!;
    const edits: readonly Checkpoint[] = [
      { ...old, timeMs: old.timeMs + 1 },
      { ...old, seq: old.seq - 1 },
      { ...old, head: "f".repeat(64) },
      { ...old, signature: other.sign(checkpointText(old)) },
    ];
    return { entries, checkpoints: checkpoints.with(index, edits[at(edits)]!) };
  },
};

/** The lines of an export of a trail. */
export function exportOf({ entries, checkpoints }: Trail): readonly string[] {
  const writer = new ExportWriter(key);
  const lines = [writer.begin(1)];
  let next = 0;
  for (const entry of entries) {
    lines.push(writer.entry(entry));
    if (checkpoints[next]?.seq === entry.seq) lines.push(writer.checkpoint(checkpoints[next++]!));
  }
  return [...lines, writer.end()].map((line) => line.slice(0, -1));
}

export function checkExport(lines: readonly string[]): readonly AuditFault[] {
  const verifier = new ExportVerifier({ keys: new Set([key.publicKey]) });
  for (const line of lines) verifier.push(line);
  return verifier.finish().faults;
}

/** Changes of the text of an export, each of another kind. */
export function changedExports(lines: readonly string[]): readonly (readonly string[])[] {
  const index = at(lines);
  const line = lines[index]!;
  const place = at(line);
  return [
    lines.with(index, `${line.slice(0, place)}${line[place] === "x" ? "y" : "x"}${line.slice(place + 1)}`),
    lines.toSpliced(index, 1),
    lines.toSpliced(index, 0, lines[at(lines)]!),
    lines.slice(0, index),
    lines.with(index, lines[(index + 1) % lines.length]!).with((index + 1) % lines.length, line),
  ];
}
