import { trickle, type MatrixRow } from "./matrix-rows.ts";

/** Faults of connections, framing and bytes. */
export const transportRows: readonly MatrixRow[] = [
  {
    name: "refused",
    words: "refused → next target at once; none left: 502",
    play: { fault: "healthy" },
    at: "refused",
    cells: `
      openai-chat        json    502 upstream_unreachable | error 502 upstream_unreachable none | next target
      openai-chat        stream  502 upstream_unreachable | error 502 upstream_unreachable none | next target
      openai-responses   json    502 upstream_unreachable | error 502 upstream_unreachable none | next target
      openai-responses   stream  502 upstream_unreachable | error 502 upstream_unreachable none | next target
      anthropic-messages json    502 upstream_unreachable | error 502 upstream_unreachable none | next target
      anthropic-messages stream  502 upstream_unreachable | error 502 upstream_unreachable none | next target
      gemini-generate    json    502 upstream_unreachable | error 502 upstream_unreachable none | next target
      gemini-generate    stream  502 upstream_unreachable | error 502 upstream_unreachable none | next target
    `,
  },
  {
    name: "connect-swallowed",
    words: "SYN swallowed → connect timeout, next target",
    play: { fault: "healthy" },
    at: "swallowed",
    cells: `
      openai-chat        json    502 upstream_unreachable | error 502 upstream_unreachable none | next target
      openai-chat        stream  502 upstream_unreachable | error 502 upstream_unreachable none | next target
      openai-responses   json    502 upstream_unreachable | error 502 upstream_unreachable none | next target
      openai-responses   stream  502 upstream_unreachable | error 502 upstream_unreachable none | next target
      anthropic-messages json    502 upstream_unreachable | error 502 upstream_unreachable none | next target
      anthropic-messages stream  502 upstream_unreachable | error 502 upstream_unreachable none | next target
      gemini-generate    json    502 upstream_unreachable | error 502 upstream_unreachable none | next target
      gemini-generate    stream  502 upstream_unreachable | error 502 upstream_unreachable none | next target
    `,
  },
  {
    name: "bad-certificate",
    words: "bad certificate → 502, never an unverified connection",
    play: { fault: "healthy" },
    at: "certificate",
    cells: `
      openai-chat        json    502 upstream_unreachable | error 502 upstream_unreachable none | next target
      openai-chat        stream  502 upstream_unreachable | error 502 upstream_unreachable none | next target
      openai-responses   json    502 upstream_unreachable | error 502 upstream_unreachable none | next target
      openai-responses   stream  502 upstream_unreachable | error 502 upstream_unreachable none | next target
      anthropic-messages json    502 upstream_unreachable | error 502 upstream_unreachable none | next target
      anthropic-messages stream  502 upstream_unreachable | error 502 upstream_unreachable none | next target
      gemini-generate    json    502 upstream_unreachable | error 502 upstream_unreachable none | next target
      gemini-generate    stream  502 upstream_unreachable | error 502 upstream_unreachable none | next target
    `,
  },
  {
    name: "headers-never-come",
    words: "headers never come → streams: the time to the first byte, next target, then 504. JSON: only the total deadline",
    play: { fault: "hang-before-headers" },
    at: "hasty",
    cells: `
      openai-chat        json    504 upstream_timeout | error 504 upstream_timeout none | no other target
      openai-chat        stream  504 upstream_timeout | error 504 upstream_timeout none | next target
      openai-responses   json    504 upstream_timeout | error 504 upstream_timeout none | no other target
      openai-responses   stream  504 upstream_timeout | error 504 upstream_timeout none | next target
      anthropic-messages json    504 upstream_timeout | error 504 upstream_timeout none | no other target
      anthropic-messages stream  504 upstream_timeout | error 504 upstream_timeout none | next target
      gemini-generate    json    504 upstream_timeout | error 504 upstream_timeout none | no other target
      gemini-generate    stream  504 upstream_timeout | error 504 upstream_timeout none | next target
    `,
  },
  {
    name: "body-stalls",
    words: "body stalls → idle timeout: error in the stream; JSON: next target, then 504",
    play: { fault: "stall-in-body" },
    at: "stalling",
    cells: `
      openai-chat        json    504 upstream_timeout | error 504 upstream_timeout none | next target
      openai-chat        stream  part, then upstream_timeout | interrupted 200 upstream_timeout estimated | no other target
      openai-responses   json    504 upstream_timeout | error 504 upstream_timeout none | next target
      openai-responses   stream  part, then server_error | interrupted 200 upstream_timeout estimated | no other target
      anthropic-messages json    504 upstream_timeout | error 504 upstream_timeout none | next target
      anthropic-messages stream  part, then upstream_timeout | interrupted 200 upstream_timeout estimated | no other target
      gemini-generate    json    504 upstream_timeout | error 504 upstream_timeout none | next target
      gemini-generate    stream  part, then upstream_timeout | interrupted 200 upstream_timeout estimated | no other target
    `,
  },
  {
    name: "one-byte-a-second",
    words: "1 byte a second → total deadline",
    play: { fault: trickle },
    at: "limited",
    cells: `
      openai-chat        json    504 upstream_timeout | error 504 upstream_timeout none | no other target
      openai-chat        stream  504 upstream_timeout | error 504 upstream_timeout none | no other target
      openai-responses   json    504 upstream_timeout | error 504 upstream_timeout none | no other target
      openai-responses   stream  504 upstream_timeout | error 504 upstream_timeout none | no other target
      anthropic-messages json    504 upstream_timeout | error 504 upstream_timeout none | no other target
      anthropic-messages stream  504 upstream_timeout | error 504 upstream_timeout none | no other target
      gemini-generate    json    504 upstream_timeout | error 504 upstream_timeout none | no other target
      gemini-generate    stream  504 upstream_timeout | error 504 upstream_timeout none | no other target
    `,
  },
  {
    name: "reset-on-a-reused-socket",
    words: "reset before headers on a reused socket → one retry on a fresh one",
    play: { fault: "reset-on-reuse" },
    at: "reused",
    cells: `
      openai-chat        json    whole | ok 200 reported | no other target
      openai-chat        stream  whole | ok 200 reported | no other target
      openai-responses   json    whole | ok 200 reported | no other target
      openai-responses   stream  whole | ok 200 reported | no other target
      anthropic-messages json    whole | ok 200 reported | no other target
      anthropic-messages stream  whole | ok 200 reported | no other target
      gemini-generate    json    whole | ok 200 reported | no other target
      gemini-generate    stream  whole | ok 200 reported | no other target
    `,
  },
  {
    name: "reset-mid-body",
    words: "reset or end in mid-stream → error in the stream; never a truncated JSON as 200; usage recorded as interrupted",
    play: { fault: "reset-mid-body", settings: { beforeResetMs: 50 } },
    cells: `
      openai-chat        json    502 upstream_truncated | error 502 upstream_truncated none | next target
      openai-chat        stream  part, then upstream_truncated | interrupted 200 upstream_truncated estimated | no other target
      openai-responses   json    502 upstream_truncated | error 502 upstream_truncated none | next target
      openai-responses   stream  part, then server_error | interrupted 200 upstream_truncated estimated | no other target
      anthropic-messages json    502 upstream_truncated | error 502 upstream_truncated none | next target
      anthropic-messages stream  part, then upstream_truncated | interrupted 200 upstream_truncated estimated | no other target
      gemini-generate    json    502 upstream_truncated | error 502 upstream_truncated none | next target
      gemini-generate    stream  part, then upstream_truncated | interrupted 200 upstream_truncated estimated | no other target
    `,
  },
  {
    name: "content-length-too-long",
    words: "Content-Length too long → as an end in mid-stream, unless the dialect's own mark of the end has come",
    play: { fault: "content-length-too-long" },
    cells: `
      openai-chat        json    502 upstream_truncated | error 502 upstream_truncated none | next target
      openai-chat        stream  whole | ok 200 reported | no other target
      openai-responses   json    502 upstream_truncated | error 502 upstream_truncated none | next target
      openai-responses   stream  whole | ok 200 reported | no other target
      anthropic-messages json    502 upstream_truncated | error 502 upstream_truncated none | next target
      anthropic-messages stream  whole | ok 200 reported | no other target | translated: part, then upstream_truncated (interrupted 200 upstream_truncated reported)
      gemini-generate    json    502 upstream_truncated | error 502 upstream_truncated none | next target
      gemini-generate    stream  part, then upstream_truncated | interrupted 200 upstream_truncated reported | no other target | translated: whole (ok 200 reported)
    `,
  },
  {
    name: "last-chunk-missing",
    words: "last chunk missing → as an end in mid-stream, unless the dialect's own mark of the end has come",
    play: { fault: "chunked-without-last" },
    cells: `
      openai-chat        json    502 upstream_truncated | error 502 upstream_truncated none | next target
      openai-chat        stream  whole | ok 200 reported | no other target
      openai-responses   json    502 upstream_truncated | error 502 upstream_truncated none | next target
      openai-responses   stream  whole | ok 200 reported | no other target
      anthropic-messages json    502 upstream_truncated | error 502 upstream_truncated none | next target
      anthropic-messages stream  whole | ok 200 reported | no other target | translated: part, then upstream_truncated (interrupted 200 upstream_truncated reported)
      gemini-generate    json    502 upstream_truncated | error 502 upstream_truncated none | next target
      gemini-generate    stream  part, then upstream_truncated | interrupted 200 upstream_truncated reported | no other target | translated: whole (ok 200 reported)
    `,
  },
  {
    name: "bytes-after-the-body",
    words: "bytes after the body → the socket leaves the pool",
    play: { fault: "bytes-after-body" },
    cells: `
      openai-chat        json    whole | ok 200 reported | no other target
      openai-chat        stream  whole | ok 200 reported | no other target
      openai-responses   json    whole | ok 200 reported | no other target
      openai-responses   stream  whole | ok 200 reported | no other target
      anthropic-messages json    whole | ok 200 reported | no other target
      anthropic-messages stream  whole | ok 200 reported | no other target
      gemini-generate    json    whole | ok 200 reported | no other target
      gemini-generate    stream  whole | ok 200 reported | no other target
    `,
  },
  {
    name: "garbage",
    words: "garbage instead of HTTP → 502",
    play: { fault: "garbage" },
    cells: `
      openai-chat        json    502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      openai-chat        stream  502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      openai-responses   json    502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      openai-responses   stream  502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      anthropic-messages json    502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      anthropic-messages stream  502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      gemini-generate    json    502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      gemini-generate    stream  502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
    `,
  },
  {
    name: "html",
    words: "200 with HTML → 502",
    play: { fault: "html-200" },
    cells: `
      openai-chat        json    502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      openai-chat        stream  502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      openai-responses   json    502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      openai-responses   stream  502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      anthropic-messages json    502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      anthropic-messages stream  502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      gemini-generate    json    502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      gemini-generate    stream  502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
    `,
  },
  {
    name: "half-json",
    words: "half JSON → 502",
    play: { fault: "half-json" },
    cells: `
      openai-chat        json    502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      openai-chat        stream  502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      openai-responses   json    502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      openai-responses   stream  502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      anthropic-messages json    502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      anthropic-messages stream  502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      gemini-generate    json    502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      gemini-generate    stream  502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
    `,
  },
  {
    name: "bad-utf8",
    words: "bad UTF-8 → 502",
    play: { fault: "bad-utf8" },
    cells: `
      openai-chat        json    502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      openai-chat        stream  502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      openai-responses   json    502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      openai-responses   stream  502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      anthropic-messages json    502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      anthropic-messages stream  502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      gemini-generate    json    502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      gemini-generate    stream  502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
    `,
  },
  {
    name: "split-at-every-byte",
    words: "SSE split at any byte → the same result for every split",
    play: { fault: "sse-every-byte", isStream: true },
    // Some 80,000 turns of the event loop for all ways.
    ways: ["alone"],
    cells: `
      openai-chat        json    whole | ok 200 reported | no other target
      openai-chat        stream  whole | ok 200 reported | no other target
      openai-responses   json    whole | ok 200 reported | no other target
      openai-responses   stream  whole | ok 200 reported | no other target
      anthropic-messages json    whole | ok 200 reported | no other target
      anthropic-messages stream  whole | ok 200 reported | no other target
      gemini-generate    json    whole | ok 200 reported | no other target
      gemini-generate    stream  whole | ok 200 reported | no other target
    `,
  },
  {
    name: "event-without-end",
    words: "an event without end → cap 4 MiB, error, memory bounded",
    play: { fault: "sse-endless-event", isStream: true, settings: { capBytes: 5 * 2 ** 20 } },
    ways: ["alone", "translated"],
    cells: `
      openai-chat        json    502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      openai-chat        stream  502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      openai-responses   json    502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      openai-responses   stream  502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      anthropic-messages json    502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      anthropic-messages stream  502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      gemini-generate    json    502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
      gemini-generate    stream  502 upstream_invalid_response | error 502 upstream_invalid_response none | next target
    `,
  },
];
