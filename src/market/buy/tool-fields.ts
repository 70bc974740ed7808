import { memberOf } from "../../core/index.ts";

/** Fields that make an answer call something. */
const toolKeys = ["tools", "functions", "mcp_servers"] as const;

/** Whether a body (latin1) of any dialect offers tools to the model. */
export function namesTools(body: string): boolean {
  return toolKeys.some((key) => {
    const span = memberOf(body, key);
    return span !== undefined && !/^(?:null|\[\s*\])$/.test(body.slice(span.start, span.end).trim());
  });
}
