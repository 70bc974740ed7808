import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { renderOpenApi } from "../../scripts/docs/openapi.ts";
import { adminContracts, type OperationContract } from "../../src/server/index.ts";

/** The parts of OpenAPI 3.1.0 (spec.openapis.org/oas/v3.1.0, section 4.8) that the document uses; every other field is an error. */
const reference = z.strictObject({ $ref: z.string().startsWith("#/components/") });
const typeName = z.enum(["string", "number", "integer", "boolean", "object", "array", "null"]);
/** JSON Schema 2020-12. */
const schema: z.ZodType = z.lazy(() =>
  z.strictObject({
    $ref: z.string().startsWith("#/components/schemas/").optional(),
    type: z.union([typeName, z.array(typeName)]).optional(),
    description: z.string().optional(),
    enum: z.array(z.string()).optional(),
    const: z.union([z.string(), z.number(), z.boolean()]).optional(),
    anyOf: z.array(schema).optional(),
    items: schema.optional(),
    properties: z.record(z.string(), schema).optional(),
    required: z.array(z.string()).optional(),
    additionalProperties: z.union([z.boolean(), schema]).optional(),
    propertyNames: schema.optional(),
    maxLength: z.int().optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    readOnly: z.boolean().optional(),
    default: z.unknown().optional(),
  }),
);
const content = z.record(z.string().regex(/^\w+\/[\w.+-]+$/), z.strictObject({ schema }));
const parameter = z.strictObject({
  name: z.string(),
  in: z.enum(["path", "query"]),
  required: z.literal(true).optional(),
  description: z.string().optional(),
  schema,
});
const response = z.strictObject({ description: z.string(), content });
const operation = z.strictObject({
  operationId: z.string(),
  summary: z.string(),
  description: z.string(),
  tags: z.array(z.string()),
  parameters: z.array(z.union([reference, parameter])).optional(),
  requestBody: z.strictObject({ required: z.boolean(), content }).optional(),
  responses: z.record(z.string().regex(/^(?:[2-5]\d\d|default)$/), z.union([reference, response])),
});
const openApi = z.strictObject({
  openapi: z.literal("3.1.0"),
  info: z.strictObject({ title: z.string(), version: z.string(), license: z.strictObject({ name: z.string(), identifier: z.string() }) }),
  servers: z.array(z.strictObject({ url: z.url() })),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  paths: z.record(z.string().startsWith("/"), z.partialRecord(z.enum(["get", "post", "patch", "put", "delete"]), operation)),
  components: z.strictObject({
    securitySchemes: z.record(z.string(), z.strictObject({ type: z.literal("http"), scheme: z.literal("bearer") })),
    responses: z.record(z.string(), response),
    parameters: z.record(z.string(), parameter),
    schemas: z.record(z.string().regex(/^[A-Za-z]\w*$/), schema),
  }),
});

const text = renderOpenApi();
const document = openApi.parse(JSON.parse(text));
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, one]) => ({ path, method, operation: one })),
);

test("the document is one of OpenAPI 3.1, and has each operation of the port once", () => {
  const served = Object.entries<OperationContract>(adminContracts).filter(([, { access }]) => access !== "control");
  assert.deepEqual(
    operations.map(({ path, method, operation: { operationId } }) => `${operationId} ${method} ${path}`).toSorted(),
    served.map(([name, { method, path }]) => `${name} ${method.toLowerCase()} ${path}`).toSorted(),
  );
});

test("every reference leads to a component, and every component is referred to", () => {
  const { securitySchemes: _, ...components } = document.components;
  const names = Object.entries(components).flatMap(([kind, byName]) => Object.keys(byName).map((name) => `#/components/${kind}/${name}`));
  const used = new Set([...text.matchAll(/"\$ref": "([^"]+)"/g)].map(([, ref]) => String(ref)));
  assert.deepEqual([...used].toSorted(), names.toSorted());
});

test("a path's parameter is among the parameters of each of its operations", () => {
  for (const {
    path,
    operation: { parameters = [], operationId },
  } of operations) {
    const inPath = parameters.flatMap((one) => ("in" in one && one.in === "path" ? [one.name] : []));
    assert.deepEqual(
      inPath,
      [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
      operationId,
    );
  }
});

test("no schema with properties of its own is written twice", () => {
  const seen = new Map<string, number>();
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if ("properties" in value) seen.set(JSON.stringify(value), (seen.get(JSON.stringify(value)) ?? 0) + 1);
    for (const inner of Object.values(value)) visit(inner);
  };
  visit(document);
  assert.deepEqual(
    [...seen].filter(([shape, count]) => count > 1 && shape.length > 200).map(([shape]) => shape),
    [],
  );
});
