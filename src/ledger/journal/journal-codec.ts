import { crc32 } from "node:zlib";
import type { KeptChange } from "../../store/index.ts";
import type { OpenRecord } from "../types.ts";
import { storable } from "../entries/storable.ts";
import { commonColumns, isRare, usageColumns, type UsageRow } from "../entries/usage-row.ts";

/*
 * A record of the journal, integers little-endian:
 *
 *   length of the payload u32 · crc32 of all that follows u32 · version u8 · type u8 · seq u48 · payload
 *
 * A payload is UTF-8 text, its fields separated by NUL: a request pays for every byte and every call here. Numbers are decimal, `null` is empty, and a
 * text that may be `null` has a "=" before it. No field holds a NUL: names from outside have been through `storable`.
 */
export const frameHeadBytes = 16;
const version = 3;
/** Records of earlier versions have fewer fields; they are still read. */
const oldestVersion = 1;
/**
 * Texts are cut at 256 characters, and an answer's further model calls at 64, each with a few lines of its cost: no record but a KEEP comes near this size. A longer
 * record is invalid.
 */
const maxPayloadBytes = 1024 * 1024;
/** `gateway.responses.max_size` is at most 64 MiB, counted in characters. */
const maxKeepBytes = 256 * 1024 * 1024;

/**
 * HEAD is the first record of each segment. Its seq is 0. If files of the journal were lost, it is the seq of the last record that was written again
 * if it was needed.
 */
/** AMEND is a row that takes the place of the one which a CLOSE of the same attempt has recorded. */
export const recordTypes = { head: 1, open: 2, close: 3, keep: 4, amend: 5 } as const;
export type RecordType = (typeof recordTypes)[keyof typeof recordTypes];

/** Writes one record at `at`. @returns where it ends, or 0 if `into` may be too short. */
// Called for each record, a few times a request: an options object would be made anew each time.
// oxlint-disable-next-line max-params
export function writeFrame(into: Buffer, at: number, type: RecordType, seq: number, payload: string): number {
  const start = at + frameHeadBytes;
  // A character of a string takes at most three bytes of UTF-8.
  if (start + payload.length * 3 > into.length) return 0;
  const end = start + into.write(payload, start);
  into.writeUInt32LE(end - start, at);
  into[at + 8] = version;
  into[at + 9] = type;
  into.writeUInt32LE(seq % 0x1_0000_0000, at + 10);
  into.writeUInt16LE(Math.floor(seq / 0x1_0000_0000), at + 14);
  into.writeUInt32LE(crc32(into.subarray(at + 8, end)), at + 4);
  return end;
}

export interface Frame {
  readonly type: RecordType;
  readonly seq: number;
  readonly payload: string;
  /** Where the next record begins. */
  readonly end: number;
}

/** The record at `at`, or `undefined` if there is no complete and unchanged record. */
export function readFrame(bytes: Buffer, at: number): Frame | undefined {
  const start = at + frameHeadBytes;
  if (start > bytes.length || bytes[at + 8]! < oldestVersion || bytes[at + 8]! > version) return undefined;
  const type = bytes[at + 9]!;
  if (type < recordTypes.head || type > recordTypes.amend) return undefined;
  const length = bytes.readUInt32LE(at);
  const end = start + length;
  if (length > (type === recordTypes.keep ? maxKeepBytes : maxPayloadBytes) || end > bytes.length) return undefined;
  if (crc32(bytes.subarray(at + 8, end)) !== bytes.readUInt32LE(at + 4)) return undefined;
  const seq = bytes.readUInt16LE(at + 14) * 0x1_0000_0000 + bytes.readUInt32LE(at + 10);
  return { type: type as RecordType, seq, payload: bytes.toString("utf8", start, end), end };
}

/**
 * Written out instead of a loop, because the loop takes half the time of a record. The order is that of `usageColumns`. The columns that most rows have no
 * values in come last, and are left out where none has.
 */
export function encodeClose(row: UsageRow): string {
  const text = `${row.request_id}\0${row.attempt}\0${row.time_ms}\0${row.duration_ms}\0${row.ttft_ms ?? ""}\0${row.user_id}\0${
    row.key_id
  }\0${row.dialect}\0${row.provider}\0${row.model_asked}\0${row.model_served}\0${row.input_tokens ?? ""}\0${row.output_tokens ?? ""}\0${
    row.cache_read_tokens ?? ""
  }\0${row.cache_write_5m_tokens ?? ""}\0${row.cache_write_1h_tokens ?? ""}\0${row.reasoning_tokens ?? ""}\0${row.direction}\0${
    row.status
  }\0${row.usage_source}\0${row.cost_nano_usd ?? ""}\0${optional(row.price_snapshot)}\0${row.http_status}\0${optional(
    row.error_code,
  )}\0${optional(row.tags)}\0${optional(row.client_request_id)}\0${row.stream ?? ""}\0${optional(row.stop_reason)}\0${
    row.overhead_us ?? ""
  }\0${optional(row.client_name)}`;
  return isRare(row) ? text + encodeRare(row) : text;
}

