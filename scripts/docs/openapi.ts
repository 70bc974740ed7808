import * as z from "zod";
import { adminContracts, type OperationContract } from "../../src/server/index.ts";

const errorSchema = {
  type: "object",
  description: "The codes are in errors.md.",
  properties: {
    error: {
      type: "object",
      properties: {
        message: { type: "string" },
        type: { type: "string" },
        param: { type: ["string", "null"] },
        code: { type: ["string", "null"] },
      },
    },
  },
};

function schemaOf(schema: z.ZodType, io: "input" | "output"): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}

function parametersOf({ path, query }: OperationContract): object[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: "path", required: true, schema: { type: "string" } }));
  const inQuery = Object.entries(query?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: "query",
    schema: { type: "string" },
    ...(z.globalRegistry.get(schema)?.description === undefined ? {} : { description: z.globalRegistry.get(schema)?.description }),
  }));
  return [...inPath, ...inQuery];
}

function operationOf(name: string, contract: OperationContract): object {
  const { body, access, status = 200, answer, summary, texts = {} } = contract;
  const content = { "application/json": { schema: schemaOf(answer, "output") } };
  const others = Object.values(texts).map((type) => [type, { schema: { type: "string" } }] as const);
  const parameters = parametersOf(contract);
  return {
    operationId: name,
    summary,
    tags: [name.split(".")[0]],
    description: access === "admin" ? "Needs an admin's key." : "Needs any key.",
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: schemaOf(body, "input") } } } }),
    responses: {
      [status]: { description: "Success", content: { ...content, ...Object.fromEntries(others) } },
      default: { description: "An error", content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } } },
    },
  };
}

/** The operations that a port serves; those of the control socket alone are not in it. */
const served = Object.entries<OperationContract>(adminContracts).filter(([, { access }]) => access !== "control");

/** The text of `docs/openapi.json`: the admin API in OpenAPI 3.1, from the contracts of its operations. */
export function renderOpenApi(): string {
  const paths: Record<string, Record<string, object>> = {};
  for (const [name, contract] of served) {
    const methods = (paths[contract.path] ??= {});
    methods[contract.method.toLowerCase()] = operationOf(name, contract);
  }
  const document = {
    openapi: "3.1.0",
    info: { title: "Tokligence Gateway: admin API", version: "1", license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    servers: [{ url: "http://localhost:8081" }],
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer" } },
      schemas: { Error: errorSchema },
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** The text of `docs/admin-api.md`. */
export function renderAdminApiPage(): string {
  const rows = served.map(([name, { method, path, access, summary, query, body }]) => {
    const fields = body instanceof z.ZodObject ? Object.keys(body.shape) : [];
    const names = [...Object.keys(query?.shape ?? {}).map((field) => `?${field}`), ...fields];
    return `| \`${method} ${path}\` | \`${name}\` | ${access === "admin" ? "admin" : "any key"} | ${summary} | ${names.map((field) => `\`${field}\``).join(" ")} |`;
  });
  return `# Admin API

JSON over HTTP, under \`/api/v1\` of the gateway's port, with a key like any other request. A key with the role \`admin\` may call everything; any key may call \`/api/v1/me\`, for its own user.
The command line and the library call the same operations, over a socket beside the database that only its owner can open.

\`\`\`sh
curl -H "authorization: Bearer $TOKLIGENCE_ADMIN_KEY" http://localhost:8081/api/v1/users
\`\`\`

- Times are RFC 3339 in UTC. Money is a decimal string of US dollars. Ids begin with \`usr_\`, \`key_\`, \`req_\`; where a user is meant, its name does as well.
- An unknown query parameter or field is refused with a 400 that names it.
- Errors have the shape \`{"error": {"message", "type", "param", "code"}}\`; the codes are in [errors.md](errors.md).
- [\`openapi.json\`](openapi.json) beside this page has the types of all bodies and answers (OpenAPI 3.1).

| call | operation | who | what it does | query and body |
|---|---|---|---|---|
${rows.join("\n")}

This page and \`openapi.json\` are made by \`npm run docs\` from \`src/server/admin/contracts/\`.
`;
}
