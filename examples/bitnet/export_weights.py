"""Writes the trained weights as numpy files: what inference needs, and no more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from model import Decoder, Norm, Product, quantize_rows, quantize_ternary

#: Largest file of full-precision weights.
_PART = 15 << 20


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()


@torch.no_grad()
def save_ternary(model: Decoder, directory: Path) -> None:
    """ternary.npz: `<product>` i8 -1..1 with `<product>.alpha` f32 [1], the vocabulary as i8 with `vocabulary.step` f32
    [rows], norms as f32."""
    arrays: dict[str, np.ndarray] = {}
    for name, module in model.named_modules():
        if isinstance(module, Product):
            signs, alpha = quantize_ternary(module.weight)
            arrays[name] = _numpy(signs.float()).astype(np.int8)
            arrays[f"{name}.alpha"] = _numpy(alpha).reshape(1)
        elif isinstance(module, Norm):
            arrays[name] = _numpy(module.weight)
    codes, step = quantize_rows(model.vocabulary.weight)
    arrays["vocabulary"] = _numpy(codes.float()).astype(np.int8)
    arrays["vocabulary.step"] = _numpy(step).reshape(-1)
    np.savez_compressed(directory / "ternary.npz", **arrays)


@torch.no_grad()
def save_float(model: Decoder, directory: Path) -> None:
    """float-0.npz, float-1.npz, ...: every parameter, matrices as f16, norms as f32."""
    parts: list[dict[str, np.ndarray]] = [{}]
    for name, parameter in model.named_parameters():
        array = _numpy(parameter).astype(np.float16 if parameter.ndim == 2 else np.float32)
        if sum(held.nbytes for held in parts[-1].values()) + array.nbytes > _PART:
            parts.append({})
        parts[-1][name.removesuffix(".weight")] = array
    for i, part in enumerate(parts):
        np.savez_compressed(directory / f"float-{i}.npz", **part)
