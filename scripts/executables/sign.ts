import { createHash } from "node:crypto";
import { commands, headerBytes, numberAt, readCommands, segmentOf } from "./mach-o.ts";

/*
 * Ad hoc signatures of Mach-O files, without which Apple Silicon runs no program (Apple, xnu's cs_blobs.h). They name nobody: a hash of each page,
 * in a directory that the loader checks. Numbers in a signature are big-endian.
 */

const superBlobMagic = 0xfade0cc0;
const directoryMagic = 0xfade0c02;
const requirementsMagic = 0xfade0c01;
const wrapperMagic = 0xfade0b01;
const slots = { directory: 0, requirements: 2, cms: 0x10000 } as const;
const version = 0x20400;
const adhoc = 2;
const sha256 = 2;
const hashBytes = 32;
const pageBytes = 4096;
const pageBits = 12;
const directoryBytes = 88;
/** Of the executable segment: it is the main program. */
const mainProgram = 1n;
/** The slots of the Info.plist, which is missing, and of the requirements. */
const specialSlots = 2;

const hash = (data: Uint8Array): Buffer => createHash("sha256").update(data).digest();

/** Signs a file that has no signature. @param identifier the program's name. @throws Error if there is no room for the load command. */
export function signAdHoc(file: Buffer, identifier: string): Buffer {
  const all = readCommands(file);
  if (all.some(({ kind }) => kind === commands.signature)) throw new Error("The Mach-O file has a signature already.");
  const end = headerBytes + file.readUInt32LE(20);
  const text = segmentOf(file, "__TEXT");
  const linkEdit = segmentOf(file, "__LINKEDIT");
  if (end + 16 > (text.firstSection ?? 0)) throw new Error("The Mach-O file has no room for another load command.");
  if (linkEdit.fileOffset + linkEdit.fileBytes !== file.length) throw new Error("__LINKEDIT is not at the end of the Mach-O file.");
  const codeBytes = align(file.length, 16);
  const signatureBytes = sizeOfSignature(codeBytes, identifier);
  const signed = Buffer.alloc(codeBytes + signatureBytes);
  file.copy(signed);
  signed.writeUInt32LE(all.length + 1, 16);
  signed.writeUInt32LE(end - headerBytes + 16, 20);
  signed.writeUInt32LE(commands.signature, end);
  signed.writeUInt32LE(16, end + 4);
  signed.writeUInt32LE(codeBytes, end + 8);
  signed.writeUInt32LE(signatureBytes, end + 12);
  const linkEditBytes = signed.length - linkEdit.fileOffset;
  signed.writeBigUInt64LE(BigInt(align(linkEditBytes, 16_384)), linkEdit.command + 32);
  signed.writeBigUInt64LE(BigInt(linkEditBytes), linkEdit.command + 48);
  writeSignature(signed, codeBytes, identifier);
  return signed;
}

function sizeOfSignature(codeBytes: number, identifier: string): number {
  return 12 + 3 * 8 + sizeOfDirectory(codeBytes, identifier) + 12 + 8;
}

function sizeOfDirectory(codeBytes: number, identifier: string): number {
  return directoryBytes + Buffer.byteLength(identifier) + 1 + (specialSlots + Math.ceil(codeBytes / pageBytes)) * hashBytes;
}

function writeSignature(signed: Buffer, codeBytes: number, identifier: string): void {
  const requirements = Buffer.alloc(12);
  requirements.writeUInt32BE(requirementsMagic, 0);
  requirements.writeUInt32BE(12, 4);
  const wrapper = Buffer.alloc(8);
  wrapper.writeUInt32BE(wrapperMagic, 0);
  wrapper.writeUInt32BE(8, 4);
  const directory = createDirectory(signed, codeBytes, identifier, requirements);
  const blobs = [
    { slot: slots.directory, data: directory },
    { slot: slots.requirements, data: requirements },
    { slot: slots.cms, data: wrapper },
  ];
  let offset = 12 + blobs.length * 8;
  signed.writeUInt32BE(superBlobMagic, codeBytes);
  signed.writeUInt32BE(signed.length - codeBytes, codeBytes + 4);
  signed.writeUInt32BE(blobs.length, codeBytes + 8);
  for (const [index, { slot, data }] of blobs.entries()) {
    signed.writeUInt32BE(slot, codeBytes + 12 + index * 8);
    signed.writeUInt32BE(offset, codeBytes + 16 + index * 8);
    data.copy(signed, codeBytes + offset);
    offset += data.length;
  }
}

