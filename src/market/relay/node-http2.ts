import type * as Http2 from "node:http2";

/** `node:http2`, loaded once a relay is used. */
export function nodeHttp2(): typeof Http2 {
  return process.getBuiltinModule("node:http2");
}

/** What each side takes of one call before the other one must wait. A call that is not read buffers this much, at most. */
export const callWindowBytes = 256 * 1024;
/** What each side takes of all calls of a connection. */
export const connectionWindowBytes = 4 * 1024 * 1024;
/** Both sides ask for a sign of life each time, and give the connection up if the last question was not answered. */
export const pingMs = 15_000;
/** Calls of one connection at a time. */
export const mostStreams = 100;

/** Whether the other side of a connection is alive: it is asked again and again. */
export class Heartbeat {
  readonly #session: Http2.Http2Session;
  #isAsked = false;

  constructor(session: Http2.Http2Session) {
    this.#session = session;
  }

  /** Each `pingMs`. */
  beat(): void {
    if (this.#session.destroyed || this.#session.closed) return;
    if (this.#isAsked) {
      this.#session.destroy();
      return;
    }
    this.#isAsked = this.#session.ping(() => {
      this.#isAsked = false;
    });
  }
}

/** No calls begin any more; those under way may end for a while. */
export function closeSession(session: Http2.Http2Session, graceMs: number): Promise<void> {
  if (session.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      session.destroy();
    }, graceMs).unref();
    session.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    if (!session.closed) session.close();
  });
}
