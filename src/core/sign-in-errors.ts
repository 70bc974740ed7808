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
} as const;
