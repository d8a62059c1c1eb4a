"""Writes the graphs in exporters/: tiny random-weight models as onnxruntime-genai's model builder and Hugging Face's exporter write them.

Needs torch, transformers, onnxruntime-genai and optimum-onnx (a few GB), so it runs in an environment of its own:

    python -m venv /tmp/exporters
    /tmp/exporters/bin/pip install torch transformers onnxruntime-genai onnx_ir onnxruntime onnxscript optimum-onnx

onnxruntime-genai 0.18 wants transformers 5 and optimum-onnx 0.1 transformers 4: give the former's graphs an environment of their own.
    /tmp/exporters/bin/python test/Fixtures/make_exporter_graphs.py test/Fixtures/exporters [name...]

Each graph is one file, its weights inside. The seed is fixed; other versions of the exporters write other graphs.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import onnx
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PretrainedConfig, PreTrainedTokenizerFast

VOCABULARY = 160
SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
    "tie_word_embeddings": False,
}
ROPE = {"type": "longrope", "short_factor": [1.0] * 8, "long_factor": [1.5] * 8}


def config(family: str) -> PretrainedConfig:
    """The family's configuration at a toy's size."""
    extra: dict[str, object] = {}
    if family in ("Gemma", "Qwen3", "Gemma3Text"):
        extra = {"head_dim": 16}
    if family == "Phi3":
        extra = {"original_max_position_embeddings": 32, "rope_scaling": ROPE, "sliding_window": None}
    if family == "SmolLM3":
        extra = {"no_rope_layers": [1, 0], "use_sliding_window": False}
    return getattr(transformers, f"{family}Config")(**{**SIZES, **extra})


def checkpoint(family: str, folder: Path) -> None:
    """A random model of the family with a tokenizer, as a folder that exporters read."""
    torch.manual_seed(7)
    settings = config(family)
    model = AutoModelForCausalLM.from_config(settings).eval().to(torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, 0.12)
    model.save_pretrained(folder)
    words = {f"w{i}": i for i in range(VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="w1", eos_token="w2", pad_token="w0").save_pretrained(
        folder
    )


def embed_weights(source: Path, target: Path) -> None:
    """One file, with no documentation strings and no names of the machine that wrote it."""
    model = onnx.load(source)
    model.doc_string = ""
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    del model.metadata_props[:]
    onnx.save(model, target)


def with_builder(family: str, target: Path, **options: object) -> None:
    from onnxruntime_genai.models.builder import create_model, parse_extra_options

    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "source", Path(folder) / "output"
        checkpoint(family, source)
        precision = str(options.pop("precision", "int4"))
        place = ("", str(source), str(output), precision, "cpu", str(Path(folder) / "cache"))
        create_model(*place, **parse_extra_options(*place, [f"{key}={value}" for key, value in options.items()]))
        embed_weights(output / "model.onnx", target)


def with_optimum(family: str, target: Path) -> None:
    from optimum.exporters.onnx import main_export

    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "source", Path(folder) / "output"
        checkpoint(family, source)
        main_export(str(source), str(output), task="text-generation-with-past", do_validation=False)
        embed_weights(output / "model.onnx", target)


#: File name to how it is made.
GRAPHS = {
    "genai-llama-int4": lambda path: with_builder("Llama", path),
    "genai-llama-int4-asymmetric": lambda path: with_builder("Llama", path, int4_is_symmetric=False),
    "genai-llama-int4-unfused": lambda path: with_builder("Llama", path, disable_qkv_fusion=True),
    "genai-llama-int4-qdq": lambda path: with_builder("Llama", path, use_qdq=True),
    "genai-qwen2-int4": lambda path: with_builder("Qwen2", path),
    "genai-qwen3-int4": lambda path: with_builder("Qwen3", path),
    "genai-phi3-int4": lambda path: with_builder("Phi3", path),
    "genai-gemma-int4": lambda path: with_builder("Gemma", path),
    "genai-llama-fp32": lambda path: with_builder("Llama", path, precision="fp32"),
    "hf-llama": lambda path: with_optimum("Llama", path),
    "hf-qwen2": lambda path: with_optimum("Qwen2", path),
    "hf-qwen3": lambda path: with_optimum("Qwen3", path),
    "hf-phi3": lambda path: with_optimum("Phi3", path),
    "hf-gemma": lambda path: with_optimum("Gemma", path),
    "hf-smollm3": lambda path: with_optimum("SmolLM3", path),
}


def main() -> int:
    folder, names = Path(sys.argv[1]), sys.argv[2:] or list(GRAPHS)
    folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    for name in names:
        try:
            GRAPHS[name](folder / f"{name}.onnx")
            print(f"{name}: {(folder / f'{name}.onnx').stat().st_size} bytes")
        except Exception as error:
            failed += 1
            print(f"{name}: {type(error).__name__}: {str(error)[:400]}")
    shutil.rmtree("cache_dir", ignore_errors=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
