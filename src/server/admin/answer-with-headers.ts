/** The answer of an operation that also sets headers, as a cookie. */
export class AnswerWithHeaders<T> {
  readonly value: T;
  /** Name, value, name, value, … Only the HTTP API sends them. */
  readonly headers: readonly string[];

  constructor(value: T, headers: readonly string[]) {
    this.value = value;
    this.headers = headers;
  }

  /** What is sent, and what the audit trail takes a digest of. */
  toJSON(): T {
    return this.value;
  }
}
