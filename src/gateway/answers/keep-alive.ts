/** A client hears something at least this often while the upstream thinks. */
export const keepAliveMs = 15_000;
