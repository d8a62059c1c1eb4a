"""Weight formats: what docs/spec/onnx-domain.md specifies, in numpy, independent of the compiler.

from lutra import formats
format = formats.parse("uniform(bits=3, group=64)")
components = format.quantize(weights)                    # {"codes": uint8 [N, G, 24], "scales": f32 [N, G]}
values = format.dequantize(components, *weights.shape)   # f64 [N, K]
"""

from __future__ import annotations

from lutra.formats.activations import Activation, parse_activation
from lutra.formats.base import Component, Components, Format
from lutra.formats.codebook import Codebook
from lutra.formats.composite import Mixed, Nested, Outliers
from lutra.formats.grammar import parse
from lutra.formats.layout import Granularity, ScaleType
from lutra.formats.planes import BCQ, Bipolar
from lutra.formats.ternary import Ternary
from lutra.formats.uniform import Uniform

__all__ = [
    "BCQ",
    "Activation",
    "Bipolar",
    "Codebook",
    "Component",
    "Components",
    "Format",
    "Granularity",
    "Mixed",
    "Nested",
    "Outliers",
    "ScaleType",
    "Ternary",
    "Uniform",
    "parse",
    "parse_activation",
]
