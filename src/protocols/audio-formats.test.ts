import assert from "node:assert/strict";
import { test } from "node:test";
import { protocols, type RenderQuirks, type RouteCall } from "./index.ts";
import type { ProtocolId } from "../ir/index.ts";

const clients = {
  "openai-chat": (format: string, data: string) => ({
    model: "m",
    messages: [{ role: "user", content: [{ type: "input_audio", input_audio: { data, format } }] }],
  }),
  "openai-responses": (format: string, data: string) => ({
    model: "m",
    input: [{ role: "user", content: [{ type: "input_audio", input_audio: { data, format } }] }],
  }),
  "gemini-generate": (format: string, data: string) => ({
    contents: [{ role: "user", parts: [{ inlineData: { mimeType: format.includes("/") ? format : `audio/${format}`, data } }] }],
  }),
} as const;
const servers: Readonly<Record<string, readonly [ProtocolId, RenderQuirks]>> = {
  OpenAI: ["openai-chat", {}],
  "OpenAI Responses": ["openai-responses", {}],
  "another Chat server": ["openai-chat", { noVendorFields: true }],
  "llama.cpp": ["openai-chat", { noVendorFields: true, audioFormats: ["wav", "mp3"] }],
  Gemini: ["gemini-generate", {}],
  Claude: ["anthropic-messages", {}],
};

/** What the server gets of a sound: the name of its format, the text in its place, or why it is refused. */
function sent(client: keyof typeof clients, format: string, server: string, data = "AAAA"): string {
  const [id, quirks] = servers[server]!;
  const route: RouteCall = { route: { method: "POST", path: "", operation: "generate" }, param: "m", query: "" };
  const request = protocols.get(client)!.parseRequest(clients[client](format, data), route);
  try {
    const { value } = protocols.get(id)!.upstream.renderRequest(request, { model: "m", stream: false, quirks });
    const match = /"format":"([^"]+)"|"mimeType":"([^"]+)"|(\[audio left out\])/.exec(value);
    return match?.[1] ?? match?.[2] ?? match?.[3] ?? value;
  } catch (error) {
    return (error as Error).message;
  }
}

const only = (format: string): string =>
  `"audio" cannot be served by the provider of this model: it takes sound as wav or mp3, not as ${format}. Convert the sound, or ask a model that takes it.`;

test("a sound reaches each server under the server's own name of its format, or is refused with the formats that the server takes", () => {
  const rows: Record<string, string[]> = {};
  for (const format of ["wav", "mp3", "ogg", "flac", "m4a", "aac", "aiff", "opus", "pcm16", "amr"])
    rows[format] = Object.keys(servers).map((server) => sent("openai-chat", format, server));
  const gone = "[audio left out]";
  assert.deepEqual(rows, {
    wav: ["wav", "wav", "wav", "wav", "audio/wav", gone],
    mp3: ["mp3", "mp3", "mp3", "mp3", "audio/mpeg", gone],
    ogg: [only("ogg"), only("ogg"), "ogg", only("ogg"), "audio/ogg", gone],
    flac: [only("flac"), only("flac"), "flac", only("flac"), "audio/flac", gone],
    m4a: [only("m4a"), only("m4a"), "m4a", only("m4a"), "audio/m4a", gone],
    aac: [only("aac"), only("aac"), "aac", only("aac"), "audio/aac", gone],
    aiff: [only("aiff"), only("aiff"), "aiff", only("aiff"), "audio/aiff", gone],
    opus: [only("opus"), only("opus"), "opus", only("opus"), "audio/opus", gone],
    pcm16: [only("pcm16"), only("pcm16"), "pcm16", only("pcm16"), "audio/pcm", gone],
    amr: [
      only("amr"),
      only("amr"),
      "amr",
      only("amr"),
      `"audio" cannot be served by the provider of this model: it takes no audio/amr. Convert the sound to wav, mp3, aiff, aac, ogg or flac.`,
      gone,
    ],
  });
});

test("clients' other names of a format mean the same, and the first bytes of a sound win over its label", () => {
  const names: readonly (readonly [keyof typeof clients, string, string])[] = [
    ["gemini-generate", "audio/mp3", "mp3"],
    ["gemini-generate", "audio/mpeg", "mp3"],
    ["gemini-generate", "audio/x-wav", "wav"],
    ["gemini-generate", "AUDIO/WAV; codecs=1", "wav"],
    ["gemini-generate", "audio/x-m4a", "m4a"],
    ["gemini-generate", "audio/mp4", "m4a"],
    ["gemini-generate", "audio/L16;rate=16000", "pcm16"],
    ["gemini-generate", "audio/x-aiff", "aiff"],
    ["openai-responses", "MP3", "mp3"],
    ["openai-responses", "audio/flac", "flac"],
    ["openai-chat", "oga", "ogg"],
    ["openai-chat", "aif", "aiff"],
  ];
  assert.deepEqual(
    names.map(([client, format]) => sent(client, format, "another Chat server")),
    names.map(([, , name]) => name),
  );
  const bytes = (head: string): string => Buffer.from(head.padEnd(32, "\0"), "latin1").toString("base64");
  assert.deepEqual(
    [bytes("OggS"), bytes("fLaC"), bytes("FORM0000AIFF"), bytes("ID3")].map((data) =>
      sent("openai-chat", "wav", "another Chat server", data),
    ),
    ["ogg", "flac", "aiff", "mp3"],
  );
});
