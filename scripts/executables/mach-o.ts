/** The form of programs on macOS, 64 bits, little-endian (Apple, mach-o/loader.h and mach-o/fixup-chains.h). */

const magic64 = 0xfeedfacf;
export const commands = { segment: 0x19, signature: 0x1d, chainedFixups: 0x80000034 } as const;

export interface LoadCommand {
  readonly kind: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

export interface Segment {
  readonly name: string;
  /** Of its load command. */
  readonly command: number;
  readonly address: number;
  readonly memoryBytes: number;
  readonly fileOffset: number;
  readonly fileBytes: number;
  /** Where the first section's contents begin in the file; `undefined` without sections. */
  readonly firstSection: number | undefined;
}

export const headerBytes = 32;

export function readCommands(file: Buffer): LoadCommand[] {
  if (file.length < headerBytes || file.readUInt32LE(0) !== magic64) throw new Error("This is no 64-bit Mach-O file.");
  const count = file.readUInt32LE(16);
  const found: LoadCommand[] = [];
  let offset = headerBytes;
  for (let index = 0; index < count; index++) {
    const sizeBytes = file.readUInt32LE(offset + 4);
    if (sizeBytes < 8) throw new Error("A load command of the Mach-O file has no size.");
    found.push({ kind: file.readUInt32LE(offset), offset, sizeBytes });
    offset += sizeBytes;
  }
  return found;
}

export function readSegments(file: Buffer): Segment[] {
  return readCommands(file)
    .filter(({ kind }) => kind === commands.segment)
    .map(({ offset }) => ({
      name: textAt(file, offset + 8),
      command: offset,
      address: numberAt(file, offset + 24),
      memoryBytes: numberAt(file, offset + 32),
      fileOffset: numberAt(file, offset + 40),
      fileBytes: numberAt(file, offset + 48),
      firstSection: firstSection(file, offset),
    }));
}

export function segmentOf(file: Buffer, name: string): Segment {
  const found = readSegments(file).find((segment) => segment.name === name);
  if (found === undefined) throw new Error(`The Mach-O file has no segment ${name}.`);
  return found;
}

function firstSection(file: Buffer, command: number): number | undefined {
  const offsets: number[] = [];
  for (let index = 0; index < file.readUInt32LE(command + 64); index++) {
    const offset = file.readUInt32LE(command + 72 + index * 80 + 48);
    if (offset !== 0) offsets.push(offset);
  }
  return offsets.length === 0 ? undefined : Math.min(...offsets);
}

/** A field of 16 bytes. */
function textAt(file: Buffer, offset: number): string {
  return file.toString("latin1", offset, offset + 16).replace(/\0[^]*$/, "");
}

export function numberAt(file: Buffer, offset: number): number {
  return Number(file.readBigUInt64LE(offset));
}

/** A pointer that the loader rewrites: where it lies in memory, and its 64 bits with the distance to the next one cleared, as that is no part of its meaning. */
export interface Fixup {
  readonly address: number;
  readonly bits: bigint;
}

const noPage = 0xffff;
/** By the format of the chains: how far apart two steps are, and where the distance lies in the 64 bits. */
const formats: Readonly<Record<number, { readonly stride: number; readonly shift: bigint; readonly bits: bigint }>> = {
  2: { stride: 4, shift: 51n, bits: 12n }, // DYLD_CHAINED_PTR_64
  6: { stride: 4, shift: 51n, bits: 12n }, // DYLD_CHAINED_PTR_64_OFFSET
};

/** All chained fixups. Without the load command for them there are none. */
export function readFixups(file: Buffer): Fixup[] {
  const command = readCommands(file).find(({ kind }) => kind === commands.chainedFixups);
  if (command === undefined) return [];
  const data = file.readUInt32LE(command.offset + 8);
  const starts = data + file.readUInt32LE(data + 4);
  return readSegments(file).flatMap((segment, index) => {
    if (index >= file.readUInt32LE(starts)) return [];
    const offset = file.readUInt32LE(starts + 4 + index * 4);
    return offset === 0 ? [] : fixupsOf(file, starts + offset, segment);
  });
}

function fixupsOf(file: Buffer, starts: number, segment: Segment): Fixup[] {
  const pageBytes = file.readUInt16LE(starts + 4);
  const format = formats[file.readUInt16LE(starts + 6)];
  if (format === undefined) throw new Error(`The pointer format ${file.readUInt16LE(starts + 6)} of ${segment.name} is not known.`);
  const found: Fixup[] = [];
  for (let page = 0; page < file.readUInt16LE(starts + 20); page++) {
    const first = file.readUInt16LE(starts + 22 + page * 2);
    if (first === noPage) continue;
    for (let at = page * pageBytes + first, step = 1; step !== 0; at += step) {
      const bits = file.readBigUInt64LE(segment.fileOffset + at);
      const mask = ((1n << format.bits) - 1n) << format.shift;
      found.push({ address: segment.address + at, bits: bits & ~mask });
      step = Number((bits & mask) >> format.shift) * format.stride;
    }
  }
  return found;
}

/** @throws Error if what was put into the file has moved its code or changed a pointer: such a file could crash at its start. */
export function checkUnmoved(before: Buffer, after: Buffer): number {
  const [first, second] = [segmentOf(before, "__TEXT"), segmentOf(after, "__TEXT")];
  if (first.address !== second.address || first.fileBytes !== second.fileBytes || first.firstSection !== second.firstSection) {
    throw new Error("The code of the Mach-O file has been moved.");
  }
  const [old, now] = [readFixups(before), readFixups(after)];
  const isSame =
    old.length === now.length && old.every(({ address, bits }, index) => address === now[index]!.address && bits === now[index]!.bits);
  if (!isSame) throw new Error("The pointers of the Mach-O file have been changed.");
  return now.length;
}
