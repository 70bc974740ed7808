import { createReadStream, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { checkProof, ExportVerifier, type AuditProof } from "../../audit/index.ts";
import type { OperationAnswer } from "../../server/index.ts";
import { whyUnreadable } from "../explain-file-error.ts";

/** What a check of a file finds. */
export type FileReport = Pick<OperationAnswer<"audit.verify">, "entries" | "checkpoints" | "faults">;
/** Checks an export or a proof of the audit trail, without a database. */
export async function verifyFile(path: string, key: string | undefined): Promise<FileReport> {
  const proofs = readProofs(path);
  if (proofs !== undefined) {
    const faults = proofs.flatMap((proof, at) => {
      const what = checkProof(proof, key);
      return what === undefined ? [] : [{ at: `proof ${at + 1}`, what }];
    });
    return { entries: proofs.length, checkpoints: proofs.length, faults };
  }
  const verifier = new ExportVerifier(key === undefined ? {} : { keys: new Set([key]) });
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) verifier.push(line);
  return verifier.finish();
}

/** `undefined`: the file is no list of proofs. */
function readProofs(path: string): readonly AuditProof[] | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`${path} cannot be read: ${whyUnreadable(error)}. Give a file that \`audit export\` or \`audit prove\` has made.`, {
      cause: error,
    });
  }
  return text.startsWith("[") ? (JSON.parse(text) as AuditProof[]) : undefined;
}
