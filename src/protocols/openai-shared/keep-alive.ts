/** A comment (WHATWG HTML, section 9.2.6): clients skip it, and proxies see that the stream is alive. */
export const keepAlive = ": keep-alive\n\n";
