/** `code` of the error for a connection that ended in order before the head of an answer was complete. */
export const endedCode = "ERR_CONNECTION_ENDED";

/** `code` of the error for a request that cannot be written. */
export const unsendableCode = "ERR_REQUEST_UNSENDABLE";

/** `code` of the error for a connection that could not be opened in time. */
export const connectTimeoutCode = "ERR_CONNECT_TIMEOUT";

/** What a server sent is not an answer to the request, or not all of it. The message completes "the provider …". */
export class AnswerError extends Error {
  readonly kind: "malformed" | "truncated";

  constructor(kind: "malformed" | "truncated", message: string) {
    super(message);
    this.name = "AnswerError";
    this.kind = kind;
  }
}

/** @param what why: "two lengths". */
export function notHttp(what: string): AnswerError {
  return new AnswerError("malformed", `sent something that is not HTTP (${what}). Check base_url's scheme and port.`);
}

export function errorWithCode(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}
