import type { NodeApi } from "./node-api.ts";
import { RequestFrames } from "./read-frames.ts";
import type { FrameWriter } from "./sealed-exchange.ts";

/** The connection of a sealed request, however it has come. */
export interface ServedConnection {
  readonly bytes: AsyncIterable<Buffer>;
  readonly writer: FrameWriter;
  /** Calls once the connection is over, also if it is already. `isWhole`: all that was written has left. */
  readonly onClose: (callback: (isWhole: boolean) => void) => void;
}

/** A sealed request: its frames in, the frames of its answer out. What is wrong before the head of the answer is a plain refusal. @throws MarketRefusal */
export async function serveRequest({ seller }: NodeApi, { bytes, writer, onClose }: ServedConnection, mostBytes: number): Promise<void> {
  const frames = new RequestFrames(bytes);
  const accepted = await seller.accept(await frames.open());
  let plain: Buffer;
  try {
    plain = await frames.request(accepted.opener, mostBytes);
  } catch (error) {
    await accepted.fail();
    throw error;
  }
  await accepted.run(plain, writer, onClose);
}
