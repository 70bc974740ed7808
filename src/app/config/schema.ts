import * as z from "zod";
import { modelTraitsSetting } from "./model-traits-schema.ts";
import { databaseSchema } from "./sections/database.ts";
import { gatewaySchema } from "./sections/gateway.ts";
import { guardsSchema } from "./sections/guards.ts";
import { ledgerSchema } from "./sections/ledger.ts";
import { pricesSchema } from "./sections/prices.ts";
import { modelAliasesSchema, modelRoutesSchema, providersSchema } from "./sections/providers.ts";
import { fallbacksSchema, modelsSchema } from "./sections/models.ts";
import { routingSchema } from "./sections/routing.ts";

/** The configuration as the file has it: names as written there, values read into numbers, milliseconds and bytes. */
export const settingsSchema = z
  .strictObject({
    gateway: gatewaySchema,
    database: databaseSchema,
    providers: providersSchema,
    model_provider_routes: modelRoutesSchema,
    model_aliases: modelAliasesSchema,
    model_traits: modelTraitsSetting,
    models: modelsSchema,
    fallbacks: fallbacksSchema,
    routing: routingSchema,
    ledger: ledgerSchema,
    guards: guardsSchema,
    prices: pricesSchema,
  })
  .describe("Configuration of Tokligence Gateway.");

export type ParsedSettings = z.output<typeof settingsSchema>;
