import assert from "node:assert/strict";
import { test } from "node:test";
import { checkUnmoved, commands, headerBytes, readFixups } from "./mach-o.ts";
import { cutCertificate, describePe } from "./pe.ts";
import { signAdHoc, verifySignature } from "./sign.ts";

const textBytes = 8192;
const segments = 72;

/** Fields of 4 and of 8 bytes, written one after the other. */
function writeFields(file: Buffer, at: number, fields: readonly (number | bigint)[]): void {
  let offset = at;
  for (const field of fields) {
    if (typeof field === "bigint") offset = file.writeBigUInt64LE(field, offset);
    else offset = file.writeUInt32LE(field, offset);
  }
}

/** A program with __TEXT and one section, __DATA with a chain of two pointers, and __LINKEDIT with the chains' description. */
function createProgram(): Buffer {
  const file = Buffer.alloc(textBytes + 4096 + 200);
  const commandBytes = segments + 80 + segments + segments + 16;
  writeFields(file, 0, [0xfeedfacf, 0x01000007, 3, 2, 4, commandBytes, 0, 0]);
  let at = headerBytes;
  const segment = (name: string, memory: bigint, [offset, size]: readonly [number, number], sections = 0): void => {
    const bytes = segments + sections * 80;
    writeFields(file, at, [commands.segment, bytes]);
    file.write(name, at + 8, "latin1");
    writeFields(file, at + 24, [memory, BigInt(Math.ceil(size / 4096) * 4096), BigInt(offset), BigInt(size), 5, 5, sections, 0]);
    if (sections > 0) file.writeUInt32LE(1024, at + segments + 48);
    at += bytes;
  };
  segment("__TEXT", 0x1000n, [0, textBytes], 1);
  segment("__DATA", 0x4000n, [textBytes, 4096]);
  segment("__LINKEDIT", 0x5000n, [textBytes + 4096, 200]);
  const data = textBytes + 4096;
  writeFields(file, at, [commands.chainedFixups, 16, data, 100]);
  // The next pointer is two steps of four bytes away.
  file.writeBigUInt64LE(0x1111n | (2n << 51n), textBytes + 16);
  file.writeBigUInt64LE(0x2222n, textBytes + 24);
  writeFields(file, data, [0, 32]);
  writeFields(file, data + 32, [3, 0, 16, 0]);
  writeFields(file, data + 48, [24]);
  for (const [offset, value] of [
    [4, 4096],
    [6, 6],
    [20, 1],
    [22, 16],
  ] as const)
    file.writeUInt16LE(value, data + 48 + offset);
  return file;
}

test("a signed program verifies, keeps its code and pointers, and any changed byte is found", () => {
  const program = createProgram();
  const signed = signAdHoc(program, "tokligence");
  assert.deepEqual(verifySignature(signed), { identifier: "tokligence", isAdHoc: true, pages: Math.ceil((program.length + 8) / 4096) });
  assert.deepEqual(signed.equals(signAdHoc(program, "tokligence")), true, "it is the same each time");
  assert.equal(checkUnmoved(program, signed), 2);
  for (const at of [40, 5000, program.length - 1]) {
    const changed = Buffer.from(signed);
    changed[at]! ^= 1;
    assert.throws(() => verifySignature(changed), Error, `byte ${at}`);
  }
  assert.throws(() => signAdHoc(signed, "tokligence"), /signature already/);
  assert.throws(() => verifySignature(program), /not signed/);
});

test("pointers are found along their chains, and a changed one fails the build", () => {
  const program = createProgram();
  assert.deepEqual(readFixups(program), [
    { address: 0x4010, bits: 0x1111n },
    { address: 0x4018, bits: 0x2222n },
  ]);
  const changed = Buffer.from(program);
  changed.writeBigUInt64LE(0x3333n, textBytes + 24);
  assert.throws(() => checkUnmoved(program, changed), /pointers/);
  const moved = Buffer.from(program);
  moved.writeUInt32LE(2048, headerBytes + segments + 48);
  assert.throws(() => checkUnmoved(program, moved), /moved/);
});

test("the certificate of a Windows program is cut off", () => {
  const program = Buffer.alloc(700);
  program.write("MZ", 0, "latin1");
  program.writeUInt32LE(64, 0x3c);
  program.write("PE\0\0", 64, "latin1");
  program.writeUInt16LE(0x8664, 68);
  program.writeUInt16LE(0x20b, 88);
  const entry = 88 + 112 + 4 * 8;
  program.writeUInt32LE(600, entry);
  program.writeUInt32LE(100, entry + 4);
  assert.equal(describePe(program).isSigned, true);
  const cut = cutCertificate(program);
  assert.deepEqual([cut.length, describePe(cut)], [600, { machine: "x64", isSigned: false, resourceBytes: 0 }]);
  assert.equal(cutCertificate(cut), cut);
  program.writeUInt32LE(99, entry + 4);
  assert.throws(() => cutCertificate(program), /not at the end/);
});
