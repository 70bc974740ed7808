/** A promise of the gateway, the test that holds it to it, and which figures of its last long run are shown. */
export interface ReliabilityRow {
  readonly promise: string;
  /** A long run by its short name, or a file of tests that `npm test` runs. */
  readonly test: { readonly long: string } | { readonly file: string };
  /** Text with the figures' paths under the long run in braces: `{overloaded.attempts} attempts`. `max` and `count` of an object's values: `{max:pairs.*.request.longest_ms}`. */
  readonly figures?: string;
}
