# RUN: %python %s
"""lutra.Generator on a tiny model: streams, stops, sampling, chats, batches, cache reuse, interruption."""

import os
import tempfile
import unittest
from pathlib import Path

import lutra
import numpy as np
from lutra.batch import BatchDecoder
from lutra.decoder import Decoder
from lutra.generator import Generator, StopStrings, generate
from lutra.inference import SessionOptions
from lutra.sampling import Sampler, Sampling
from tiny_gguf import TinyGGUF

rng = np.random.default_rng(3)


class SamplingTest(unittest.TestCase):
    def draws(self, logits: np.ndarray, count: int = 400, **options: float) -> np.ndarray:
        sampler = Sampler(sampling=Sampling(seed=5, **options))
        return np.bincount([sampler(logits) for _ in range(count)], minlength=len(logits)) / count

    def test_filters_keep_what_they_say(self) -> None:
        probabilities = np.array([0.05, 0.4, 0.1, 0.25, 0.2])
        logits = np.log(probabilities).astype(np.float32)
        for options, kept in (
            ({"top_k": 2}, [1, 3]),
            ({"top_p": 0.6}, [1, 3]),
            ({"top_p": 0.7}, [1, 3, 4]),
            ({"min_p": 0.45}, [1, 3, 4]),
            ({"min_p": 0.2, "top_k": 4}, [1, 2, 3, 4]),
            ({"top_k": 3, "top_p": 0.75}, [1, 3]),
            ({"top_k": 9}, [0, 1, 2, 3, 4]),
        ):
            with self.subTest(options):
                found = self.draws(logits, temperature=1.0, **options)
                expected = np.where(np.isin(np.arange(5), kept), probabilities, 0)
                np.testing.assert_allclose(found, expected / expected.sum(), atol=0.08)
                self.assertEqual(list(np.flatnonzero(found)), kept)

    def test_temperature(self) -> None:
        logits = rng.standard_normal(8).astype(np.float32)
        self.assertEqual(self.draws(logits)[logits.argmax()], 1)
        weights = np.exp(logits / 2.0)
        np.testing.assert_allclose(self.draws(logits, 4000, temperature=2.0), weights / weights.sum(), atol=0.03)

    def test_repetition_penalty(self) -> None:
        sampler = Sampler(sampling=Sampling(repetition_penalty=2.0))
        logits = np.array([3.0, 2.0, -1.0], np.float32)
        self.assertEqual((sampler(logits), sampler(logits, [0, 0]), sampler(logits, [0, 1])), (0, 1, 0))
        self.assertEqual(sampler(np.array([-1.0, -1.5], np.float32), [0]), 1)
        self.assertEqual(list(logits), [3, 2, -1])

    def test_refusals(self) -> None:
        for options in ({"temperature": -1}, {"top_p": 0}, {"top_k": -1}, {"min_p": 2}, {"repetition_penalty": 0}):
            with self.subTest(options), self.assertRaises(ValueError):
                Sampling(**options)


class StopTest(unittest.TestCase):
    def test_every_way_to_cut_gives_the_same(self) -> None:
        text, stops = "one, two, <en> three <end> four", ["<end>", "four"]
        for _ in range(50):
            cuts = sorted(rng.integers(0, len(text), 6))
            stop, found = StopStrings(stops), ""
            for piece in (text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)):
                if not stop.found:
                    found += stop.push(piece)
            self.assertEqual((found, stop.found), ("one, two, <en> three ", True))

    def test_what_is_held_back_comes_in_the_end(self) -> None:
        stop = StopStrings(["abc"])
        self.assertEqual((stop.push("xab"), stop.push("ab"), stop.finish(), stop.found), ("x", "ab", "ab", False))
        with self.assertRaisesRegex(lutra.LutraError, "must not be empty"):
            StopStrings([""])


class GeneratorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        root = Path(folder.name)
        TinyGGUF(root / "tiny.gguf")
        cls.artifacts = []
        for name, select in (("all", False), ("selected", True)):
            onnx = lutra.convert_gguf(root / "tiny.gguf", root / name / "tiny.onnx", select_logits=select)
            cls.artifacts.append(lutra.compile(onnx, root / f"{name}.lutra", options={"table": "f32"}))
        cls.onnx, cls.root = onnx, root
        cls.model = Generator(cls.artifacts[1], context=200)

    def reference(self, prompt: str, count: int) -> list[int]:
        """Greedy tokens, everything computed anew for each."""
        ids = self.model.text.encode(prompt)
        found: list[int] = []
        session = lutra.Session(self.artifacts[0])
        for _ in range(count):
            token = int(Decoder(session, 256).feed([*ids, *found])[-1].argmax())
            if token in self.model.text.eos:
                break
            found.append(token)
        return found

    def test_a_stream_is_the_greedy_text(self) -> None:
        self.model.reset()
        expected = self.reference("in the", 12)
        pieces = list(self.model.stream("in the", max_tokens=12))
        self.assertEqual("".join(pieces), self.model.text.decode(expected))
        self.assertIn(self.model.finish_reason, ("length", "stop"))
        self.assertEqual("".join(self.model.stream(self.model.text.encode("in the"), max_tokens=12)), "".join(pieces))

    def test_stop_tokens_and_strings(self) -> None:
        tokens = self.reference("the thing", 12)
        text = self.model.text.decode(tokens)
        cut = self.model.text.decode(tokens[:5])
        self.assertEqual("".join(self.model.stream("the thing", max_tokens=12, stop=[tokens[5]])).rstrip("\ufffd"),
                         self.model.text.decode(tokens[: tokens.index(tokens[5])]).rstrip("\ufffd"))  # fmt: skip
        word = text[len(cut) : len(cut) + 2]
        self.assertEqual("".join(self.model.stream("the thing", max_tokens=12, stop=[word])), text[: text.index(word)])
        self.assertEqual(self.model.finish_reason, "stop")

    def test_the_same_seed_gives_the_same_text(self) -> None:
        options = {"temperature": 1.0, "top_k": 40, "seed": 4, "max_tokens": 16}
        first = "".join(self.model.stream("the", **options))
        self.assertEqual("".join(self.model.stream("the", **options)), first)
        self.assertNotEqual("".join(self.model.stream("the", **{**options, "seed": 5})), first)

    def test_a_chat_uses_the_cache_of_the_turns_before(self) -> None:
        self.model.reset()
        messages = [{"role": "user", "content": "in the thing"}]
        answer = "".join(self.model.chat(messages, max_tokens=8))
        fed = self.model.timings.prefill_tokens
        messages += [{"role": "assistant", "content": answer}, {"role": "user", "content": "then"}]
        second = "".join(self.model.chat(messages, max_tokens=8))
        used = self.model.timings.prefill_tokens - fed
        fresh = Generator(self.artifacts[1])
        self.assertEqual("".join(fresh.chat(messages, max_tokens=8)), second)
        # The first turn is not computed again.
        self.assertLess(used, fresh.timings.prefill_tokens - len(self.model.text.encode("in the thing")))

    def test_an_interrupted_stream_leaves_the_generator_ready(self) -> None:
        expected = "".join(self.model.stream("thin inn", max_tokens=12))
        stream = self.model.stream("thin inn and more", max_tokens=50)
        for _ in range(3):
            next(stream)
        with self.assertRaises(KeyboardInterrupt):
            stream.throw(KeyboardInterrupt)
        self.assertEqual("".join(self.model.stream("thin inn", max_tokens=12)), expected)
        for _ in self.model.stream("the other", max_tokens=50):
            break
        self.assertEqual("".join(self.model.stream("thin inn", max_tokens=12)), expected)

    def test_an_interruption_inside_a_run(self) -> None:
        expected = "".join(self.model.stream("thin inn", max_tokens=12))
        decoder, calls = self.model._decoder, []
        run = decoder._binding.run

        def interrupted() -> None:
            run()
            calls.append(1)
            if len(calls) == 4:
                raise KeyboardInterrupt

        decoder._binding.run = interrupted
        with self.assertRaises(KeyboardInterrupt):
            list(self.model.stream("thin inn", max_tokens=12))
        del decoder._binding.run
        self.assertEqual("".join(self.model.stream("thin inn", max_tokens=12)), expected)

    def test_the_context_is_an_end(self) -> None:
        small = Generator(self.artifacts[0], context=20)
        list(small.stream("in the thing and then some", max_tokens=100, stop=[]))
        self.assertIn(small.finish_reason, ("context", "stop"))
        self.assertLessEqual(small._decoder.length, 20)

    def test_a_batch_is_what_each_prompt_gives_alone(self) -> None:
        prompts = ["in the", "the thing in the inn, then", "a", "thin"]
        for artifact in self.artifacts:
            model = Generator(artifact)
            for options in ({}, {"temperature": 0.9, "seed": 2, "top_p": 0.9}, {"stop": ["e"]}):
                with self.subTest(artifact=artifact.name, options=options):
                    together = model.generate(prompts, max_tokens=10, **options)
                    alone = ["".join(model.stream(prompt, max_tokens=10, **options)) for prompt in prompts]
                    self.assertEqual([completion.text for completion in together], alone)
        self.assertEqual(model.generate([]), [])

    def test_a_batch_decoder_agrees_with_single_ones(self) -> None:
        session = lutra.Session(self.artifacts[0])
        prompts = [list(rng.integers(3, 250, size)) for size in (3, 11, 7)]
        steps = rng.integers(3, 250, (4, 3))
        batch = BatchDecoder(session, 3, 32)
        found = [batch.prefill(prompts), *(batch.step(list(step)) for step in steps)]
        for row, prompt in enumerate(prompts):
            single = Decoder(session, 32)
            expected = [single.feed(prompt)[-1].copy(), *(single.feed([int(step[row])])[-1].copy() for step in steps)]
            np.testing.assert_allclose([logits[row] for logits in found], expected, rtol=0, atol=1e-4)

    def test_the_function(self) -> None:
        options = SessionOptions(cache_dir=self.root / "cache", target_options={"table": "f32"})
        answer = generate(self.onnx, "in the", options=options, max_tokens=6)
        self.assertEqual(answer, "".join(self.model.chat("in the", max_tokens=6)))
        self.assertEqual(
            generate(self.model, "in the", raw=True, max_tokens=6), "".join(self.model.stream("in the", max_tokens=6))
        )

    def test_generators_may_share_a_session(self) -> None:
        with lutra.InferenceSession(self.artifacts[1]) as session:
            one, two = Generator(session, context=64), Generator(session, context=64)
            expected = "".join(self.model.stream("in the", max_tokens=8))
            pieces = zip(one.stream("in the", max_tokens=8), two.stream("in the", max_tokens=8), strict=True)
            self.assertTrue(all(a == b for a, b in pieces))
            one.close()
            self.assertEqual("".join(two.stream("in the", max_tokens=8)), expected)

    def test_refusals(self) -> None:
        for message, call in (
            ("the prompt is empty", lambda: self.model.stream("")),
            ("tokens; the context holds 200", lambda: self.model.stream("x " * 300)),
            ("max_tokens must be at least 1", lambda: self.model.stream("a", max_tokens=0)),
            ("stop must be a sequence of strings", lambda: self.model.stream("a", stop="end")),
            ("the sampling options are wrong: .*'heat'", lambda: self.model.stream("a", heat=1)),
            ("the sampling options are wrong: temperature -1", lambda: self.model.stream("a", temperature=-1)),
            ("a message must have a role and a content, but has role", lambda: self.model.chat([{"role": "user"}])),
            ("expected several prompts: pass a list", lambda: self.model.generate("one")),
            ("does not exist", lambda: Generator("nowhere.onnx")),
        ):
            with self.subTest(message), self.assertRaisesRegex(lutra.LutraError, message):
                call()


if __name__ == "__main__":
    os.environ.setdefault("LUTRA_CACHE_DIR", tempfile.mkdtemp())
    unittest.main()
