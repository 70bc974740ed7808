import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProtocolId } from "../../ir/index.ts";
import { protocols } from "../index.ts";
import { readLooseMedia } from "./loose-media.ts";

const base64 = (text: string): string => Buffer.from(text, "latin1").toString("base64");
const jpeg = base64("\xFF\xD8\xFF\xE0");
const pdf = base64("%PDF-1.7\n");
const wav = base64("RIFF\x01\x02\x03\x04WAVE");
const dataUrl = `data:image/jpeg;base64,${jpeg}`;

/** Shapes of agents' frameworks, and what is in them. */
const shapes: readonly (readonly [part: object, kind: string, source: object])[] = [
  [{ type: "image_url", url: dataUrl }, "image", { type: "url", url: dataUrl }],
  [{ type: "image", image: dataUrl }, "image", { type: "url", url: dataUrl }],
  [{ type: "image", image: jpeg, mediaType: "image/jpeg" }, "image", { type: "base64", mediaType: "image/jpeg", data: jpeg }],
  [{ type: "image", data: jpeg, mimeType: "image/jpeg" }, "image", { type: "base64", mediaType: "image/jpeg", data: jpeg }],
  [
    { type: "image", source_type: "base64", mime_type: "image/jpeg", data: jpeg },
    "image",
    { type: "base64", mediaType: "image/jpeg", data: jpeg },
  ],
  [{ type: "image", base64: jpeg }, "image", { type: "base64", mediaType: "", data: jpeg }],
  [{ type: "image", source: { type: "base64", data: jpeg } }, "image", { type: "base64", mediaType: "", data: jpeg }],
  [{ type: "media", mime_type: "image/jpeg", data: jpeg }, "document", { type: "base64", mediaType: "image/jpeg", data: jpeg }],
  [{ type: "file", data: pdf, mediaType: "application/pdf" }, "document", { type: "base64", mediaType: "application/pdf", data: pdf }],
  [{ type: "file", file: { url: "https://a.ch/a.pdf" } }, "document", { type: "url", url: "https://a.ch/a.pdf" }],
  [{ type: "document_url", document_url: "https://a.ch/a.pdf" }, "document", { type: "url", url: "https://a.ch/a.pdf" }],
  [{ type: "audio_url", audio_url: { url: "https://a.ch/a.wav" } }, "audio", { type: "url", url: "https://a.ch/a.wav" }],
  [{ type: "audio", audio: { data: wav, format: "wav" } }, "audio", { type: "base64", mediaType: "audio/wav", data: wav }],
  [{ type: "video_url", video_url: "https://a.ch/v.mp4" }, "video", { type: "url", url: "https://a.ch/v.mp4" }],
  [{ inline_data: { mime_type: "image/jpeg", data: jpeg } }, "document", { type: "base64", mediaType: "image/jpeg", data: jpeg }],
];

test("media of the shapes of agents' frameworks are read", () => {
  for (const [part, kind, source] of shapes)
    assert.deepEqual(readLooseMedia(part as Record<string, unknown>), { type: "media", kind, source });
});

test("what is no medium, or one of an unknown type, is not read as one", () => {
  const others: readonly object[] = [
    { type: "image" },
    { type: "image", source: { type: "base64", data: "AA==" } },
    { type: "image", image: "not base64!" },
    { type: "server_tool_use", input: { url: "https://a.ch" } },
    { data: jpeg },
  ];
  for (const part of others) assert.equal(readLooseMedia(part as Record<string, unknown>), undefined, JSON.stringify(part));
});

const bodies: Readonly<Partial<Record<ProtocolId, (part: object) => object>>> = {
  "openai-chat": (part) => ({ model: "m", messages: [{ role: "user", content: [part] }] }),
  "openai-responses": (part) => ({ model: "m", input: [{ role: "user", content: [part] }] }),
  "anthropic-messages": (part) => ({ model: "m", max_tokens: 9, messages: [{ role: "user", content: [part] }] }),
  "gemini-generate": (part) => ({ contents: [{ parts: [part] }] }),
};

for (const [id, body] of Object.entries(bodies)) {
  test(`${id}: a medium of any shape is a medium`, () => {
    const protocol = protocols.get(id as ProtocolId)!;
    const route = protocol.routes.find(({ operation }) => operation === "generate")!;
    for (const [part] of shapes) {
      const { messages } = protocol.parseRequest(body(part), { route, param: "m", query: "" });
      assert.deepEqual(
        messages.flatMap(({ content }) => content.map(({ type }) => type)),
        ["media"],
        JSON.stringify(part),
      );
    }
  });
}
