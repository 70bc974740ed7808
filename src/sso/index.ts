export { AwayError, createOidcProvider, type OidcFetch, type OidcProvider } from "./oidc-provider.ts";
export { createRecheck } from "./recheck.ts";
export { authSchema, readAuth, type AuthSection, type OidcSettings } from "./section.ts";
export { confirmationOf, SingleSignOn, type SignIn, type SignInEnd, type SignInEvent, type WaitingProgram } from "./sign-in.ts";
