"""Trains the ternary model, or its full-precision twin, on one GPU.

    python train.py CORPUS OUT            the ternary model
    python train.py CORPUS OUT --float    the twin: same tokens, same sizes, no quantization

CORPUS holds train.npz and valid.npz (train_tokenizer.py). OUT gets NAME.json, the log, after each evaluation, and at
the end the weights that did best on the validation text: ternary.npz, or float-0.npz and so on (f16, in files of less
than 16 MB).

The learning rate follows the steps done, or the time used where that is further: linear warm-up, then cosine to a
twentieth. Weights decay only in the first half, as BitNet b1.58 is trained in two stages: ternary weights have
settled by then, and decay would only move them across the threshold.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from export_weights import save_float, save_ternary
from model import Config, Decoder


class Windows:
    """Training batches: documents in a new order each epoch, cut into windows without gaps."""

    def __init__(self, path: Path, length: int, batch: int, seed: int, device: str) -> None:
        arrays = np.load(path)
        self._documents = np.split(arrays["tokens"].astype(np.int32), arrays["starts"][1:])
        self._length, self._batch, self._device = length, batch, device
        self._random = np.random.default_rng(seed)
        self._left = torch.empty(0, length + 1, dtype=torch.int32, device=device)
        self.tokens = len(arrays["tokens"])

    def next(self) -> tuple[torch.Tensor, torch.Tensor]:
        while len(self._left) < self._batch:
            order = self._random.permutation(len(self._documents))
            # The last document's end stands before the first; the cut begins anywhere, so windows differ each epoch.
            stream = np.concatenate([self._documents[i] for i in order])
            stream = np.roll(stream, int(self._random.integers(self._length)))
            windows = (len(stream) - 1) // self._length
            index = np.arange(windows)[:, None] * self._length + np.arange(self._length + 1)
            shuffled = stream[index][self._random.permutation(windows)]
            self._left = torch.cat([self._left, torch.from_numpy(shuffled).to(self._device)])
        batch, self._left = self._left[: self._batch].long(), self._left[self._batch :]
        return batch[:, :-1], batch[:, 1:]


class Validation:
    """Losses on held-out documents, per kind of source. Windows do not overlap; each begins with the token before."""

    def __init__(self, path: Path, length: int, device: str) -> None:
        arrays = np.load(path)
        documents = np.split(arrays["tokens"].astype(np.int64), arrays["starts"][1:])
        self._kinds = {}
        kinds = np.array(
            [
                "manuals" if "-doc" in source else "debian" if source == "debian" else "books"
                for source in arrays["sources"]
            ]
        )
        for kind in ("debian", "manuals", "books"):
            chosen = kinds == kind
            stream = np.concatenate(
                [np.zeros(1, np.int64), *(d for d, use in zip(documents, chosen, strict=True) if use)]
            )
            windows = (len(stream) - 1) // length
            index = np.arange(windows)[:, None] * length + np.arange(length + 1)
            self._kinds[kind] = torch.from_numpy(stream[index]).to(device)

    @torch.no_grad()
    def losses(self, model: Decoder) -> dict[str, float]:
        """Nats a token of each kind, and of all."""
        model.eval()
        sums, counts = {}, {}
        for kind, windows in self._kinds.items():
            parts = [(model.loss(part[:, :-1], part[:, 1:]).item(), len(part)) for part in windows.split(64)]
            counts[kind] = sum(count for _, count in parts)
            sums[kind] = sum(value * count for value, count in parts)
        model.train()
        result = {kind: sums[kind] / counts[kind] for kind in sums}
        return result | {"all": sum(sums.values()) / sum(counts.values())}


def parameter_groups(model: Decoder) -> list[dict]:
    """Decay for matrices, none for norms."""
    matrices = [p for p in model.parameters() if p.ndim == 2]
    others = [p for p in model.parameters() if p.ndim != 2]
    return [{"params": matrices, "decays": True}, {"params": others, "decays": False, "weight_decay": 0.0}]


def schedule(progress: float, warmup: float) -> float:
    """The learning rate at 0 <= progress <= 1, as a part of its peak."""
    if progress < warmup:
        return (progress + 1e-3) / warmup
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--float", action="store_true", help="train the full-precision twin")
    parser.add_argument("--steps", type=int, default=8500)
    parser.add_argument(
        "--seconds",
        type=float,
        default=math.inf,
        help="of training, without start and compilation; then it is over, steps or not",
    )
    parser.add_argument("--batch", type=int, default=64, help="windows a step")
    parser.add_argument("--rate", type=float, help="peak learning rate (ternary 6e-3, float 2.5e-3)")
    parser.add_argument("--decay", type=float, default=0.1)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--warmup", type=float, default=0.03)
    parser.add_argument("--evaluations", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--name", help="of the log (ternary or float)")
    parser.add_argument("--no-save", action="store_true", help="only the log")
    for field in fields(Config):
        if field.name != "ternary":
            parser.add_argument(f"--{field.name.replace('_', '-')}", type=type(field.default), default=field.default)
    return parser.parse_args()


def main() -> None:
    a = arguments()
    began = time.monotonic()
    torch.manual_seed(a.seed)
    torch.backends.cuda.matmul.allow_tf32 = False
    config = Config(
        **{field.name: getattr(a, field.name) for field in fields(Config) if field.name != "ternary"},
        ternary=not a.float,
    )
    name = a.name or ("float" if a.float else "ternary")
    a.out.mkdir(parents=True, exist_ok=True)
    windows = Windows(a.corpus / "train.npz", config.context, a.batch, a.seed, a.device)
    validation = Validation(a.corpus / "valid.npz", config.context, a.device)
    model = Decoder(config, a.dropout).to(a.device).train()
    cuda = a.device == "cuda"
    loss_of = torch.compile(model.loss) if cuda else model.loss
    peak = a.rate or (2.5e-3 if a.float else 6e-3)
    optimizer = torch.optim.AdamW(parameter_groups(model), lr=peak, betas=(0.9, 0.95), weight_decay=a.decay, fused=cuda)
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{name}: {parameters:,} parameters, {windows.tokens:,} training tokens", flush=True)

    def step(progress: float) -> torch.Tensor:
        for group in optimizer.param_groups:
            group["lr"] = peak * schedule(progress, a.warmup)
            if group["decays"]:
                group["weight_decay"] = a.decay if progress < 0.5 else 0.0
        loss = loss_of(*windows.next())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    # Compile on a step after which the weights and the optimizer start anew.
    saved = {key: value.clone() for key, value in model.state_dict().items()}
    step(0.0)
    model.load_state_dict(saved)
    optimizer.state.clear()
    print(f"compiled after {time.monotonic() - began:.0f} s", flush=True)

    log = {
        "name": name,
        "config": config.as_dict(),
        "parameters": parameters,
        "training_tokens": windows.tokens,
        "steps": a.steps,
        "batch_tokens": a.batch * config.context,
        "peak_rate": peak,
        "decay": a.decay,
        "dropout": a.dropout,
        "curve": [],
    }
    every = max(a.steps // a.evaluations, 1)
    best, best_weights, mean, start, progress, i = math.inf, None, None, time.monotonic(), 0.0, 0
    while progress < 1:
        loss = step(progress)
        mean = loss if mean is None else mean.lerp(loss, 0.02)
        i += 1
        progress = max(i / a.steps, (time.monotonic() - start) / a.seconds)
        if i % every == 0 or progress >= 1:
            losses = validation.losses(model)
            seconds = time.monotonic() - start
            log["curve"].append(
                {
                    "step": i,
                    "seconds": round(seconds, 1),
                    "epochs": i * log["batch_tokens"] / windows.tokens,
                    "train": mean.item(),
                    **{f"valid_{kind}": value for kind, value in losses.items()},
                }
            )
            (a.out / f"{name}.json").write_text(json.dumps(log, indent=1))
            print(
                f"{i:6} {seconds:6.0f} s  train {mean.item():.4f}  valid "
                + "  ".join(f"{kind} {value:.4f}" for kind, value in losses.items()),
                flush=True,
            )
            if losses["all"] < best:
                best, best_step = losses["all"], i
                best_weights = {key: value.detach().clone() for key, value in model.state_dict().items()}
    model.load_state_dict(best_weights)
    in_bf16 = validation.losses(model)
    in_f32 = validation.losses(model.exact())
    log |= {
        "best_step": best_step,
        "best_valid_bf16": in_bf16,
        "best_valid": in_f32,
        "seconds": time.monotonic() - start,
    }
    print(f"best: step {best_step}, valid {in_f32} (bf16 {in_bf16})", flush=True)
    (a.out / f"{name}.json").write_text(json.dumps(log, indent=1))
    if not a.no_save:
        (save_float if a.float else save_ternary)(model, a.out)


if __name__ == "__main__":
    main()
