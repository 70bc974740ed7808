import assert from "node:assert/strict";
import { test } from "node:test";
import type { MediaBlock } from "../../ir/index.ts";
import { normalizeMedia } from "./media-form.ts";

const base64 = (text: string): string => Buffer.from(text, "latin1").toString("base64");
const jpeg = base64("\xFF\xD8\xFF\xE0");
const png = base64("\x89PNG\r\n\x1A\n");
const pdf = base64("%PDF-1.7\n");
const wav = base64("RIFF\x01\x02\x03\x04WAVE");
const unknown = base64("\x00\x01\x02\x03");

const inline = (kind: MediaBlock["kind"], mediaType: string, data: string): MediaBlock => ({
  type: "media",
  kind,
  source: { type: "base64", mediaType, data },
});
const shown = (block: MediaBlock): unknown => {
  const { kind, source } = normalizeMedia(block);
  return source.type === "base64" ? [kind, source.mediaType, source.data] : [kind, source];
};

test("labels of types get the spelling that vendors accept", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["image/jpg", "image/jpeg"],
    ["IMAGE/JPG; charset=utf-8", "image/jpeg"],
    ["image/pjpeg", "image/jpeg"],
    ["audio/mp3", "audio/mpeg"],
    ["audio/x-wav", "audio/wav"],
    ["text/x-markdown;charset=utf-8", "text/markdown"],
  ];
  for (const [given, right] of cases) {
    const kind = given.slice(0, 5).toLowerCase() === "text/" ? "document" : (right.slice(0, 5) as "image" | "audio");
    assert.deepEqual(shown(inline(kind, given, unknown)), [kind, right, unknown]);
  }
});

test("the first bytes win over a label that is missing or another one's", () => {
  assert.deepEqual(shown(inline("image", "image/png", jpeg)), ["image", "image/jpeg", jpeg]);
  for (const nothing of ["", "image", "image/*", "application/octet-stream"])
    assert.deepEqual(shown(inline("image", nothing, png)), ["image", "image/png", png]);
  assert.deepEqual(shown(inline("audio", "audio/mpeg", wav)), ["audio", "audio/wav", wav]);
  assert.deepEqual(shown(inline("image", "image/heif", base64("\0\0\0\x18ftypheic"))), [
    "image",
    "image/heif",
    base64("\0\0\0\x18ftypheic"),
  ]);
});

test("a medium in another one's place is what it is", () => {
  assert.deepEqual(shown(inline("image", "application/pdf", pdf)), ["document", "application/pdf", pdf]);
  assert.deepEqual(shown(inline("image", "image/png", pdf)), ["document", "application/pdf", pdf]);
  assert.deepEqual(shown(inline("document", "image/jpg", jpeg)), ["image", "image/jpeg", jpeg]);
  assert.deepEqual(shown(inline("image", "video/mp4", unknown)), ["video", "video/mp4", unknown]);
  assert.deepEqual(shown(inline("image", "image/svg+xml", unknown)), ["document", "image/svg+xml", unknown]);
  const url = (kind: MediaBlock["kind"], address: string): MediaBlock => ({ type: "media", kind, source: { type: "url", url: address } });
  assert.deepEqual(shown(url("image", "https://a.example/b.PDF?c#d")), ["document", { type: "url", url: "https://a.example/b.PDF?c#d" }]);
  assert.deepEqual(shown(url("image", "https://a.example/b")), ["image", { type: "url", url: "https://a.example/b" }]);
});

test("data URLs are read in every form, and base64 gets the usual alphabet", () => {
  const image = (url: string): MediaBlock => ({ type: "media", kind: "image", source: { type: "url", url } });
  assert.deepEqual(shown(image(`DATA:image/jpg;name=a;BASE64,${jpeg}`)), ["image", "image/jpeg", jpeg]);
  assert.deepEqual(shown(inline("image", "image/jpg", `data:image/jpg;base64,${jpeg}`)), ["image", "image/jpeg", jpeg]);
  assert.deepEqual(shown(image("data:text/plain,a%20b")), ["document", "text/plain", base64("a b")]);
  assert.deepEqual(shown(image("data:image/svg+xml;utf8,<svg>100%</svg>")), ["document", "image/svg+xml", base64("<svg>100%</svg>")]);
  assert.deepEqual(shown(inline("document", "application/pdf", "-_\n8=")), ["document", "application/pdf", "+/8="]);
});

test("content without a type is known by its name, or is text if it reads as text", () => {
  const named = (filename: string | undefined, text: string): unknown =>
    shown({ ...inline("document", "application/octet-stream", base64(text)), ...(filename === undefined ? {} : { filename }) });
  assert.deepEqual(named("a.MD", "#"), ["document", "text/markdown", base64("#")]);
  assert.deepEqual(named("main.rs", "fn main() {}"), ["document", "text/plain", base64("fn main() {}")]);
  assert.deepEqual(named(undefined, "\x00\xFF"), ["document", "application/octet-stream", base64("\x00\xFF")]);
});

test("a medium in order is not copied", () => {
  const block = inline("image", "image/jpeg", jpeg);
  assert.equal(normalizeMedia(block), block);
});
