"""Runs one official Python SDK at its highest level against a gateway, and prints what it saw as one line of JSON.

usage: ask.py SDK URL KEY MODEL    SDK: openai-chat, openai-responses, anthropic-messages or gemini-generate
"""

import json
import sys

from pydantic import BaseModel


class City(BaseModel):
    name: str
    population: int


QUESTION = "What is the weather in Zürich? ✓"
WEATHER = "get_weather"
asked: list[str] = []


def get_weather(city: str) -> str:
    """Tells the weather.

    Args:
        city: The city.
    """
    asked.append(city)
    return f"Sunny in {city} ✓"


SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "The city."}},
    "required": ["city"],
    "additionalProperties": False,
}


def openai_chat(url: str, key: str, model: str) -> dict:
    from openai import OpenAI

    client = OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
    user = {"role": "user", "content": QUESTION}
    with client.chat.completions.stream(model=model, messages=[user], stream_options={"include_usage": True}) as stream:
        seen = "".join(event.delta for event in stream if event.type == "content.delta")
        streamed = stream.get_final_completion()
    whole = client.chat.completions.create(model=model, messages=[user])
    tool = {"type": "function", "function": {"name": WEATHER, "parameters": SCHEMA, "strict": True}}
    with client.chat.completions.stream(model=model, messages=[user], tools=[tool]) as stream:
        call_turn = stream.get_final_completion().choices[0].message
    messages = [user, call_turn.model_dump(exclude_none=True)]
    for call in call_turn.tool_calls or []:
        content = get_weather(**json.loads(call.function.arguments))
        messages.append({"role": "tool", "tool_call_id": call.id, "content": content})
    answered = client.chat.completions.create(model=model, messages=messages, tools=[tool])
    parsed = client.chat.completions.parse(model=model, messages=[user], response_format=City)
    return {
        "streamed": streamed.choices[0].message.content,
        "pieces": seen,
        "whole": whole.choices[0].message.content,
        "answered": answered.choices[0].message.content,
        "parsed": parsed.choices[0].message.parsed.model_dump(),
        "usage": [streamed.usage.prompt_tokens, streamed.usage.completion_tokens],
    }


def openai_responses(url: str, key: str, model: str) -> dict:
    from openai import OpenAI

    client = OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
    with client.responses.stream(model=model, input=QUESTION) as stream:
        seen = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        streamed = stream.get_final_response()
    whole = client.responses.create(model=model, input=QUESTION)
    tool = {"type": "function", "name": WEATHER, "parameters": SCHEMA, "strict": True}
    items = [{"role": "user", "content": QUESTION}]
    with client.responses.stream(model=model, input=items, tools=[tool], store=False) as stream:
        call_turn = stream.get_final_response()
    for item in call_turn.output:
        items.append(item.model_dump(exclude_none=True, exclude={"parsed_arguments"}))
        if item.type == "function_call":
            output = get_weather(**json.loads(item.arguments))
            items.append({"type": "function_call_output", "call_id": item.call_id, "output": output})
    answered = client.responses.create(model=model, input=items, tools=[tool], store=False)
    parsed = client.responses.parse(model=model, input=QUESTION, text_format=City)
    return {
        "streamed": streamed.output_text,
        "pieces": seen,
        "whole": whole.output_text,
        "answered": answered.output_text,
        "parsed": parsed.output_parsed.model_dump(),
        "usage": [streamed.usage.input_tokens, streamed.usage.output_tokens],
    }


def anthropic_messages(url: str, key: str, model: str) -> dict:
    from anthropic import Anthropic, beta_tool

    client = Anthropic(base_url=url, api_key=key, max_retries=0)
    user = {"role": "user", "content": QUESTION}
    with client.messages.stream(model=model, max_tokens=4096, messages=[user]) as stream:
        seen = "".join(stream.text_stream)
        streamed = stream.get_final_message()
    whole = client.messages.create(model=model, max_tokens=4096, messages=[user])
    runner = client.beta.messages.tool_runner(
        model=model, max_tokens=4096, messages=[user], tools=[beta_tool(get_weather)]
    )
    answered = runner.until_done()
    parsed = client.messages.parse(model=model, max_tokens=4096, messages=[user], output_format=City)
    text = lambda message: "".join(block.text for block in message.content if block.type == "text")
    usage = streamed.usage
    prompt = usage.input_tokens + (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
    return {
        "streamed": text(streamed),
        "pieces": seen,
        "whole": text(whole),
        "answered": text(answered),
        "parsed": parsed.parsed_output.model_dump(),
        "usage": [prompt, usage.output_tokens],
    }


def gemini_generate(url: str, key: str, model: str) -> dict:
    from google import genai
    from google.genai import types

    client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url))
    chunks = list(client.models.generate_content_stream(model=model, contents=QUESTION))
    whole = client.models.generate_content(model=model, contents=QUESTION)
    # The SDK calls the function itself, as often as the model asks for it.
    answered = client.models.generate_content(
        model=model, contents=QUESTION, config=types.GenerateContentConfig(tools=[get_weather])
    )
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=City)
    parsed = client.models.generate_content(model=model, contents=QUESTION, config=config)
    usage = chunks[-1].usage_metadata
    return {
        "streamed": "".join(chunk.text or "" for chunk in chunks),
        "pieces": "".join(chunk.text or "" for chunk in chunks),
        "whole": whole.text,
        "answered": answered.text,
        "parsed": parsed.parsed.model_dump(),
        "usage": [usage.prompt_token_count, (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)],
    }


SDKS = {
    "openai-chat": openai_chat,
    "openai-responses": openai_responses,
    "anthropic-messages": anthropic_messages,
    "gemini-generate": gemini_generate,
}

if __name__ == "__main__":
    sdk, url, key, model = sys.argv[1:]
    print(json.dumps({**SDKS[sdk](url, key, model), "asked": asked}))
