"""What the files beside an exported model say of its text, as model.json says it: the context's length, special tokens, the chat template.

model.json is Lutra's own (`lutra convert` writes it). Models of other tools have instead, in this order of weight: genai_config.json
(onnxruntime-genai), generation_config.json, config.json, tokenizer_config.json and chat_template.jinja (Hugging Face).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lutra.errors import LutraError

CONFIG_FILE = "model.json"
#: Every file that is read here, and the tokenizer: an artifact is made from them too.
SOURCES = (
    "tokenizer.json", CONFIG_FILE, "genai_config.json", "generation_config.json", "config.json", "tokenizer_config.json",
    "chat_template.jinja",
)  # fmt: skip


def describe(directory: Path) -> dict[str, Any] | None:
    """The content of model.json for the model in `directory`, made from other tools' files; None where there are none that say how long a
    context is. Raises LutraError for a file that is damaged."""
    genai = _read(directory / "genai_config.json").get("model", {})
    generation, config = _read(directory / "generation_config.json"), _read(directory / "config.json")
    tokenizer = _read(directory / "tokenizer_config.json")
    text = config.get("text_config", config)
    context = genai.get("context_length") or text.get("max_position_embeddings")
    if not isinstance(context, int):
        return None
    sources = (genai, generation, text, config)
    decoder = genai.get("decoder", {})
    head_size = decoder.get("head_size") or text.get("head_dim")
    if head_size is None and {"hidden_size", "num_attention_heads"} <= text.keys():
        head_size = text["hidden_size"] // text["num_attention_heads"]
    return {
        "format": "lutra-model",
        "name": str(config.get("_name_or_path") or genai.get("type") or directory.name),
        "context_length": context,
        "bos_token_id": _first(_tokens(source.get("bos_token_id")) for source in sources),
        "eos_token_ids": sorted({token for source in sources for token in _tokens(source.get("eos_token_id"))}),
        "add_bos_token": bool(tokenizer.get("add_bos_token", False)),
        "chat_template": _template(directory, tokenizer),
        "head_size": head_size,
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise LutraError(f"'{path}' is damaged: {error}") from error
    if not isinstance(found, dict):
        raise LutraError(f"'{path}' is damaged: expected an object")
    return found


def _tokens(value: Any) -> list[int]:
    return [token for token in (value if isinstance(value, list) else [value]) if isinstance(token, int)]


def _first(candidates: Any) -> int | None:
    return next((tokens[0] for tokens in candidates if tokens), None)


def _template(directory: Path, tokenizer: dict[str, Any]) -> str | None:
    """The chat template; of several the one named default."""
    path = directory / "chat_template.jinja"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    found = tokenizer.get("chat_template")
    if isinstance(found, list):
        found = next((entry.get("template") for entry in found if entry.get("name") == "default"), None)
    return found if isinstance(found, str) else None
