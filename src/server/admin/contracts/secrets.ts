import * as z from "zod";
import type { OperationContract } from "./contract.ts";

export const secretsContracts = {
  "secrets.rotate": {
    method: "POST",
    path: "/api/v1/secrets/rotate",
    access: "admin",
    summary:
      "Makes new secrets of the installation: the key that seals proofs of reasoning, and the key that signs the audit trail. Old ones stay for reading.",
    body: z.object({ only: z.enum(["sealing", "audit"]).optional().describe("both if omitted") }),
    answer: z
      .object({
        sealing: z
          .object({ key: z.int().describe("its number"), seals_from: z.string().describe("RFC 3339: by then every process has read it") })
          .nullable()
          .describe("null: it was not asked for"),
        audit: z
          .object({ public_key: z.string(), previous: z.string().describe("the key that signed the change") })
          .nullable()
          .describe("null: it was not asked for, or the trail is off"),
      })
      .meta({ id: "RotatedSecrets" }),
  },
} as const satisfies Record<string, OperationContract>;
