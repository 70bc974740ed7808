export { createCanaries, type Canaries } from "./canaries.ts";
export { canariesSchema, readCanaries, type CanariesSection } from "./section.ts";
