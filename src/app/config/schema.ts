import * as z from "zod";
import {
  fallbacksSchema,
  modelsSchema,
  modelTraitsSetting,
  modelAliasesSchema,
  modelRoutesSchema,
  providersSchema,
  routingSchema,
} from "../../upstream/index.ts";
import { databaseSchema, redisSchema } from "../../store/index.ts";
import { alertsSchema } from "../../alerts/index.ts";
import { limitsSchema } from "../../limits/index.ts";
import { responseCacheSchema } from "../../gateway/index.ts";
import { gatewaySchema, telemetrySchema } from "../../server/index.ts";
import { exchangeSchema, marketSchema } from "../../market/index.ts";
import { authSchema } from "../../sso/index.ts";
import { auditSchema } from "../../audit/index.ts";
import { firewallSchema, guardsSchema } from "../../policy/index.ts";
import { canariesSchema } from "../../canaries/index.ts";
import { ledgerSchema, pricesFileSchema, pricesSchema } from "../../ledger/index.ts";

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
    limits: limitsSchema,
    response_cache: responseCacheSchema,
    redis: redisSchema,
    ledger: ledgerSchema,
    guards: guardsSchema,
    firewall: firewallSchema,
    alerts: alertsSchema,
    canaries: canariesSchema,
    auth: authSchema,
    audit: auditSchema,
    telemetry: telemetrySchema,
    market: marketSchema,
    exchange: exchangeSchema,
    prices: pricesSchema,
    prices_file: pricesFileSchema,
  })
  .describe("Configuration of Tokligence Gateway.");

export type ParsedSettings = z.output<typeof settingsSchema>;
