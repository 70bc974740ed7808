import type * as z from "zod";
import type { Principal } from "../../../accounts/index.ts";
import type { Access } from "../../route-table.ts";
import type { AnswerWithHeaders } from "../answer-with-headers.ts";
import type { CallOrigin } from "../call-origin.ts";
import type { TextStream } from "../text-stream.ts";

/**
 * The input and output of an admin operation. The HTTP API, the command line, the library and `docs/openapi.json` are typed from it. Contracts contain no
 * code of the operation, so that a client can use them without a server.
 */
export interface OperationContract {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** At most one part of it is a parameter, in braces: `/api/v1/users/{id}`. */
  readonly path: string;
  readonly access: Access;
  /** One sentence for people. */
  readonly summary: string;
  /** Status of success; 200 if omitted. */
  readonly status?: number;
  /** Query parameters: an object of optional texts. Any other parameter is refused. */
  readonly query?: z.ZodObject;
  /** The JSON body of a POST or PATCH. */
  readonly body?: z.ZodType;
  readonly answer: z.ZodType;
  /** The operation can also answer with a long text: media types by value of the query parameter `format`. */
  readonly texts?: Readonly<Record<string, string>>;
}

type OutputOf<S, Otherwise> = S extends z.ZodType ? z.output<S> : Otherwise;
type InputOf<S> = S extends z.ZodType ? z.input<S> : never;

/** A client's input: the parameter of the path, query and body, each only if the contract has it. */
export type InputOfContract<C extends OperationContract> = (C["path"] extends `${string}{${string}` ? { readonly param: string } : object) &
  (C extends { readonly query: infer Q } ? { readonly query?: InputOf<Q> } : object) &
  (C extends { readonly body: infer B } ? { readonly body: InputOf<B> } : object);

export type AnswerOfContract<C extends OperationContract> = z.output<C["answer"]>;
export type QueryOfContract<C extends OperationContract> = C extends { readonly query: infer Q } ? OutputOf<Q, object> : object;
export type BodyOfContract<C extends OperationContract> = C extends { readonly body: infer B } ? OutputOf<B, undefined> : undefined;

/** The arguments of an operation's code. */
export interface OperationContext<C extends OperationContract> {
  readonly principal: Principal;
  /** The path's parameter, decoded; "" if the path has none. */
  readonly param: string;
  readonly query: QueryOfContract<C>;
  readonly body: BodyOfContract<C>;
  /** From where the call comes; a command of this process if omitted. */
  readonly origin?: CallOrigin | undefined;
}

type Result<C extends OperationContract> =
  | AnswerOfContract<C>
  | AnswerWithHeaders<AnswerOfContract<C>>
  | (C extends { readonly texts: object } ? TextStream : never);

/** The code of each contract of a table. @throws GatewayError */
export type HandlersOf<Table extends Readonly<Record<string, OperationContract>>> = {
  readonly [N in keyof Table]: (context: OperationContext<Table[N]>) => Promise<Result<Table[N]>> | Result<Table[N]>;
};
