export { createBodyLog } from "./body-log.ts";
export type { BodyLog } from "./body-log.ts";
