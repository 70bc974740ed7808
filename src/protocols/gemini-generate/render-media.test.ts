import assert from "node:assert/strict";
import { test } from "node:test";
import type { Block, ChatRequest, Message } from "../../ir/index.ts";
import { bodyOf, lossesOf, toolCall } from "../testing.ts";
import type { Rendered, RenderTarget } from "../translation.ts";
import { renderRequest } from "./render-request.ts";

const user: Message = { role: "user", content: [{ type: "text", text: "hi" }] };

function targetOf(model: string, quirks: RenderTarget["quirks"] = {}): RenderTarget {
  return { model, stream: false, quirks };
}

function render(request: Partial<ChatRequest>, model = "gemini-2.5-flash", quirks: RenderTarget["quirks"] = {}): Rendered<string> {
  return renderRequest({ model: "alias", stream: false, messages: [user], ...request }, targetOf(model, quirks));
}

function resultOf(callId: string, ...content: Block[]): Message {
  return { role: "user", content: [{ type: "tool-result", callId, content }] };
}

test("images of a result are beside it on models that accept none inside", () => {
  const image: Block = { type: "media", kind: "image", source: { type: "base64", mediaType: "image/png", data: "AA==" } };
  const { contents } = bodyOf(
    render({
      messages: [
        user,
        { role: "assistant", content: [toolCall("a", "t", "{}"), toolCall("b", "t", "{}")] },
        resultOf("a", image),
        resultOf("b"),
      ],
    }),
  ) as {
    contents: unknown[];
  };
  assert.deepEqual(contents[2], {
    role: "user",
    parts: [
      { functionResponse: { id: "a", name: "t", response: { output: "" } } },
      { functionResponse: { id: "b", name: "t", response: { output: "" } } },
      { inlineData: { mimeType: "image/png", data: "AA==" } },
    ],
  });
});

test("files are rendered: of the vendor's store, of an address, of another vendor's store", () => {
  const media = (source: Extract<Block, { type: "media" }>["source"]): Block => ({ type: "media", kind: "image", source });
  const rendered = render({
    messages: [
      {
        role: "user",
        content: [
          media({ type: "file", id: "files/1", mediaType: "image/png" }),
          media({ type: "url", url: "https://x/y.webp?z" }),
          media({ type: "file", id: "file-1" }),
        ],
      },
    ],
  });
  assert.deepEqual(bodyOf(rendered)["contents"], [
    {
      role: "user",
      parts: [
        { fileData: { fileUri: "https://generativelanguage.googleapis.com/v1beta/files/1", mimeType: "image/png" } },
        { fileData: { fileUri: "https://x/y.webp?z", mimeType: "image/webp" } },
        { text: "[image left out]" },
      ],
    },
  ]);
  assert.deepEqual(lossesOf(rendered), ["dropped image"]);
});
