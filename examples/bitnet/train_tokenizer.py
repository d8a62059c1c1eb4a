"""Trains the byte-pair tokenizer on the training text that corpus.py made, and turns all of it into tokens.

    python train_tokenizer.py CORPUS [--encode-only]

writes tokenizer.json beside this file (unless --encode-only), and CORPUS/<part>.npz for each part: `tokens` u16, all
documents one after the other, each ending in <|end|>; `starts` i64, where documents begin; `sources`, where they are
from; `bytes`, how long they are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = Path(__file__).parent
VOCABULARY = 6144
#: Ends a document, and so also stands before each: the model's beginning of text.
END = "<|end|>"


def read(path: Path) -> Iterator[dict]:
    """The documents of a .jsonl file."""
    with open(path, encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def train(texts: Iterator[str]) -> Tokenizer:
    """Byte-level byte pairs; digits stand alone, so that numbers need no vocabulary."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def encode(tokenizer: Tokenizer, documents: list[dict]) -> dict[str, np.ndarray]:
    """The arrays of a .npz file."""
    end = tokenizer.token_to_id(END)
    ids = [[*encoding.ids, end] for encoding in tokenizer.encode_batch([document["text"] for document in documents])]
    return {
        "tokens": np.concatenate([np.array(document, np.uint16) for document in ids]),
        "starts": np.cumsum([0] + [len(document) for document in ids[:-1]], dtype=np.int64),
        "sources": np.array([document["source"] for document in documents]),
        "bytes": np.array([len(document["text"].encode()) for document in documents], np.int64),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--encode-only", action="store_true", help="use the tokenizer.json that is there")
    arguments = parser.parse_args()
    if arguments.encode_only:
        tokenizer = Tokenizer.from_file(str(HERE / "tokenizer.json"))
    else:
        tokenizer = train(document["text"] for document in read(arguments.corpus / "train.jsonl"))
        tokenizer.save(str(HERE / "tokenizer.json"), pretty=False)
    for part in ("train", "valid", "test"):
        arrays = encode(tokenizer, list(read(arguments.corpus / f"{part}.jsonl")))
        np.savez_compressed(arguments.corpus / f"{part}.npz", **arrays)
        print(
            f"{part:6} {len(arrays['starts']):7,} documents {len(arrays['tokens']):10,} tokens, "
            f"{arrays['bytes'].sum() / len(arrays['tokens']):.2f} bytes a token"
        )


if __name__ == "__main__":
    main()
