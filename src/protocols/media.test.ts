import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProtocolId } from "../ir/index.ts";
import { bodyOf, lossesOf } from "./testing.ts";
import { protocols, type RouteCall } from "./index.ts";
import type { RenderTarget } from "./translation.ts";

const base64 = (text: string): string => Buffer.from(text, "latin1").toString("base64");
const jpeg = base64("\xFF\xD8\xFF\xE0");
const gif = base64("GIF89a");
const pdf = base64("%PDF-1.7\n");

type Dialect = "openai-chat" | "openai-responses" | "anthropic-messages" | "gemini-generate";

/** A request with one medium in the place for images: its label and its base64. */
const requests: Readonly<Record<Dialect, (label: string, data: string) => object>> = {
  "openai-chat": (label, data) => ({
    model: "m",
    messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: `data:${label};base64,${data}` } }] }],
  }),
  "openai-responses": (label, data) => ({
    model: "m",
    input: [{ role: "user", content: [{ type: "input_image", image_url: `data:${label};base64,${data}` }] }],
  }),
  "anthropic-messages": (label, data) => ({
    model: "m",
    max_tokens: 99,
    messages: [{ role: "user", content: [{ type: "image", source: { type: "base64", media_type: label, data } }] }],
  }),
  "gemini-generate": (label, data) => ({ contents: [{ parts: [{ inline_data: { mime_type: label, data } }] }] }),
};

/** The first part of the user's turn as the upstream gets it. */
const partAt: Readonly<Record<Dialect, (body: Record<string, unknown>) => unknown>> = {
  "openai-chat": (body) => (body["messages"] as { content: unknown[] }[])[0]!.content[0],
  "openai-responses": (body) => (body["input"] as { content: unknown[] }[])[0]!.content[0],
  "anthropic-messages": (body) => (body["messages"] as { content: unknown[] }[])[0]!.content[0],
  "gemini-generate": (body) => (body["contents"] as { parts: unknown[] }[])[0]!.parts[0],
};
const models: Readonly<Record<Dialect, string>> = {
  "openai-chat": "gpt-4o",
  "openai-responses": "gpt-4o",
  "anthropic-messages": "claude-sonnet-4-5",
  "gemini-generate": "gemini-3-flash",
};

const images: Readonly<Record<Dialect, object>> = {
  "openai-chat": { type: "image_url", image_url: { url: `data:image/jpeg;base64,${jpeg}` } },
  "openai-responses": { type: "input_image", image_url: `data:image/jpeg;base64,${jpeg}`, detail: "auto" },
  "anthropic-messages": { type: "image", source: { type: "base64", media_type: "image/jpeg", data: jpeg } },
  "gemini-generate": { inlineData: { mimeType: "image/jpeg", data: jpeg } },
};
const documents: Readonly<Record<Dialect, object>> = {
  "openai-chat": { type: "file", file: { filename: "document.pdf", file_data: `data:application/pdf;base64,${pdf}` } },
  "openai-responses": { type: "input_file", file_data: `data:application/pdf;base64,${pdf}`, filename: "document.pdf" },
  "anthropic-messages": { type: "document", source: { type: "base64", media_type: "application/pdf", data: pdf } },
  "gemini-generate": { inlineData: { mimeType: "application/pdf", data: pdf } },
};

function targetOf(upstream: Dialect): RenderTarget {
  return { model: models[upstream], stream: false, quirks: {} };
}

function sent(dialect: Dialect, upstream: Dialect, label: string, data: string): readonly [unknown, readonly string[]] {
  const protocol = protocols.get(dialect)!;
  const route = protocol.routes.find(({ operation }) => operation === "generate")!;
  const call: RouteCall = { route, param: "m", query: "" };
  const request = protocol.parseRequest(requests[dialect](label, data), call);
  const rendered = protocols.get(upstream)!.upstream.renderRequest(request, targetOf(upstream));
  return [partAt[upstream](bodyOf(rendered)), lossesOf(rendered)];
}

const dialects = ["openai-chat", "openai-responses", "anthropic-messages", "gemini-generate"] as const satisfies readonly ProtocolId[];

for (const dialect of dialects) {
  for (const upstream of dialects.filter((each) => each !== dialect)) {
    test(`${dialect} to ${upstream}: an image reaches the model whatever its label, and a PDF in its place as a document (report 601)`, () => {
      for (const label of ["image/jpg", "IMAGE/JPEG", "image/jpeg;charset=utf-8", "image/png"])
        assert.deepEqual(sent(dialect, upstream, label, jpeg), [images[upstream], []], label);
      assert.deepEqual(sent(dialect, upstream, "application/pdf", pdf), [documents[upstream], []]);
    });
  }
}

test("an image that the vendor refuses is a text that says so, and a loss", () => {
  assert.deepEqual(sent("openai-chat", "gemini-generate", "image/gif", gif), [{ text: "[image left out]" }, ["dropped image"]]);
  const bitmap = [{ type: "text", text: "[image left out]" }, ["dropped image"]];
  assert.deepEqual(sent("openai-chat", "anthropic-messages", "image/bmp", base64("BM\0\0")), bitmap);
  assert.deepEqual(sent("openai-chat", "anthropic-messages", "image/gif", gif)[1], []);
  // A text alone is a string in Chat.
  assert.deepEqual(sent("anthropic-messages", "openai-chat", "image/tiff", base64("II*\0")), ["[", ["dropped image"]]);
  const left = { type: "input_text", text: "[image left out]" };
  assert.deepEqual(sent("anthropic-messages", "openai-responses", "image/tiff", base64("II*\0")), [left, ["dropped image"]]);
});

test("a picture that a model made and the client sends back is the model's picture at Gemini, and a loss elsewhere", () => {
  const image = { type: "image_url", image_url: { url: `data:image/jpeg;base64,${jpeg}` } };
  const messages = [
    { role: "user", content: "draw" },
    { role: "assistant", content: "Here.", images: [image] },
    { role: "user", content: "bluer" },
  ];
  const protocol = protocols.get("openai-chat")!;
  const call: RouteCall = { route: protocol.routes[0]!, param: "", query: "" };
  const request = protocol.parseRequest({ model: "m", messages }, call);
  const at = (upstream: Dialect): ReturnType<typeof lossesOf> =>
    lossesOf(protocols.get(upstream)!.upstream.renderRequest(request, targetOf(upstream)));
  const gemini = protocols.get("gemini-generate")!.upstream.renderRequest(request, targetOf("gemini-generate"));
  const { contents } = bodyOf(gemini) as { contents: { parts: unknown[] }[] };
  assert.deepEqual(contents[1]!.parts, [{ text: "Here." }, images["gemini-generate"]]);
  assert.deepEqual([at("gemini-generate"), at("anthropic-messages"), at("openai-responses")], [[], ["dropped image"], ["dropped image"]]);
});
