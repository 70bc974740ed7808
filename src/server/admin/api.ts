import type * as z from "zod";
import type { Principal } from "../../accounts/index.ts";
import { GatewayError, hasMoreValues, latin1OfUtf8, parseLatin1, bytesOf, viaHeader } from "../../core/index.ts";
import { StoreError } from "../../store/index.ts";
import type { HttpExchange } from "../http/exchange.ts";
import { createRouteTable, type Route } from "../route-table.ts";
import type { CallOrigin } from "./call-origin.ts";
import type { AdminSender } from "./client.ts";
import type { HandlersOf, OperationContract } from "./contracts/contract.ts";
import { AnswerWithHeaders } from "./answer-with-headers.ts";
import { TextStream } from "./text-stream.ts";
import { defaultDialect } from "../../protocols/index.ts";

/** One operation of the admin API. It knows no HTTP, so that the command line can call it without a server. */
export interface AdminOperation extends OperationContract {
  /** `users.create`. */
  readonly name: string;
  /** What it returns is the answer's JSON, or a `TextStream`. @throws GatewayError */
  run(context: CallContext): unknown;
}

/** A call before any check. */
export interface CallContext {
  readonly principal: Principal;
  readonly param: string;
  readonly query: URLSearchParams;
  /** The parsed JSON body; `undefined` if there was none. */
  readonly body: unknown;
  /** From where; a command of this process if omitted. */
  readonly origin?: CallOrigin;
}

/** Joins contracts and their code. Query and body are checked against the contract before the code runs. */
export function operationsOf<Table extends Readonly<Record<string, OperationContract>>>(
  contracts: Table,
  handlers: HandlersOf<Table>,
): AdminOperation[] {
  return Object.entries(contracts).map(([name, contract]) => {
    const handler = handlers[name] as (context: object) => unknown;
    return {
      ...contract,
      name,
      run({ principal, param, query, body, origin }) {
        checkQuery(contract, query);
        return handler({
          principal,
          param,
          origin,
          query: Object.fromEntries(query),
          body: contract.body === undefined ? undefined : readBody(contract.body, body),
        });
      },
    };
  });
}

/** The operations as rows of the route table. */
export function adminRoutes(operations: readonly AdminOperation[], channel: CallOrigin["channel"] = "http"): Route[] {
  return operations.map((operation) => ({
    method: operation.method,
    path: operation.path,
    access: operation.access,
    dialect: defaultDialect,
    async handle(exchange: HttpExchange, { principal, param, query }) {
      const body =
        operation.body !== undefined || operation.method === "POST" ? parseBody(await exchange.readBody(maxBodyBytes)) : undefined;
      const origin = { channel, address: exchange.remoteAddress, headers: exchange.headers };
      const result = await runOperation(operation, { principal, param, query: new URLSearchParams(query), body, origin });
      if (result instanceof TextStream) {
        await sendText(exchange, result);
        return;
      }
      const own = result instanceof AnswerWithHeaders ? result.headers : [];
      exchange.json(
        operation.status ?? 200,
        ["content-type", "application/json", "cache-control", "no-store", ...own],
        `${JSON.stringify(result ?? null)}\n`,
      );
    },
  }));
}

/** Admins read what is wrong with the database, and what to do; users read that the gateway has a fault. */
async function runOperation(operation: AdminOperation, context: CallContext): Promise<unknown> {
  try {
    return await operation.run(context);
  } catch (error) {
    if (!(error instanceof StoreError) || operation.access === "user") throw error;
    throw new GatewayError("internal_error", error.message, { status: 503, kind: "overloaded", cause: error });
  }
}

