import { detectByHead } from "./head-form.ts";
import { injectionForms } from "./injection-forms.ts";

/** Prompt injections that use the usual words. It is a heuristic: other words pass, and a text about injections is found. */
export const injections = detectByHead(injectionForms, {
  candidates: "phrases",
  ignoresCase: true,
  begins: () => true,
  accepts: () => true,
});
