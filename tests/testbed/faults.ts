import type { Fault } from "./fault-wire.ts";
import { httpFaults } from "./faults-http.ts";
import { statusFaults } from "./faults-status.ts";
import { streamFaults } from "./faults-stream.ts";

/** Every fault by its name. Those whose `on` is `stream` say nothing about JSON requests, and the other way round. */
export const faults = { ...httpFaults, ...streamFaults, ...statusFaults } as const satisfies Readonly<Record<string, Fault>>;

/** A name in the table. */
export type FaultName = keyof typeof faults;

/** All names, for tests that walk the table. */
export const faultNames = Object.keys(faults) as readonly FaultName[];
