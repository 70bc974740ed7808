/** The rows of `errorTable` about browsers that sign in, and single sign-on. */
export const signInErrors = {
  invalid_session: {
    status: 401,
    kind: "authentication",
    meaning: "The session of the browser has ended, or is not known.",
    remedy: "Sign in again.",
  },
  forbidden_page: {
    status: 403,
    kind: "permission",
    meaning:
      "A request with a session's cookie, or a sign-in, does not come from a page of the gateway: the header `x-tokligence-page: 1` is missing, or its `Origin` is another one.",
    remedy: "Send `x-tokligence-page: 1` from a page of the same origin, or a key in place of the cookie.",
  },
  sign_in_refused: {
    status: 403,
    kind: "permission",
    meaning:
      "The identity provider knows the person, who may not use this gateway: no group that has a role, an e-mail address of another domain, or a disabled user.",
    remedy: "Ask an admin; `auth.oidc` names the groups and domains.",
  },
  sign_in_failed: {
    status: 400,
    kind: "invalid_request",
    meaning:
      "A sign-in at the identity provider cannot be used: it was begun in another browser, has expired, was used before, or the provider's answer is not right.",
    remedy: "Begin again at `/api/v1/sso`, in one browser, with cookies allowed.",
  },
  sign_in_unavailable: {
    status: 503,
    kind: "overloaded",
    meaning: "The identity provider does not answer, or not as one. Keys and sessions that exist are not affected.",
    remedy: "Try again later; the message says what the provider answered.",
  },
} as const;
