export { createBodyLog } from "./body-log.ts";
export type { BodyLog, BodySettings } from "./body-log.ts";
