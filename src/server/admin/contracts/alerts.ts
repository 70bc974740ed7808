import * as z from "zod";
import type { OperationContract } from "./contract.ts";

export const alertContracts = {
  "alerts.test": {
    method: "POST",
    path: "/api/v1/alerts/test",
    access: "admin",
    summary: "Sends a test message to every webhook and address that is configured under alerts.",
    answer: z.object({
      deliveries: z
        .array(
          z.object({
            channel: z.string().describe("`webhook NAME` or `email`"),
            delivered: z.boolean(),
            error: z.string().nullable(),
          }),
        )
        .readonly(),
    }),
  },
} as const satisfies Record<string, OperationContract>;
