import * as z from "zod";
import type { RenderQuirks } from "../../protocols/index.ts";
import { leaf } from "../../settings/index.ts";

const flag = (description: string): z.ZodBoolean => z.boolean().describe(description);
const names = z.array(z.string().min(1));

const quirksShape = z
  .strictObject({
    no_developer_role: flag("The role developer is refused: its messages go as the system's."),
    strict_turns: flag("One system message, first; then user and assistant in turns."),
    no_user_after_tool: flag("A user's message must not follow the result of a tool."),
    no_system_turns: flag("Anthropic: messages of the role system are refused: they go as a user's text."),
    short_call_ids: flag("Ids of tool calls must be nine letters and digits."),
    no_message_names: flag("The field name of a message is refused."),
    no_null_content: flag("The content null of a message is refused."),
    strict_messages: flag("Fields of messages beyond role, content and tool calls are refused."),
    no_stream_options: flag("The field stream_options is refused."),
    no_vendor_fields: flag("Fields that only OpenAI has are refused; in translated requests they are omitted."),
    fixed_sampling: flag("Sampling parameters are refused."),
    no_custom_tools: flag("Tools of free text are refused."),
    no_allowed_tools: flag("tool_choice has no allowed_tools."),
    no_format_with_tools: flag("response_format is refused beside tools."),
    echo_reasoning: flag("A message with tool calls is refused without its reasoning."),
    effort_of_known_models: flag("reasoning_effort goes only to models that are known to have one."),
    no_forced_tool_while_thinking: flag("No tool can be forced while the model thinks, which it does by default."),
    no_effort_without_thinking: flag("An effort is refused beside thinking that is switched off."),
    max_tokens_field: z.enum(["max_tokens", "max_completion_tokens"]).describe("The name of the bound on output tokens."),
    max_output_tokens: z.int().min(1).describe("The most output tokens that it takes."),
    prefill_field: z.enum(["prefix", "partial"]).describe("What marks an assistant's message at the end, which the answer continues."),
    parts: z
      .array(z.enum(["image", "image-data", "audio", "video", "file", "document-url"]))
      .describe("The content that it takes beside text."),
    refused_fields: names.describe("Fields at the top of a request that are refused."),
    renamed_fields: z
      .record(z.string().min(1), z.string().min(1))
      .describe("Fields that it has under another name, as in seed: random_seed."),
    extra_fields: z.record(z.string().min(1), z.unknown()).describe("Fields that every translated request carries."),
    tool_choice: z.enum(["words", "auto", "none"]).describe("words: no named tool; auto: that word alone; none: the field is refused."),
    response_formats: z.array(z.enum(["json_object", "json_schema"])).describe("The types of response_format beside text."),
    reasoning_field: z
      .enum(["reasoning_content", "reasoning", "reasoning_details", "thinking"])
      .describe("Where it shows reasoning; thinking is a part of the content."),
    reasoning_placeholder: z.string().describe("With echo_reasoning: the text in place of reasoning that is not known."),
    efforts: names.describe("The efforts that it takes, from the least; none: the field is not sent."),
    thinking_switch: z
      .enum(["thinking", "chat_template_kwargs", "reasoning", "reasoning_effort", "never"])
      .describe("The field that switches thinking off."),
  })
  .partial();

type ParsedQuirks = z.infer<typeof quirksShape>;

/** `providers.X.quirks`: the names are those of `RenderQuirks`, in the file's spelling. */
export const quirksSetting = leaf(quirksShape, {
  kind: "json",
  description:
    "What a server of one's own refuses or needs, over what its preset says: see docs/translation.md. Where set, it also holds for requests of the server's own protocol.",
  allowed: `a map of ${Object.keys(quirksShape.shape).join(", ")}`,
});

/** `providers.X.quirks` with the names of the program. */
export function readQuirks(parsed: ParsedQuirks): RenderQuirks {
  return Object.fromEntries(Object.entries(parsed).map(([name, value]) => [inCamelCase(name), value])) as RenderQuirks;
}

/** The program's name of a setting: `no_user_after_tool` → `noUserAfterTool`. */
export function inCamelCase(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
