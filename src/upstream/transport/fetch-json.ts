import type { UpstreamClient, UpstreamRequest } from "../types.ts";

export interface FetchedJson {
  readonly status: number;
  /** The parsed body; `undefined` if an error's body is not JSON. */
  readonly value: unknown;
}

/**
 * One small request of the gateway's own, outside a client's request.
 * @throws Error that says what went wrong: the failure's message, a body over `maxBytes`, a body that is not JSON, or a call that `signal` has ended.
 */
export function fetchJson(
  client: Pick<UpstreamClient, "dispatch">,
  request: UpstreamRequest,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<FetchedJson> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let status = 0;
    let size = 0;
    const call = client.dispatch(request, {
      onHead(answered) {
        status = answered;
      },
      onData(chunk) {
        size += chunk.length;
        chunks.push(chunk);
        if (size <= maxBytes) return;
        call.abort();
        reject(new Error(`Provider ${request.provider.name} answered more than ${maxBytes} bytes.`));
      },
      onEnd() {
        try {
          resolve({ status, value: JSON.parse(Buffer.concat(chunks).toString("utf8")) });
        } catch {
          if (status >= 400) resolve({ status, value: undefined });
          else reject(new Error(`Provider ${request.provider.name} answered ${status} with something that is not JSON.`));
        }
      },
      onFailure(failure) {
        reject(new Error(failure.message));
      },
    });
    const onAbort = (): void => {
      call.abort();
      reject(new Error(`The call to provider ${request.provider.name} was ended.`));
    };
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
  });
}
