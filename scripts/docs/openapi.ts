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

/** Schemas and parameters that several operations share, by name; operations refer to them. */
class Components {
  readonly schemas = new Map<string, object>([["Error", errorSchema]]);
  readonly parameters = new Map<string, object>();

  /** A schema whose parts with an id (`.meta({ id })`) are references. @throws Error if two schemas have one id. */
  schemaOf(schema: z.ZodType, io: "input" | "output"): object {
    const { $schema: _, $defs = {}, ...rest } = z.toJSONSchema(schema, { io });
    for (const [id, part] of Object.entries($defs)) this.#add(id, referring(part));
    return referring(rest);
  }

  #add(id: string, schema: object): void {
    const known = this.schemas.get(id);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(schema)) throw new Error(`Two schemas have the id ${id}.`);
    this.schemas.set(id, schema);
  }

  /** A query parameter: of several with one name, the first is named by it, and others by name and number. */
  parameterOf(name: string, parameter: object): object {
    const text = JSON.stringify(parameter);
    for (let number = 1; ; number++) {
      const key = number === 1 ? name : `${name}_${number}`;
      const known = this.parameters.get(key);
      if (known === undefined) this.parameters.set(key, parameter);
      if (known === undefined || JSON.stringify(known) === text) return { $ref: `#/components/parameters/${key}` };
    }
  }
}

/** References within a document of their own become those of the whole. */
function referring(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/')) as object;
}

function parametersOf({ path, query }: OperationContract, components: Components): object[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: "path", required: true, schema: { type: "string" } }));
  const inQuery = Object.entries(query?.shape ?? {}).map(([name, schema]) => {
    const description = z.globalRegistry.get(schema)?.description;
    return components.parameterOf(name, {
      name,
      in: "query",
      schema: { type: "string" },
      ...(description === undefined ? {} : { description }),
    });
  });
  return [...inPath, ...inQuery];
}

function operationOf(name: string, contract: OperationContract, components: Components): object {
  const { body, access, status = 200, answer, summary, texts = {} } = contract;
  const content = { "application/json": { schema: components.schemaOf(answer, "output") } };
  const others = Object.values(texts).map((type) => [type, { schema: { type: "string" } }] as const);
  const parameters = parametersOf(contract, components);
  return {
    operationId: name,
    summary,
    tags: [name.split(".")[0]],
    description: access === "admin" ? "Needs an admin's key." : "Needs any key.",
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: components.schemaOf(body, "input") } } } }),
    responses: {
      [status]: { description: "Success", content: { ...content, ...Object.fromEntries(others) } },
      default: { $ref: "#/components/responses/Error" },
    },
  };
}

/** The operations that a port serves; those of the control socket alone are not in it. */
const served = Object.entries<OperationContract>(adminContracts).filter(([, { access }]) => access !== "control");

/** The text of `docs/openapi.json`: the admin API in OpenAPI 3.1, from the contracts of its operations. */
export function renderOpenApi(): string {
  const paths: Record<string, Record<string, object>> = {};
  const components = new Components();
  for (const [name, contract] of served) {
    const methods = (paths[contract.path] ??= {});
    methods[contract.method.toLowerCase()] = operationOf(name, contract, components);
  }
  const document = {
    openapi: "3.1.0",
    info: { title: "Tokligence Gateway: admin API", version: "1", license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    servers: [{ url: "http://localhost:8081" }],
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer" } },
      responses: {
        Error: { description: "An error", content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } } },
      },
      parameters: Object.fromEntries([...components.parameters].toSorted(byName)),
      schemas: Object.fromEntries([...components.schemas].toSorted(byName)),
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function byName([a]: readonly [string, object], [b]: readonly [string, object]): number {
  return a < b ? -1 : 1;
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