/** The rest of `usageColumns`. Rows of translated requests have it, so it is written out as well. */
function encodeRare(row: UsageRow): string {
  return `\0${optional(row.upstream_model)}\0${optional(row.protocol)}\0${optional(row.lane)}\0${row.refused ?? ""}\0${row.tool_calls ?? ""}\0${
    row.tool_calls_parsed ?? ""
  }\0${row.tool_calls_fit ?? ""}\0${optional(row.attempt_reason)}\0${optional(row.region)}\0${optional(row.service_class)}\0${optional(
    row.units,
  )}\0${optional(row.cost_lines)}\0${optional(row.error_text)}\0${row.cache_savings_nano_usd ?? ""}\0${row.from_cache ?? ""}\0${
    row.bound_tags ?? ""
  }\0${optional(row.firewall)}`;
}

type ColumnKind = "text" | "number" | "number or null" | "text or null" | "money";

const columnKinds: { readonly [Column in keyof UsageRow]: ColumnKind } = {
  request_id: "text",
  attempt: "number",
  time_ms: "number",
  duration_ms: "number",
  ttft_ms: "number or null",
  user_id: "text",
  key_id: "text",
  dialect: "text",
  provider: "text",
  model_asked: "text",
  model_served: "text",
  input_tokens: "number or null",
  output_tokens: "number or null",
  cache_read_tokens: "number or null",
  cache_write_5m_tokens: "number or null",
  cache_write_1h_tokens: "number or null",
  reasoning_tokens: "number or null",
  direction: "text",
  status: "text",
  usage_source: "text",
  cost_nano_usd: "money",
  price_snapshot: "text or null",
  http_status: "number",
  error_code: "text or null",
  tags: "text or null",
  client_request_id: "text or null",
  stream: "number or null",
  stop_reason: "text or null",
  overhead_us: "number or null",
  client_name: "text or null",
  upstream_model: "text or null",
  protocol: "text or null",
  lane: "text or null",
  refused: "number or null",
  tool_calls: "number or null",
  tool_calls_parsed: "number or null",
  tool_calls_fit: "number or null",
  attempt_reason: "text or null",
  region: "text or null",
  service_class: "text or null",
  units: "text or null",
  cost_lines: "text or null",
  error_text: "text or null",
  cache_savings_nano_usd: "money",
  from_cache: "number or null",
  bound_tags: "number or null",
  firewall: "text or null",
};
/** Fields of a CLOSE of earlier versions, with their optional columns or without. */
const earlierCloseFields: readonly number[] = [26, 45, 46];

/** @throws Error if the payload is not of this version. */
export function decodeClose(payload: string): UsageRow {
  const fields = payload.split("\0");
  if (fields.length !== usageColumns.length && fields.length !== commonColumns.length && !earlierCloseFields.includes(fields.length))
    throw new Error(`a CLOSE of ${fields.length} fields, where ${commonColumns.length} or ${usageColumns.length} were expected`);
  // Fields that are left out are empty, which is `null`.
  return Object.fromEntries(
    usageColumns.map((column, index) => [column, decodeField(columnKinds[column], fields[index] ?? "")]),
  ) as unknown as UsageRow;
}

function decodeField(kind: ColumnKind, field: string): string | number | bigint | null {
  switch (kind) {
    case "text":
      return field;
    case "number":
      return Number(field);
    case "number or null":
      return field === "" ? null : Number(field);
    case "money":
      return field === "" ? null : BigInt(field);
    case "text or null":
      return required(field) ?? null;
  }
}

/** The order is that of `decodeOpen`. */
export function encodeOpen(open: OpenRecord): string {
  return `${open.requestId}\0${open.attempt}\0${open.timeMs}\0${open.userId}\0${open.keyId}\0${open.dialect}\0${open.provider}\0${storable(
    open.modelAsked,
  )}\0${storable(open.upstreamModel)}\0${open.inputTokensEstimate ?? ""}\0${optional(open.tags)}\0${optional(open.clientRequestId)}\0${optional(
    open.protocol,
  )}\0${optional(open.lane)}\0${open.stream === undefined ? "" : Number(open.stream)}\0${optional(open.clientName)}\0${optional(
    open.attemptReason,
  )}\0${optional(open.askedClass)}\0${open.boundTags ?? ""}`;
}

