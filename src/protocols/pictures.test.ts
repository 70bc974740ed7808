import assert from "node:assert/strict";
import { test } from "node:test";
import { latin1OfUtf8, SseSplitter } from "../core/index.ts";
import { collect, mediaOf, replay, type ChatResponse, type ProtocolId } from "../ir/index.ts";
import { protocols, type ClientContext } from "./index.ts";

const png = Buffer.from("\x89PNG\r\n\x1A\n", "latin1").toString("base64");
const client: ClientContext = { model: "m", includeUsage: false, jsonArray: false, request: { model: "m", stream: false, messages: [] } };

/** An answer that is a picture, of each vendor that makes some. */
const answers: Readonly<Partial<Record<ProtocolId, object>>> = {
  "openai-chat": {
    id: "1",
    model: "m",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: "", images: [{ type: "image_url", image_url: { url: `data:image/png;base64,${png}` } }] },
        finish_reason: "stop",
      },
    ],
  },
  "openai-responses": {
    id: "resp_1",
    model: "m",
    status: "completed",
    output: [{ type: "image_generation_call", id: "ig_1", status: "completed", result: png }],
  },
  "gemini-generate": {
    candidates: [{ content: { role: "model", parts: [{ inlineData: { mimeType: "image/png", data: png } }] }, finishReason: "STOP" }],
  },
};

const picturesIn = ({ content }: ChatResponse): readonly unknown[] => content.map(mediaOf).filter((media) => media !== undefined);
const picture = { type: "media", kind: "image", source: { type: "base64", mediaType: "image/png", data: png } };
const makers = Object.keys(answers) as readonly ProtocolId[];

for (const upstream of makers) {
  for (const dialect of makers) {
    test(`${upstream} to ${dialect}: a picture that the model made reaches the client, whole and streamed`, () => {
      const response = protocols.get(upstream)!.upstream.parseResponse(JSON.stringify(answers[upstream]));
      const shown = protocols.get(dialect)!;
      const whole = shown.upstream.parseResponse(shown.renderResponse(response, client));
      const encoder = shown.createStreamEncoder(client);
      const stream = replay(response)
        .map((event) => encoder.push(event))
        .join("");
      const decoder = shown.upstream.createStreamDecoder();
      const events = new SseSplitter().push(latin1OfUtf8(stream)).flatMap((event) => decoder.push(event));
      assert.deepEqual(picturesIn(whole), [picture]);
      assert.deepEqual(picturesIn(collect([...events, ...decoder.end()])), [picture]);
    });
  }
}