/** Refuses unknown parameters, as a misspelt one must not look as if it had an effect, and a call without one that it needs. */
function checkQuery({ query: schema }: OperationContract, query: URLSearchParams): void {
  const shape = schema?.shape ?? {};
  const names = Object.keys(shape);
  const unknown = [...query.keys()].find((name) => !names.includes(name));
  if (unknown !== undefined) {
    const known = names.length === 0 ? "There are none" : `There are ${names.join(", ")}`;
    throw new GatewayError("invalid_request", `"${unknown.slice(0, 40)}" is no parameter here. ${known}.`, { param: unknown.slice(0, 40) });
  }
  const missing = names.find((name) => !query.has(name) && !(shape[name] as z.ZodType).safeParse(undefined).success);
  if (missing !== undefined) throw new GatewayError("invalid_request", `The parameter "${missing}" is missing.`, { param: missing });
}

/** The head goes out with the first text, so that what fails before it is an error in JSON. What fails later cuts the answer off, which clients notice. */
async function sendText(exchange: HttpExchange, { contentType, fileName, chunks }: TextStream): Promise<void> {
  const start = (): void => {
    if (exchange.answered) return;
    const disposition = `attachment; filename="${fileName}"`;
    exchange.streamHead(200, ["content-type", contentType, "content-disposition", disposition, "cache-control", "no-store"]);
  };
  for await (const text of chunks) {
    start();
    if (!exchange.chunk(latin1OfUtf8(text))) await drained(exchange);
    if (exchange.closed) return;
  }
  start();
  exchange.finish();
}

/** A client that reads nothing for this time counts as gone. */
const maxStallMs = 60_000;

/** Resolves when the client has read what was sent, or has left; one that does neither is cut off. */
function drained(exchange: HttpExchange): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      exchange.abort();
      resolve();
    }, maxStallMs);
    timer.unref();
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    exchange.onDrain(end);
    exchange.onLeave(end);
  });
}

/** The limit of a body of the admin API, far below that of model requests. */
const maxBodyBytes = 1024 * 1024;
const maxBodyValues = 10_000;

function parseBody(parts: readonly Buffer[]): unknown {
  const text = bytesOf(Buffer.concat(parts));
  if (hasMoreValues(text, maxBodyValues))
    throw new GatewayError(
      "body_too_complex",
      `The body holds more than ${maxBodyValues} values and names, the limit for an admin operation.`,
    );
  return text.trim() === "" ? undefined : parseLatin1(text);
}

/** Calls the operations in this process, for commands while no daemon runs. @throws GatewayError as the operation does. */
export function createLocalSender(operations: readonly AdminOperation[], principal: Principal, via?: "assistant"): AdminSender {
  const origin: CallOrigin = { channel: "command", address: "", headers: via === undefined ? {} : { [viaHeader]: via } };
  const routes = adminRoutes(operations);
  const byRoute = new Map(routes.map((route, i) => [route, operations[i]!]));
  const table = createRouteTable(routes);
  return async (method, target, body) => {
    const url = new URL(target, "http://local");
    const match = table.match(method, url.pathname);
    if (match === undefined) throw new GatewayError("not_found", `There is no ${method} ${url.pathname}.`);
    const operation = byRoute.get(match.route)!;
    return await operation.run({ principal, param: match.param, query: url.searchParams, body, origin });
  };
}

/** An unknown field's name comes from the client, and may be long. */
const maxMessageLength = 300;

/** Reads a body with a schema. @throws GatewayError `invalid_request` that names the field. */
function readBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const param = issue.code === "unrecognized_keys" ? issue.keys[0]!.slice(0, 100) : issue.path.join(".");
  const subject = param === "" || issue.code === "unrecognized_keys" ? "The body" : `"${param}"`;
  throw new GatewayError(
    "invalid_request",
    `${`${subject}${problemOf(issue)}`.slice(0, maxMessageLength)}.`,
    param === "" ? {} : { param },
  );
}

/** What people read in place of the validator's own words. */
function problemOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_value") return ` must be ${issue.values.map(String).join(" or ")}`;
  if (issue.code === "too_big") return ` is longer than ${String(issue.maximum)} characters`;
  return `: ${issue.message}`;
}
