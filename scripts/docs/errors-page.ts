import { errorTable } from "../../src/core/index.ts";

/** The text of `docs/errors.md`, from the one table of errors. */
export function renderErrorsPage(): string {
  const rows = Object.entries(errorTable).map(
    ([code, { status, meaning, remedy }]) => `| \`${code}\` | ${status} | ${cell(meaning)} | ${cell(remedy)} |`,
  );
  return `# Errors

Every error of the gateway has a code from this table. The log line of the request has it as \`error_code\`. The client's dialect decides where it is in the body:

| dialect | where |
|---|---|
| OpenAI Chat, OpenAI Responses | \`error.code\` (\`rate_limited\` is \`rate_limit_exceeded\`, the vendor's own word) |
| Anthropic | \`error.details.error_code\` |
| Gemini | \`reason\` of the \`google.rpc.ErrorInfo\` in \`error.details\` |

An error that a provider reports keeps the provider's status, message and code where a client can use them.

| code | status | meaning | what to do |
|---|---|---|---|
${rows.join("\n")}

This page is made by \`npm run docs\` from \`src/core/errors.ts\`.
`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
