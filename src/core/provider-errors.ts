/** Rows of `errorTable` about what providers answer, or do not. */
export const providerErrors = {
  upstream_unreachable: {
    status: 502,
    kind: "upstream",
    meaning: "No connection to the provider could be made.",
    remedy: "Check the provider's `base_url`, the network, and proxies.",
  },
  upstream_invalid_response: {
    status: 502,
    kind: "upstream",
    meaning: "The provider's answer is not what its protocol allows.",
    remedy: "Check that `base_url` leads to an API of the configured protocol.",
  },
  upstream_credentials_rejected: {
    status: 502,
    kind: "upstream",
    meaning: "The provider refused the key that the gateway is configured with.",
    remedy:
      "Check the provider's `api_key`. It is not the client's key that is wrong. The log has the provider's reason as `upstream_error`.",
  },
  upstream_quota_exhausted: {
    status: 502,
    kind: "upstream",
    meaning: "The provider's account has used up its quota or its credit.",
    remedy: "Raise the quota or the credit at the provider, or configure another key or `fallbacks`. The log has the provider's words.",
  },
  upstream_truncated: {
    status: 502,
    kind: "upstream",
    meaning: "The provider's answer ended before it was complete.",
    remedy: "Send the request again.",
  },
  context_cache_gone: {
    status: 404,
    kind: "upstream",
    meaning:
      "The provider refused a request that refers to a context cache of the gateway's, mostly because that has ended. Clients do not see it: the request is sent again without the cache.",
    remedy: "Nothing has to be done. Entries have this code for the attempt that was refused, which costs nothing.",
  },
} as const;
