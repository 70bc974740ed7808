import {
  adminContracts,
  type OperationAnswer,
  type OperationContract,
  type OperationInput,
  type OperationName,
} from "./contracts/index.ts";

/** Sends one call of the admin API: over the control socket, or to the operations in this process. */
export type AdminSender = (method: OperationContract["method"], target: string, body?: unknown) => Promise<unknown>;

type Rest<I> = object extends I ? readonly [input?: I] : readonly [input: I];

/** Calls an operation by its name, typed by its contract. @throws GatewayError as the operation does. */
export type AdminClient = <N extends OperationName>(name: N, ...rest: Rest<OperationInput<N>>) => Promise<OperationAnswer<N>>;

interface AnyInput {
  readonly param?: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
}

export function createAdminClient(send: AdminSender): AdminClient {
  return async (name, ...rest) => {
    const contract: OperationContract = adminContracts[name];
    const { param, query = {}, body }: AnyInput = rest[0] ?? {};
    const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const path = contract.path.replace(/\{\w+\}/, encodeURIComponent(param ?? ""));
    const target = given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`;
    return (await send(contract.method, target, body)) as never;
  };
}
