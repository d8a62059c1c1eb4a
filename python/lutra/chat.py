"""Conversations as the text that a model was trained on: its chat template, rendered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lutra.errors import LutraError
from lutra.textmodel import TextModel

Message = Mapping[str, str]


def render(text: TextModel, messages: Sequence[Message], *, answer: bool = True) -> str:
    """`messages` ({"role": "system" | "user" | "assistant", "content": ...}) in the spelling of the model's chat template;
    with `answer`, up to where the assistant's next answer begins.

    Raises LutraError when the model has no template, the template fails (many refuse some orders of roles), or jinja2 is missing.
    """
    for message in messages:
        if not {"role", "content"} <= message.keys():
            raise LutraError(f"a message must have a role and a content, but has {', '.join(message) or 'nothing'}")
    if text.chat_template is None:
        raise LutraError("the model has no chat template: pass text to be continued instead of messages")
    try:
        from jinja2 import TemplateError
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ModuleNotFoundError as error:
        raise LutraError("chat templates need the Python package 'jinja2': pip install jinja2") from error

    def fail(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = fail
    try:
        rendered: str = environment.from_string(text.chat_template).render(
            messages=[dict(message) for message in messages],
            add_generation_prompt=answer,
            bos_token=_spelled(text, text.bos),
            eos_token=_spelled(text, min(text.eos, default=None)),
        )
        return rendered
    except TemplateError as error:
        raise LutraError(f"the model's chat template failed: {error}") from error


def _spelled(text: TextModel, token: int | None) -> str:
    return "" if token is None else text.tokenizer.id_to_token(token) or ""
