/** Why a document of the market is refused. */
export type DocumentProblem =
  | "not_json"
  | "not_canonical"
  | "too_large"
  | "unknown_type"
  | "bad_field"
  | "bad_signature"
  | "wrong_signer"
  | "bad_time";

/** A document that does not follow the rules. The message names the field and what it must be; it never contains the document. */
export class DocumentError extends Error {
  readonly problem: DocumentProblem;

  constructor(problem: DocumentProblem, message: string) {
    super(message);
    this.name = "DocumentError";
    this.problem = problem;
  }
}
