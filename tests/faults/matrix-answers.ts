import { gzipBomb, type MatrixRow } from "./matrix-rows.ts";

/** Faults of what an answer says: streams, statuses, usage. */
export const answerRows: readonly MatrixRow[] = [
  {
    name: "no-end-with-finish",
    words: "no [DONE], no message_stop, finish reason seen → complete it",
    play: { fault: "sse-no-end-with-finish", isStream: true },
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
    name: "no-end-without-finish",
    words: "no [DONE], no message_stop, finish reason not seen → error, truncated",
    play: { fault: "sse-no-end-without-finish", isStream: true },
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
    name: "data-after-the-end",
    words: "data after the end → ignored; Gemini has no mark of the end, and a chunk after the stop reason may belong to the answer",
    play: { fault: "sse-data-after-end", isStream: true },
    cells: `
      openai-chat        json    whole | ok 200 reported | no other target
      openai-chat        stream  whole | ok 200 reported | no other target
      openai-responses   json    whole | ok 200 reported | no other target
      openai-responses   stream  whole | ok 200 reported | no other target
      anthropic-messages json    whole | ok 200 reported | no other target | translated: whole: Hello wörld ✓ 🚀 and good bye. wörld ✓
      anthropic-messages stream  whole | ok 200 reported | no other target | translated: whole: Hello wörld ✓ 🚀 and good bye. wörld ✓
      gemini-generate    json    whole: Hello wörld ✓ 🚀 and good bye. wörld ✓ | ok 200 reported | no other target | translated: whole
      gemini-generate    stream  whole: Hello wörld ✓ 🚀 and good bye. wörld ✓ | ok 200 reported | no other target | translated: whole
    `,
  },
  {
    name: "unknown-events",
    words: "unknown events → ignored",
    play: { fault: "sse-unknown-events", isStream: true },
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
    name: "deltas-without-start",
    words: "deltas without a start → error without a crash, or passed on where no start is needed",
    play: { fault: "sse-delta-without-start", isStream: true },
    cells: `
      openai-chat        json    502 upstream_invalid_response | error 502 upstream_invalid_response reported | next target | translated: whole without text (ok 200 reported)
      openai-chat        stream  whole without text | ok 200 reported | no other target
      openai-responses   json    whole without text | ok 200 reported | no other target | translated: 502 upstream_invalid_response (error 502 upstream_invalid_response reported)
      openai-responses   stream  whole without text | ok 200 reported | no other target | translated: 502 upstream_invalid_response (error 502 upstream_invalid_response reported)
      anthropic-messages json    whole without text | ok 200 reported | no other target
      anthropic-messages stream  whole without text | ok 200 reported | no other target
      gemini-generate    json    whole without text | ok 200 reported | no other target
      gemini-generate    stream  whole without text | ok 200 reported | no other target
    `,
  },
  {
    name: "bad-gzip",
    words: "bad gzip → 502",
    play: { fault: "bad-gzip" },
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
    name: "gzip-bomb",
    words: "a gzip bomb → capped; 502",
    play: { fault: gzipBomb },
    // Each takes some 50 ms of computing.
    ways: ["alone"],
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
    name: "status-429",
    words: "429 with Retry-After → another key or target; else 429",
    play: { fault: "429-retry-seconds" },
    cells: `
      openai-chat        json    429 rate_limit_exceeded | error 429 rate_limited none | next target
      openai-chat        stream  429 rate_limit_exceeded | error 429 rate_limited none | next target
      openai-responses   json    429 rate_limit_exceeded | error 429 rate_limited none | next target
      openai-responses   stream  429 rate_limit_exceeded | error 429 rate_limited none | next target
      anthropic-messages json    429 rate_limited | error 429 rate_limited none | next target
      anthropic-messages stream  429 rate_limited | error 429 rate_limited none | next target
      gemini-generate    json    429 rate_limited | error 429 rate_limited none | next target
      gemini-generate    stream  429 rate_limited | error 429 rate_limited none | next target
    `,
  },
  {
    name: "status-503",
    words: "503 → next target",
    play: { fault: "status-503" },
    cells: `
      openai-chat        json    503 server_overloaded | error 503 upstream_error none | next target | translated: 503 upstream_error
      openai-chat        stream  503 server_overloaded | error 503 upstream_error none | next target | translated: 503 upstream_error
      openai-responses   json    503 server_overloaded | error 503 upstream_error none | next target
      openai-responses   stream  503 server_overloaded | error 503 upstream_error none | next target
      anthropic-messages json    503 upstream_error | error 503 upstream_error none | next target
      anthropic-messages stream  503 upstream_error | error 503 upstream_error none | next target
      gemini-generate    json    503 upstream_error | error 503 upstream_error none | next target
      gemini-generate    stream  503 upstream_error | error 503 upstream_error none | next target
    `,
  },
  {
    name: "status-529",
    words: "529 → next target",
    play: { fault: "status-529" },
    cells: `
      openai-chat        json    503 server_error | error 503 upstream_error none | next target | translated: 503 upstream_error
      openai-chat        stream  503 server_error | error 503 upstream_error none | next target | translated: 503 upstream_error
      openai-responses   json    503 server_error | error 503 upstream_error none | next target | translated: 503 upstream_error
      openai-responses   stream  503 server_error | error 503 upstream_error none | next target | translated: 503 upstream_error
      anthropic-messages json    529 upstream_error | error 529 upstream_error none | next target
      anthropic-messages stream  529 upstream_error | error 529 upstream_error none | next target
      gemini-generate    json    503 upstream_error | error 503 upstream_error none | next target
      gemini-generate    stream  503 upstream_error | error 503 upstream_error none | next target
    `,
  },
  {
    name: "status-500",
    words: "500, 502, 504 → retried within the budget, only before the first byte to the client",
    play: { fault: "status-500" },
    cells: `
      openai-chat        json    500 server_error | error 500 upstream_error none | next target | translated: 500 upstream_error
      openai-chat        stream  500 server_error | error 500 upstream_error none | next target | translated: 500 upstream_error
      openai-responses   json    500 server_error | error 500 upstream_error none | next target | translated: 500 upstream_error
      openai-responses   stream  500 server_error | error 500 upstream_error none | next target | translated: 500 upstream_error
      anthropic-messages json    500 upstream_error | error 500 upstream_error none | next target
      anthropic-messages stream  500 upstream_error | error 500 upstream_error none | next target
      gemini-generate    json    500 upstream_error | error 500 upstream_error none | next target
      gemini-generate    stream  500 upstream_error | error 500 upstream_error none | next target
    `,
  },
  {
    name: "status-400",
    words: "400, 404, 422 → no retry, no breaker, mapped into the dialect",
    play: { fault: "status-400" },
    cells: `
      openai-chat        json    400 invalid_request_error | error 400 invalid_request none | no other target | translated: 400 invalid_request
      openai-chat        stream  400 invalid_request_error | error 400 invalid_request none | no other target | translated: 400 invalid_request
      openai-responses   json    400 invalid_request_error | error 400 invalid_request none | no other target | translated: 400 invalid_request
      openai-responses   stream  400 invalid_request_error | error 400 invalid_request none | no other target | translated: 400 invalid_request
      anthropic-messages json    400 invalid_request | error 400 invalid_request none | no other target
      anthropic-messages stream  400 invalid_request | error 400 invalid_request none | no other target
      gemini-generate    json    400 invalid_request | error 400 invalid_request none | no other target
      gemini-generate    stream  400 invalid_request | error 400 invalid_request none | no other target
    `,
  },
  {
    name: "status-401",
    words: "401 → key marked bad and reported, another key, then 502",
    play: { fault: "status-401" },
    at: "own-key",
    cells: `
      openai-chat        json    502 upstream_credentials_rejected | error 502 upstream_credentials_rejected none | next target
      openai-chat        stream  502 upstream_credentials_rejected | error 502 upstream_credentials_rejected none | next target
      openai-responses   json    502 upstream_credentials_rejected | error 502 upstream_credentials_rejected none | next target
      openai-responses   stream  502 upstream_credentials_rejected | error 502 upstream_credentials_rejected none | next target
      anthropic-messages json    502 upstream_credentials_rejected | error 502 upstream_credentials_rejected none | next target
      anthropic-messages stream  502 upstream_credentials_rejected | error 502 upstream_credentials_rejected none | next target
      gemini-generate    json    502 upstream_credentials_rejected | error 502 upstream_credentials_rejected none | next target
      gemini-generate    stream  502 upstream_credentials_rejected | error 502 upstream_credentials_rejected none | next target
    `,
  },
  {
    name: "status-403",
    words: "403 → as 401, but only for that key and model",
    play: { fault: "status-403" },
    cells: `
      openai-chat        json    502 upstream_credentials_rejected | error 502 upstream_credentials_rejected none | next target
      openai-chat        stream  502 upstream_credentials_rejected | error 502 upstream_credentials_rejected none | next target
      openai-responses   json    502 upstream_credentials_rejected | error 502 upstream_credentials_rejected none | next target
      openai-responses   stream  502 upstream_credentials_rejected | error 502 upstream_credentials_rejected none | next target
      anthropic-messages json    502 upstream_credentials_rejected | error 502 upstream_credentials_rejected none | next target
      anthropic-messages stream  502 upstream_credentials_rejected | error 502 upstream_credentials_rejected none | next target
      gemini-generate    json    502 upstream_credentials_rejected | error 502 upstream_credentials_rejected none | next target
      gemini-generate    stream  502 upstream_credentials_rejected | error 502 upstream_credentials_rejected none | next target
    `,
  },
  {
    name: "error-event-first",
    words: "error event first in a 200 stream → as that status: failover is still open",
    play: { fault: "error-event-first", isStream: true },
    cells: `
      openai-chat        json    503 server_overloaded | error 503 upstream_error none | next target | translated: 503 upstream_error
      openai-chat        stream  503 server_overloaded | error 503 upstream_error none | next target | translated: 503 upstream_error
      openai-responses   json    503 server_overloaded | error 503 upstream_error none | next target
      openai-responses   stream  503 server_overloaded | error 503 upstream_error none | next target
      anthropic-messages json    529 upstream_error | error 529 upstream_error none | next target | translated: 503 upstream_error (error 503 upstream_error none)
      anthropic-messages stream  529 upstream_error | error 529 upstream_error none | next target | translated: 503 upstream_error (error 503 upstream_error none)
      gemini-generate    json    503 upstream_error | error 503 upstream_error none | next target
      gemini-generate    stream  503 upstream_error | error 503 upstream_error none | next target
    `,
  },
  {
    name: "error-event-later",
    words: "error event later in the stream → mapped error in the stream",
    play: { fault: "error-event-later", isStream: true },
    cells: `
      openai-chat        json    503 server_overloaded | error 503 upstream_error none | next target | translated: 503 upstream_error
      openai-chat        stream  part, then server_overloaded | interrupted 200 upstream_error estimated | no other target | translated: part, then upstream_error
      openai-responses   json    500 server_error | error 500 upstream_error none | next target | translated: 503 server_overloaded (error 503 upstream_error none)
      openai-responses   stream  part, then server_error | interrupted 200 upstream_error estimated | no other target
      anthropic-messages json    529 upstream_error | error 529 upstream_error none | next target | translated: 503 upstream_error (error 503 upstream_error none)
      anthropic-messages stream  part, then upstream_error | interrupted 200 upstream_error estimated | no other target
      gemini-generate    json    503 upstream_error | error 503 upstream_error none | next target | translated: 500 upstream_error (error 500 upstream_error none)
      gemini-generate    stream  part, then upstream_error | interrupted 200 upstream_error estimated | no other target
    `,
  },
  {
    name: "redirect",
    words: "3xx → not followed: 502",
    play: { fault: "redirect-302" },
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
    name: "usage-1e308",
    words: "usage negative, 1e308, a string → clamped, marked estimated, never NaN",
    play: { fault: "usage-1e308" },
    cells: `
      openai-chat        json    whole | ok 200 estimated | no other target
      openai-chat        stream  whole | ok 200 estimated | no other target
      openai-responses   json    whole | ok 200 estimated | no other target
      openai-responses   stream  whole | ok 200 estimated | no other target
      anthropic-messages json    whole | ok 200 estimated | no other target
      anthropic-messages stream  whole | ok 200 estimated | no other target
      gemini-generate    json    whole | ok 200 estimated | no other target
      gemini-generate    stream  whole | ok 200 estimated | no other target
    `,
  },
  {
    name: "usage-missing",
    words: "usage missing → marked estimated",
    play: { fault: "usage-missing" },
    cells: `
      openai-chat        json    whole | ok 200 estimated | no other target
      openai-chat        stream  whole | ok 200 estimated | no other target
      openai-responses   json    whole | ok 200 estimated | no other target
      openai-responses   stream  whole | ok 200 estimated | no other target
      anthropic-messages json    whole | ok 200 estimated | no other target
      anthropic-messages stream  whole | ok 200 estimated | no other target
      gemini-generate    json    whole | ok 200 estimated | no other target
      gemini-generate    stream  whole | ok 200 estimated | no other target
    `,
  },
];