/** @throws Error if the payload is not of this version. */
export function decodeOpen(payload: string): OpenRecord {
  const fields = payload.split("\0");
  if (fields.length !== 19 && fields.length !== 18 && fields.length !== 12)
    throw new Error(`an OPEN of ${fields.length} fields, where 19 were expected`);
  const [requestId, attempt, timeMs, userId, keyId, dialect, provider, modelAsked, upstreamModel, estimate, tags, clientRequestId] =
    fields as [string, string, string, string, string, string, string, string, string, string, string, string];
  const tagsText = required(tags);
  const clientText = required(clientRequestId);
  return {
    requestId,
    attempt: Number(attempt),
    timeMs: Number(timeMs),
    userId,
    keyId,
    dialect: dialect as OpenRecord["dialect"],
    provider,
    modelAsked,
    upstreamModel,
    ...(estimate === "" ? {} : { inputTokensEstimate: Number(estimate) }),
    ...(tagsText === undefined ? {} : { tags: tagsText }),
    ...(clientText === undefined ? {} : { clientRequestId: clientText }),
    ...decodeOpenDetails(fields.slice(12)),
  };
}

/** None in a record of version 1. */
function decodeOpenDetails([
  protocol = "",
  lane = "",
  stream = "",
  clientName = "",
  reason = "",
  asked = "",
  boundTags = "",
]: readonly string[]): Partial<OpenRecord> {
  const texts = {
    protocol: required(protocol),
    lane: required(lane),
    clientName: required(clientName),
    attemptReason: required(reason),
    askedClass: required(asked),
  };
  const given = Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined)) as Partial<OpenRecord>;
  return {
    ...given,
    ...(stream === "" ? {} : { stream: stream === "1" }),
    ...(boundTags === "" ? {} : { boundTags: Number(boundTags) }),
  };
}

/** The long texts come last. They are JSON, which contains no NUL. */
export function encodeKeep(change: KeptChange): string {
  if (change.kind === "conclude") return `conclude\0${change.id}\0${change.status}\0${change.response}`;
  if (change.kind === "proof") return `proof\0${change.userId}\0${change.createdMs}\0${change.sealed}\0${change.callId}`;
  const { owner, createdMs, unbilled, body } = change;
  const head = `insert\0${owner.id}\0${owner.userId}\0${owner.provider}\0${owner.providerKey}\0${owner.model}\0${createdMs}\0${
    unbilled ? 1 : 0
  }`;
  const { placeholders } = owner;
  const end = placeholders === undefined ? "" : `\0${placeholders}`;
  if (body === null) return head + end;
  return `${head}\0${body.status}\0${body.background ? 1 : 0}\0${optional(body.previousId)}\0${body.input}\0${body.response}${end}`;
}

/** @throws Error if the payload is not of this version. */
export function decodeKeep(payload: string): KeptChange {
  const fields = payload.split("\0");
  if (fields[0] === "conclude" && fields.length === 4) {
    const [, id, status, response] = fields as [string, string, ConcludedStatus, string];
    return { kind: "conclude", id, status, response };
  }
  if (fields[0] === "proof" && fields.length >= 5) {
    const [, userId, createdMs, sealed, ...callId] = fields as [string, string, string, string, ...string[]];
    return { kind: "proof", userId, createdMs: Number(createdMs), sealed, callId: callId.join("\0") };
  }
  if (fields[0] !== "insert" || ![8, 9, 13, 14].includes(fields.length)) throw new Error(`a KEEP of ${fields.length} fields`);
  const [, id, userId, provider, providerKey, model, createdMs, unbilled] = fields as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const insert = {
    kind: "insert",
    owner: {
      id,
      userId,
      provider,
      providerKey,
      model,
      ...(fields.length === 9 || fields.length === 14 ? { placeholders: fields.at(-1)! } : {}),
    },
    createdMs: Number(createdMs),
    unbilled: unbilled === "1",
  } as const;
  if (fields.length < 13) return { ...insert, body: null };
  const [status, background, previousId, input, response] = fields.slice(8, 13) as [ResponseStatus, string, string, string, string];
  return { ...insert, body: { status, background: background === "1", previousId: required(previousId), input, response } };
}

type ConcludedStatus = Extract<KeptChange, { kind: "conclude" }>["status"];
type ResponseStatus = NonNullable<Extract<KeptChange, { kind: "insert" }>["body"]>["status"];

function optional(text: string | null | undefined): string {
  return text === null || text === undefined ? "" : `=${text}`;
}

function required(field: string): string | undefined {
  return field === "" ? undefined : field.slice(1);
}
