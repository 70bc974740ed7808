/** Rows of `errorTable` about the caches of providers. */
export const cacheErrors = {
  context_cache_gone: {
    status: 404,
    kind: "upstream",
    meaning:
      "The provider refused a request that refers to a context cache of the gateway's, mostly because that has ended. Clients do not see it: the request is sent again without the cache.",
    remedy: "Nothing has to be done. Entries have this code for the attempt that was refused, which costs nothing.",
  },
} as const;
