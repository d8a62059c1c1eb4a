# RUN: %python %s
"""What lutra.eval measures: perplexity, KL divergence and the share of equal likeliest tokens, against numbers found by hand."""

import math
import unittest
from collections.abc import Sequence

import numpy as np
from lutra.errors import LutraError
from lutra.eval.measures import compare, perplexity


class Fixed:
    """A model whose distribution after any token is the same."""

    def __init__(self, *probabilities: float) -> None:
        self.logits = np.log(np.asarray(probabilities, np.float32)) + 3

    def reset(self) -> None:
        pass

    def feed(self, tokens: Sequence[int]) -> np.ndarray:
        return np.tile(self.logits, (len(tokens), 1))


class Measures(unittest.TestCase):
    def test_perplexity_is_the_inverse_of_the_geometric_mean(self) -> None:
        # Predicted are 0, 1, 1: the first token of a window is not.
        expected = (0.5 * 0.25 * 0.25) ** (-1 / 3)
        self.assertAlmostEqual(perplexity(Fixed(0.5, 0.25, 0.25), [2, 0, 1, 1]), expected, places=5)
        # Two windows of 2: of each, the second token.
        self.assertAlmostEqual(perplexity(Fixed(0.5, 0.25, 0.25), [2, 0, 1, 1], window=2), math.sqrt(8), places=5)

    def test_comparison(self) -> None:
        found = compare(Fixed(0.25, 0.5, 0.25), Fixed(0.5, 0.25, 0.25), [0, 1, 2] * 50)
        divergence = 0.5 * math.log(2) - 0.25 * math.log(2)
        self.assertAlmostEqual(found.kl_mean, divergence, places=5)
        self.assertAlmostEqual(found.kl_max, divergence, places=5)
        self.assertEqual((found.same_top_token, found.predictions), (0, 149))
        same = compare(Fixed(0.25, 0.5, 0.25), Fixed(0.25, 0.5, 0.25), [0, 1, 2])
        self.assertEqual((same.kl_mean, same.same_top_token, same.predictions), (0, 1, 2))
        self.assertEqual(same.perplexity, same.reference_perplexity)

    def test_refusals(self) -> None:
        model = Fixed(0.5, 0.5)
        with self.assertRaisesRegex(LutraError, "1 tokens: expected at least 2"):
            perplexity(model, [0])
        with self.assertRaisesRegex(LutraError, "window must be at least 2"):
            perplexity(model, [0, 1], window=1)
        with self.assertRaisesRegex(LutraError, "vocabularies differ: 2 and 3"):
            compare(model, Fixed(0.5, 0.25, 0.25), [0, 1])


if __name__ == "__main__":
    unittest.main()
