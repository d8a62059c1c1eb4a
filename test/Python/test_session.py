# RUN: %python %s
"""lutra.compile, Session and KVCache on the tiny model, against onnxruntime."""

import tempfile
import unittest
from pathlib import Path

import lutra
import numpy as np
import onnxruntime
from lutra.decoder import Decoder

FIXTURE = Path(__file__).resolve().parents[1] / "Fixtures" / "tiny_llama.onnx"
IDS = [1, 5, 300, 17, 42, 9, 88]


def feeds(
    ids: list[list[int]], past: list[np.ndarray] | None = None, total: int | None = None
) -> dict[str, np.ndarray]:
    past = past or [np.zeros((len(ids), 2, 0, 32), np.float32)] * 4
    names = [f"past_key_values.{layer}.{part}" for layer in range(2) for part in ("key", "value")]
    total = past[0].shape[2] + len(ids[0]) if total is None else total
    return {
        "input_ids": np.array(ids, np.int64),
        "attention_mask": np.ones((len(ids), total), np.int64),
        **dict(zip(names, past)),
    }


class SessionTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        root = Path(cls.folder.name)
        cls.phases: list[tuple[str, float]] = []
        cls.exact = lutra.compile(
            FIXTURE,
            root / "exact.lutra",
            options={"table": "f32"},
            progress=lambda phase, fraction: cls.phases.append((phase, fraction)),
        )
        cls.default = lutra.compile(FIXTURE, root / "default.lutra")
        cls.reference = onnxruntime.InferenceSession(FIXTURE, providers=["CPUExecutionProvider"])
        cls.session = lutra.Session(cls.exact)

    def test_metadata(self) -> None:
        inputs, outputs = self.session.inputs(), self.session.outputs()
        self.assertEqual([info.name for info in inputs], [value.name for value in self.reference.get_inputs()])
        self.assertEqual([info.name for info in outputs], [value.name for value in self.reference.get_outputs()])
        self.assertEqual(
            inputs[0], lutra.TensorInfo("input_ids", np.dtype(np.int64), ("batch_size", "sequence_length"))
        )
        self.assertEqual(inputs[2].shape, ("batch_size", 2, "past_sequence_length", 32))

    def test_progress_goes_from_start_to_end(self) -> None:
        fractions = [fraction for _, fraction in self.phases]
        self.assertTrue(fractions)
        self.assertEqual(fractions, sorted(fractions))
        self.assertLessEqual(fractions[-1], 1.0)

    def test_prefill_agrees_with_onnxruntime(self) -> None:
        for ids in ([IDS], [IDS, IDS[::-1]], [[3]]):
            with self.subTest(batch=len(ids), length=len(ids[0])):
                for ours, theirs in zip(self.session.run(None, feeds(ids)), self.reference.run(None, feeds(ids))):
                    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5)

    def test_i8_tables_are_close_to_onnxruntime(self) -> None:
        (ours,), theirs = (
            lutra.Session(self.default).run(["logits"], feeds([IDS])),
            self.reference.run(["logits"], feeds([IDS]))[0],
        )
        self.assertLess(np.abs(ours - theirs).max(), 0.15)

    def test_decode_with_the_cache_in_place_equals_prefill(self) -> None:
        whole = self.reference.run(["logits"], feeds([IDS]))[0][0]
        decoder = Decoder(lutra.Session(self.exact), 16)
        first = decoder.feed(IDS[:3])
        np.testing.assert_allclose(first, whole[:3], rtol=0, atol=2e-5)
        for position in range(3, len(IDS)):
            np.testing.assert_allclose(decoder.feed([IDS[position]])[0], whole[position], rtol=0, atol=2e-5)
        decoder.reset()
        np.testing.assert_array_equal(decoder.feed(IDS[:3]), first)

    def test_the_number_of_threads_does_not_change_the_bits(self) -> None:
        for artifact in (self.exact, self.default):
            results = []
            for threads in (1, 2):
                results.append(lutra.Session(artifact, threads=threads).run(None, feeds([IDS])))
            for one, two in zip(*results):
                np.testing.assert_array_equal(one, two)

    def test_strided_arrays_are_used_where_they_lie(self) -> None:
        plain = feeds([IDS])
        expected = self.session.run(None, plain)
        spread = np.zeros((1, len(IDS), 2), np.int64)
        spread[:, :, 0] = IDS
        logits = np.full((1, len(IDS) + 2, 400), -1, np.float32)
        view = logits[:, 1:-1, :320]
        ours = self.session.run(None, {**plain, "input_ids": spread[:, :, 0]}, {"logits": view})
        self.assertIs(ours[0], view)
        for one, two in zip(ours, expected):
            np.testing.assert_array_equal(one, two)
        self.assertTrue((logits[:, 0] == -1).all() and (logits[:, :, 320:] == -1).all())

    def test_past_and_present_in_the_same_memory(self) -> None:
        cache = lutra.KVCache(self.session.inputs(), self.session.outputs(), 12)
        base = feeds([IDS])
        step = {name: base[name] for name in ("input_ids", "attention_mask")}
        logits = self.session.run(["logits"], {**step, **cache.past()}, cache.present(len(IDS)))[0]
        cache.advance(len(IDS))
        expected = self.session.run(None, base)
        np.testing.assert_array_equal(logits, expected[0])
        for ours, theirs in zip(cache.past().values(), expected[1:]):
            np.testing.assert_array_equal(ours, theirs)
        with self.assertRaisesRegex(lutra.LutraError, "holds 12 positions, of which 7 are used: 6 more do not fit"):
            cache.present(6)

    def test_closing_one_of_two_sessions_leaves_the_next_model_its_own_code(self) -> None:
        """The descriptor of the closed session is the next one's: its name must not find the image that is still loaded."""
        expected = lutra.Session(self.default).run(["logits"], feeds([IDS]))[0]
        with lutra.Session(self.exact) as kept:
            lutra.Session(self.exact).close()
            with lutra.Session(self.default) as other:
                np.testing.assert_array_equal(other.run(["logits"], feeds([IDS]))[0], expected)
            self.assertFalse(np.array_equal(kept.run(["logits"], feeds([IDS]))[0], expected))

    # What is refused.

    def assert_refused(
        self, message: str, inputs: dict, names: list[str] | None = None, outputs: dict | None = None
    ) -> None:
        with self.assertRaisesRegex(lutra.LutraError, message):
            self.session.run(names, inputs, outputs)

    def test_wrong_inputs(self) -> None:
        good = feeds([IDS])
        self.assert_refused("no input 'ids'; it has 'input_ids', 'attention_mask'", {"ids": good["input_ids"]})
        self.assert_refused(
            "no array was given for input 'past_key_values.1.value'",
            {name: array for name, array in good.items() if name != "past_key_values.1.value"},
        )
        self.assert_refused(
            "'input_ids' has dtype int32; expected int64", {**good, "input_ids": good["input_ids"].astype(np.int32)}
        )
        self.assert_refused("'input_ids' must be a numpy array, not list", {**good, "input_ids": [IDS]})
        self.assert_refused(
            r"'input_ids' has shape \[7\]; expected \[batch_size, sequence_length\]",
            {**good, "input_ids": good["input_ids"][0]},
        )
        self.assert_refused(
            r"'past_key_values.0.key' has shape \[1, 3, 0, 32\]; expected \[batch_size, 2, ",
            {**good, "past_key_values.0.key": np.zeros((1, 3, 0, 32), np.float32)},
        )
        self.assert_refused(
            "'batch_size' is 1 in input 'input_ids' but 2 in input 'attention_mask'",
            {**good, "attention_mask": np.ones((2, 7), np.int64)},
        )

    def test_wrong_outputs(self) -> None:
        good = feeds([IDS])
        self.assert_refused("no output 'logit'; it has 'logits'", good, ["logit"])
        self.assert_refused("logits", good, None, {"logits": np.zeros((1, 6, 320), np.float32)})
        frozen = np.zeros((1, 7, 320), np.float32)
        frozen.flags.writeable = False
        self.assert_refused("output 'logits' is a read-only array", good, None, {"logits": frozen})

    def test_a_failed_check_is_an_error_that_leaves_the_session_usable(self) -> None:
        longest = 128  # rows of the cos and sin caches
        self.assert_refused("attention: .*rotary tables", feeds([[3] * (longest + 1)]))
        self.assertEqual(self.session.run(["logits"], feeds([[3] * longest]))[0].shape, (1, longest, 320))

    def test_a_token_out_of_range_is_a_row_of_zeros(self) -> None:
        for ours, theirs in zip(self.session.run(None, feeds([[1, 320]])), self.reference.run(None, feeds([[1, 320]]))):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5)

    def test_artifacts_that_are_none(self) -> None:
        with self.assertRaisesRegex(lutra.LutraError, "missing.lutra"):
            lutra.Session(Path(self.folder.name) / "missing.lutra")
        with self.assertRaisesRegex(lutra.LutraError, "session is closed"):
            with lutra.Session(self.exact) as session:
                pass
            session.run(None, feeds([IDS]))

    def test_compile_errors_carry_the_diagnostic(self) -> None:
        with self.assertRaisesRegex(lutra.LutraError, "missing.onnx"):
            lutra.compile("missing.onnx", Path(self.folder.name) / "x.lutra")
        with self.assertRaisesRegex(lutra.LutraError, "tabel.*table"):
            lutra.compile(FIXTURE, Path(self.folder.name) / "x.lutra", options={"tabel": "f32"})
        with self.assertRaisesRegex(lutra.LutraError, "gpu"):
            lutra.compile(FIXTURE, Path(self.folder.name) / "x.lutra", "gpu")


if __name__ == "__main__":
    unittest.main()
