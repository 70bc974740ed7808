/** Windows' form of programs (Microsoft, "PE Format", of 2025). Numbers are little-endian. */

const certificateDirectory = 4;

/** Removes the signature of a program that is about to change: its table lies at the end of the file. @throws Error if the file has another form. */
export function cutCertificate(file: Buffer): Buffer {
  const entry = directoryAt(file, certificateDirectory);
  const [offset, sizeBytes] = [file.readUInt32LE(entry), file.readUInt32LE(entry + 4)];
  if (offset === 0) return file;
  if (offset + sizeBytes !== file.length) throw new Error("The table of certificates is not at the end of the file.");
  const cut = Buffer.from(file.subarray(0, offset));
  cut.writeUInt32LE(0, entry);
  cut.writeUInt32LE(0, entry + 4);
  return cut;
}

/** Facts about a built program. */
export function describePe(file: Buffer): {
  readonly machine: "x64" | "other";
  readonly isSigned: boolean;
  readonly resourceBytes: number;
} {
  const header = headerAt(file);
  return {
    machine: file.readUInt16LE(header + 4) === 0x8664 ? "x64" : "other",
    isSigned: file.readUInt32LE(directoryAt(file, certificateDirectory)) !== 0,
    resourceBytes: file.readUInt32LE(directoryAt(file, 2) + 4),
  };
}

function headerAt(file: Buffer): number {
  const header = file.length < 0x40 ? 0 : file.readUInt32LE(0x3c);
  if (file.toString("latin1", 0, 2) !== "MZ" || file.toString("latin1", header, header + 4) !== "PE\0\0")
    throw new Error("This is no PE file.");
  return header;
}

/** Where a data directory's entry lies in a 64-bit program. */
function directoryAt(file: Buffer, index: number): number {
  const optional = headerAt(file) + 24;
  if (file.readUInt16LE(optional) !== 0x20b) throw new Error("This is no 64-bit program.");
  return optional + 112 + index * 8;
}