function createDirectory(signed: Buffer, codeBytes: number, identifier: string, requirements: Buffer): Buffer {
  const text = segmentOf(signed, "__TEXT");
  const name = Buffer.from(`${identifier}\0`);
  const hashes = directoryBytes + name.length + specialSlots * hashBytes;
  const directory = Buffer.alloc(sizeOfDirectory(codeBytes, identifier));
  const words = [
    directoryMagic,
    directory.length,
    version,
    adhoc,
    hashes,
    directoryBytes,
    specialSlots,
    Math.ceil(codeBytes / pageBytes),
    codeBytes,
  ];
  for (const [index, word] of words.entries()) directory.writeUInt32BE(word, index * 4);
  directory.writeUInt8(hashBytes, 36);
  directory.writeUInt8(sha256, 37);
  directory.writeUInt8(pageBits, 39);
  directory.writeBigUInt64BE(BigInt(text.fileOffset), 64);
  directory.writeBigUInt64BE(BigInt(text.fileBytes), 72);
  directory.writeBigUInt64BE(mainProgram, 80);
  name.copy(directory, directoryBytes);
  hash(requirements).copy(directory, hashes - slots.requirements * hashBytes);
  for (let page = 0; page * pageBytes < codeBytes; page++) {
    hash(signed.subarray(page * pageBytes, Math.min(codeBytes, (page + 1) * pageBytes))).copy(directory, hashes + page * hashBytes);
  }
  return directory;
}

/** What a signature says, once each of its hashes has been compared with the file. */
export interface Signature {
  readonly identifier: string;
  readonly isAdHoc: boolean;
  readonly pages: number;
}

/** Checks a signature with SHA-256, ad hoc or not. @throws Error that names what is wrong. */
export function verifySignature(file: Buffer): Signature {
  const command = readCommands(file).find(({ kind }) => kind === commands.signature);
  if (command === undefined) throw new Error("The Mach-O file is not signed.");
  const [start, sizeBytes] = [file.readUInt32LE(command.offset + 8), file.readUInt32LE(command.offset + 12)];
  const linkEdit = segmentOf(file, "__LINKEDIT");
  if (start + sizeBytes > file.length || linkEdit.fileOffset + linkEdit.fileBytes < start + sizeBytes) {
    throw new Error("The signature is not within __LINKEDIT.");
  }
  const blob = file.subarray(start, start + sizeBytes);
  if (blob.readUInt32BE(0) !== superBlobMagic) throw new Error("The signature does not begin with its mark.");
  const directory = blobOf(blob, slots.directory);
  if (directory === undefined || directory.readUInt32BE(0) !== directoryMagic) throw new Error("The signature has no directory.");
  if (directory.readUInt8(37) !== sha256) throw new Error("The signature's hashes are not SHA-256.");
  checkHashes(file, start, directory);
  checkSpecial(directory, blobOf(blob, slots.requirements));
  const name = directory.readUInt32BE(20);
  return {
    identifier: directory.toString("utf8", name, directory.indexOf(0, name)),
    isAdHoc: (directory.readUInt32BE(12) & adhoc) !== 0,
    pages: directory.readUInt32BE(28),
  };
}

function checkHashes(file: Buffer, start: number, directory: Buffer): void {
  const [hashes, count, limit] = [directory.readUInt32BE(16), directory.readUInt32BE(28), directory.readUInt32BE(32)];
  const size = 2 ** directory.readUInt8(39);
  if (limit !== start || count !== Math.ceil(limit / size)) throw new Error("The signature does not cover all of the file before it.");
  for (let page = 0; page < count; page++) {
    const expected = directory.subarray(hashes + page * hashBytes, hashes + (page + 1) * hashBytes);
    if (!hash(file.subarray(page * size, Math.min(limit, (page + 1) * size))).equals(expected))
      throw new Error(`Page ${page} differs from its hash.`);
  }
  const text = segmentOf(file, "__TEXT");
  const segment = [Number(directory.readBigUInt64BE(64)), Number(directory.readBigUInt64BE(72))];
  if (segment[0] !== text.fileOffset || segment[1] !== numberAt(file, text.command + 48))
    throw new Error("The executable segment is not __TEXT.");
}

function checkSpecial(directory: Buffer, requirements: Buffer | undefined): void {
  if (requirements === undefined) return;
  const end = directory.readUInt32BE(16) - (slots.requirements - 1) * hashBytes;
  if (!hash(requirements).equals(directory.subarray(end - hashBytes, end))) throw new Error("The requirements differ from their hash.");
}

function blobOf(blob: Buffer, slot: number): Buffer | undefined {
  for (let index = 0; index < blob.readUInt32BE(8); index++) {
    if (blob.readUInt32BE(12 + index * 8) !== slot) continue;
    const offset = blob.readUInt32BE(16 + index * 8);
    return blob.subarray(offset, offset + blob.readUInt32BE(offset + 4));
  }
  return undefined;
}

const align = (value: number, unit: number): number => Math.ceil(value / unit) * unit;
