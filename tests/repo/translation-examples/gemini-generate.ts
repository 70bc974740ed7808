import { each, just, schema, pixel, type Fields, type FieldExample } from "./example.ts";

const geminiTool = { functionDeclarations: [{ name: "look", parametersJsonSchema: schema }] };

const partsOf = (...parts: readonly object[]): Fields => ({ contents: [{ role: "user", parts: [{ text: "hi" }, ...parts] }] });
const config = (generationConfig: object): FieldExample => just({ generationConfig });
const functionCall = { functionCall: { id: "f1", name: "look", args: { city: "Bern" } } };
const called = (part: object = {}, response: object = { output: "sun" }, more: object = {}): Fields => ({
  contents: [
    { role: "user", parts: [{ text: "hi" }] },
    { role: "model", parts: [{ ...functionCall, ...part }] },
    { role: "user", parts: [{ functionResponse: { id: "f1", name: "look", response, ...more } }] },
  ],
});

/** Examples of the fields of this dialect. */
export const gemini: Readonly<Record<string, FieldExample>> = {
  model: just({ model: "models/other" }),
  systemInstruction: just({ systemInstruction: { parts: [{ text: "Be short." }] } }),
  contents: just({
    contents: [
      { role: "user", parts: [{ text: "hi" }] },
      { role: "model", parts: [{ text: "Yes?" }] },
      { role: "user", parts: [{ text: "Go." }] },
    ],
  }),
  "contents[].parts[].inlineData": { fields: partsOf({ inlineData: { mimeType: "image/png", data: pixel } }), beside: partsOf() },
  "contents[].parts[].inlineData (video)": { fields: partsOf({ inlineData: { mimeType: "video/mp4", data: "AAAA" } }), beside: partsOf() },
  "contents[].parts[].inlineData.displayName": {
    fields: partsOf({ inlineData: { mimeType: "application/pdf", data: "JVBERi0=", displayName: "a.pdf" } }),
    beside: partsOf({ inlineData: { mimeType: "application/pdf", data: "JVBERi0=" } }),
  },
  "contents[].parts[].fileData": {
    fields: partsOf({ fileData: { fileUri: "https://a.example/b.png", mimeType: "image/png" } }),
    beside: partsOf(),
  },
  "contents[].parts[].videoMetadata": {
    fields: partsOf({ inlineData: { mimeType: "image/png", data: pixel }, videoMetadata: { fps: 1 } }),
    beside: partsOf({ inlineData: { mimeType: "image/png", data: pixel } }),
  },
  "contents[].parts[].thought": {
    fields: {
      contents: [
        { role: "user", parts: [{ text: "hi" }] },
        { role: "model", parts: [{ text: "hm", thought: true, thoughtSignature: "c2ln" }, { text: "Yes?" }] },
        { role: "user", parts: [{ text: "Go." }] },
      ],
    },
    beside: {
      contents: [
        { role: "user", parts: [{ text: "hi" }] },
        { role: "model", parts: [{ text: "Yes?" }] },
        { role: "user", parts: [{ text: "Go." }] },
      ],
    },
  },
  "contents[].parts[].thoughtSignature": { fields: called({ thoughtSignature: "c2ln" }), beside: called() },
  "contents[].parts[].functionCall": { fields: { ...called(), tools: [geminiTool] }, beside: { tools: [geminiTool] } },
  "contents[].parts[].functionCall (without tools)": just(called()),
  "contents[].parts[].functionCall (without a response)": just({
    contents: [
      { role: "user", parts: [{ text: "hi" }] },
      { role: "model", parts: [functionCall] },
    ],
  }),
  "contents[].parts[].functionResponse.response (an error)": { fields: called({}, { error: "no" }), beside: called({}, { output: "no" }) },
  "contents[].parts[].functionResponse.parts": {
    fields: called({}, { output: "sun" }, { parts: [{ inlineData: { mimeType: "image/png", data: pixel } }] }),
    beside: called(),
  },
  "contents[].parts[].executableCode": just({
    contents: [
      { role: "user", parts: [{ text: "hi" }] },
      { role: "model", parts: [{ text: "a" }, { executableCode: { language: "PYTHON", code: "1" } }] },
      { role: "user", parts: [{ text: "Go." }] },
    ],
  }),
  tools: just({ tools: [geminiTool] }),
  "tools (googleSearch)": just({ tools: [{ googleSearch: {} }] }),
  "tools (urlContext)": just({ tools: [{ urlContext: {} }] }),
  "tools (codeExecution)": just({ tools: [{ codeExecution: {} }] }),
  "tools (fileSearch)": just({ tools: [{ fileSearch: { fileSearchStoreNames: ["s"] } }] }),
  "tools[].behavior": {
    fields: { tools: [{ functionDeclarations: [{ ...geminiTool.functionDeclarations[0], behavior: "NON_BLOCKING" }] }] },
    beside: { tools: [geminiTool] },
  },
  toolConfig: {
    fields: { tools: [geminiTool], toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["look"] } } },
    beside: { tools: [geminiTool] },
  },
  "toolConfig.retrievalConfig": just({ toolConfig: { retrievalConfig: { languageCode: "en" } } }),
  "toolConfig.includeServerSideToolInvocations": just({ toolConfig: { includeServerSideToolInvocations: true } }),
  ...each({
    serviceTier: "flex",
    labels: { team: "a" },
    cachedContent: "cachedContents/1",
    safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_NONE" }],
    store: true,
  }),
  "generationConfig.temperature": config({ temperature: 0.5 }),
  "generationConfig.temperature (above 1)": config({ temperature: 1.5 }),
  "generationConfig.topP": config({ topP: 0.5 }),
  "generationConfig.topK": config({ topK: 5 }),
  "generationConfig.candidateCount": config({ candidateCount: 2 }),
  "generationConfig.candidateCount (streamed)": { fields: { generationConfig: { candidateCount: 2 } }, stream: true },
  "generationConfig.maxOutputTokens": config({ maxOutputTokens: 100 }),
  "generationConfig.stopSequences": config({ stopSequences: ["END"] }),
  "generationConfig.stopSequences (five)": config({ stopSequences: ["1", "2", "3", "4", "5"] }),
  "generationConfig.seed": config({ seed: 7 }),
  "generationConfig.presencePenalty": config({ presencePenalty: 0.5 }),
  "generationConfig.frequencyPenalty": config({ frequencyPenalty: 0.5 }),
  "generationConfig.responseLogprobs": config({ responseLogprobs: true }),
  "generationConfig.logprobs": {
    fields: { generationConfig: { responseLogprobs: true, logprobs: 2 } },
    beside: { generationConfig: { responseLogprobs: true } },
  },
  "generationConfig.thinkingConfig": config({ thinkingConfig: { thinkingLevel: "LOW" } }),
  "generationConfig.thinkingConfig.thinkingBudget": config({ thinkingConfig: { thinkingBudget: 2000 } }),
  "generationConfig.thinkingConfig.includeThoughts": {
    fields: { generationConfig: { thinkingConfig: { thinkingLevel: "LOW", includeThoughts: true } } },
    beside: { generationConfig: { thinkingConfig: { thinkingLevel: "LOW" } } },
  },
  "generationConfig.responseMimeType": config({ responseMimeType: "application/json" }),
  "generationConfig.responseMimeType (text/x.enum)": config({
    responseMimeType: "text/x.enum",
    responseSchema: { type: "STRING", enum: ["a"] },
  }),
  "generationConfig.responseSchema": config({
    responseMimeType: "application/json",
    responseSchema: { type: "OBJECT", properties: { city: { type: "STRING" } } },
  }),
  "generationConfig.responseJsonSchema": config({ responseMimeType: "application/json", responseJsonSchema: schema }),
  "generationConfig._responseJsonSchema": config({ responseMimeType: "application/json", _responseJsonSchema: schema }),
  "generationConfig.audioTimestamp": config({ audioTimestamp: true }),
  "generationConfig.enableEnhancedCivicAnswers": config({ enableEnhancedCivicAnswers: true }),
  "generationConfig.imageConfig": config({ imageConfig: { aspectRatio: "1:1" } }),
  "generationConfig.mediaResolution": config({ mediaResolution: "MEDIA_RESOLUTION_LOW" }),
  "generationConfig.responseModalities": config({ responseModalities: ["IMAGE"] }),
  "generationConfig.routingConfig": config({ routingConfig: { manualMode: {} } }),
  "generationConfig.speechConfig": config({ speechConfig: { languageCode: "en" } }),
};
