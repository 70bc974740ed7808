import { latin1OfUtf8, readBoolean, readString, scanDocument, utf8OfLatin1, GatewayError } from "../../src/core/index.ts";
import { AnsweredError, answerFacts, protocols, type Protocol, type UpstreamError } from "../../src/protocols/index.ts";
import { toyId } from "./id.ts";
import { parseAnswer, renderAnswer } from "./answer.ts";
import { parseRequest, renderRequest } from "./request.ts";
import { ToyDecoder, ToyEncoder, ToyTap } from "./stream.ts";

/**
 * A wire protocol of no vendor: what a folder must have to be one. `POST /toy/ask` with `{"model","stream"?,"say":[…],"tools"?,"limit"?}` is answered by
 * `{"id","model","parts":[…],"end","tokens"}`, or by server-sent events.
 */
export const toy: Protocol = {
  id: toyId,
  routes: [{ method: "POST", path: "/toy/ask", operation: "generate" }],
  readEnvelope(body) {
    const { spans, open, empty } = scanDocument(body, ["model", "stream"]);
    const model = readString(body, spans[0]);
    if (model === undefined) throw new GatewayError("invalid_request", 'The body has no "model".', { param: "model" });
    return { model, stream: readBoolean(body, spans[1]) ?? false, spans: { model: spans[0] }, insertAt: open + 1, empty };
  },
  planEdits: ({ spans }, _call, { model }) =>
    model === undefined ? [] : [{ ...spans["model"]!, text: latin1OfUtf8(JSON.stringify(model)) }],
  upstreamPath: ({ route }) =>
    route.operation === "list-models" ? { method: "GET", path: "/toy/models" } : { method: "POST", path: "/toy/ask" },
  credentialHeader: (key) => ["x-toy-key", key.reveal()],
  forwardedHeaders: [],
  requiredHeaders: [],
  createTap: () => new ToyTap(),
  readAnswer: (body) => answerFacts(parseAnswer(utf8OfLatin1(body))),
  parseError,
  renderError: ({ status, code, message }, requestId) => ({
    status,
    body: JSON.stringify({ error: { status, code, message, request: requestId } }),
  }),
  renderStreamError: ({ status, message }) => `data: ${JSON.stringify({ error: { status, message } })}\n\n`,
  keepAlive: ": wait\n\n",
  params: { names: namesOf(), ownFields: [] },
  parseRequest,
  renderResponse: renderAnswer,
  createStreamEncoder: (client) => new ToyEncoder(client),
  renderTokenCount: (tokens) => JSON.stringify({ tokens }),
  upstream: {
    renderRequest,
    parseResponse: parseAnswer,
    createStreamDecoder: () => new ToyDecoder(),
  },
  toolResults: {
    conversationKey: "say",
    mark: '"tool"',
    piece: "tool",
    isTextATurn: true,
    lastResult: () => undefined,
    addNote: () => undefined,
  },
  textDeltas: () => [],
  endedTexts: () => [],
  proofs: {
    carriesOn: "blocks",
    callField: "never",
    hasTrailingProof: false,
    isLastBlockSpeech: false,
    demandsSignature: false,
    signsCalls: false,
    wrap: (data) => ({ protocol: toyId, kind: "signature", data }),
    withoutSeals: () => [],
  },
  wireRules: { ownsPath: (path) => path.startsWith("/toy"), hasVersionInBaseUrl: false },
  storesAnswers: false,
  renderModelList: (models) => JSON.stringify({ models: models.map(({ id }) => id) }),
  renderModel: ({ id }) => JSON.stringify({ model: id }),
  parseModelList: (wire) => (wire as { readonly models: readonly string[] }).models,
};

function parseError(status: number, body: string): UpstreamError {
  try {
    parseAnswer(body);
  } catch (error) {
    if (error instanceof AnsweredError) return { ...error.upstream, status };
  }
  return { status, message: "The provider refused the request." };
}

/** This dialect names what a translation may lose as the neutral form does. */
function namesOf(): Protocol["params"]["names"] {
  const [{ params }] = [...protocols.values()] as [Protocol];
  return Object.fromEntries(Object.keys(params.names).map((name) => [name, name])) as Protocol["params"]["names"];
}
