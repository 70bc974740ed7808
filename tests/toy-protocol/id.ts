import type { ProtocolId } from "../../src/ir/index.ts";

/** The program's ids are a closed union, so that the compiler finds what is missing for one of them. A test adds one at run time. */
export const toyId = "toy" as string as ProtocolId;
