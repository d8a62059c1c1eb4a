# RUN: %python %s
"""lutra.InferenceSession against onnxruntime's, and the cache of compiled models."""

import multiprocessing
import os
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

import lutra
import numpy as np
import onnx
import onnxruntime
from lutra import cache, modelfiles
from lutra.inference import InferenceSession, SessionOptions
from onnx import TensorProto, helper, numpy_helper

FIXTURE = Path(__file__).resolve().parents[1] / "Fixtures" / "tiny_llama.onnx"


def small_model(factor: float = 2.0) -> bytes:
    """y [n, 3] = x [n, 4] w * factor; z = x as it is, negated."""
    weights = np.arange(12, dtype=np.float32).reshape(4, 3) / 8
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["p"]),
            helper.make_node("Mul", ["p", "f"], ["y"]),
            helper.make_node("Neg", ["x"], ["z"]),
        ],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", size]) for n, size in (("y", 3), ("z", 4))],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.float32(factor), "f")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10).SerializeToString()


class OnlyDLPack:
    """A tensor of another framework: it has nothing but the protocol."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __dlpack__(self, **options: object) -> object:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()


def open_and_wait(root: str, started: "multiprocessing.synchronize.Barrier", results: "multiprocessing.Queue") -> None:
    started.wait()
    session = InferenceSession(small_model(7.0), SessionOptions(cache_dir=root))
    y = session.run(["y"], {"x": np.ones((1, 4), np.float32)})[0]
    results.put((session.compiled, y.tolist()))


class SessionTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = Path(folder.name)
        cls.options = SessionOptions(cache_dir=cls.root / "shared")
        cls.x = np.arange(8, dtype=np.float32).reshape(2, 4)
        cls.session = InferenceSession(small_model(), cls.options)
        cls.reference = onnxruntime.InferenceSession(small_model(), providers=["CPUExecutionProvider"])

    def test_metadata_is_onnxruntimes(self) -> None:
        options = SessionOptions(cache_dir=self.root / "shared", target_options={"table": "f32"})
        for ours, path in ((self.session, small_model()), (InferenceSession(FIXTURE, options), FIXTURE)):
            theirs = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
            for mine, other in ((ours.get_inputs(), theirs.get_inputs()), (ours.get_outputs(), theirs.get_outputs())):
                self.assertEqual([(v.name, v.type, v.shape) for v in mine], [(v.name, v.type, v.shape) for v in other])
        self.assertEqual(self.session.get_providers(), ["Lutra:cpu"])

    def test_results_are_onnxruntimes(self) -> None:
        for names in (None, [], ["z"], ["z", "y"]):
            for ours, theirs in zip(
                self.session.run(names, {"x": self.x}), self.reference.run(names, {"x": self.x}), strict=True
            ):
                np.testing.assert_allclose(ours, theirs, rtol=1e-6)

    def test_types_are_onnxruntimes(self) -> None:
        """Every type of an input and an output, in the spelling of onnxruntime."""
        for kind in ("FLOAT", "DOUBLE", "FLOAT16", "INT8", "INT32", "INT64", "UINT8", "BOOL"):
            number = getattr(TensorProto, kind)
            graph = helper.make_graph(
                [helper.make_node("Concat", ["x", "x"], ["y"], axis=0)], "g",
                [helper.make_tensor_value_info("x", number, ["n"])], [helper.make_tensor_value_info("y", number, ["m"])],
            )  # fmt: skip
            model = helper.make_model(
                graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10
            ).SerializeToString()
            theirs = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
            with self.subTest(kind):
                try:
                    ours = InferenceSession(model, self.options)
                except lutra.LutraError as error:
                    self.assertRegex(str(error), "(?i)type|element")  # a type that the compiler does not take
                    continue
                self.assertEqual(ours.get_inputs()[0].type, theirs.get_inputs()[0].type)
                x = np.array([1, 0, 1], ours.session.inputs()[0].dtype)
                np.testing.assert_array_equal(
                    ours.run(None, {"x": x}, outputs={"y": np.empty(6, x.dtype)})[0], theirs.run(None, {"x": x})[0]
                )

    def test_dlpack_in_and_out_without_copies(self) -> None:
        expected = self.session.run(["y"], {"x": self.x})[0]
        np.testing.assert_array_equal(self.session.run(["y"], {"x": OnlyDLPack(self.x)})[0], expected)
        target = np.zeros((2, 3), np.float32)
        found = self.session.run(["y"], {"x": OnlyDLPack(self.x)}, outputs={"y": target})[0]
        self.assertIs(found, target)
        np.testing.assert_array_equal(target, expected)
        # A view in and a view out: their memory is what the model reads and writes.
        wide = np.zeros((2, 9), np.float32)
        wide[:, 1:5] = self.x
        self.session.run(["y"], {"x": OnlyDLPack(wide[:, 1:5])}, outputs={"y": wide[:, 6:]})
        np.testing.assert_array_equal(wide[:, 6:], expected)
        self.assertEqual(np.from_dlpack(found).ctypes.data, found.ctypes.data)

    def test_bytes_files_and_directories_are_one_model(self) -> None:
        path = self.root / "small.onnx"
        path.write_bytes(small_model())
        from_file = InferenceSession(path, self.options)
        artifact = lutra.compile(path, self.root / "small.lutra")
        uncached = InferenceSession(small_model(), SessionOptions(use_cache=False, threads=1))
        for session in (from_file, InferenceSession(artifact), uncached):
            np.testing.assert_array_equal(session.run(None, {"x": self.x})[0], self.session.run(None, {"x": self.x})[0])
        with uncached:
            pass
        with self.assertRaisesRegex(lutra.LutraError, "session is closed"):
            uncached.run(None, {"x": self.x})

    def test_refusals_name_what_is_wrong(self) -> None:
        for message, feeds in (
            ("has dtype float64; expected float32", {"x": self.x.astype(np.float64)}),
            (r"has shape \[2, 3\]; expected \[n, 4\]", {"x": self.x[:, :3]}),
            (r"has shape \[8\]; expected \[n, 4\]", {"x": self.x.reshape(8)}),
            ("no input 'q'; it has 'x'", {"q": self.x}),
            ("no array was given for input 'x'", {}),
            ("'x' must be a numpy array or a DLPack tensor, not list", {"x": [[1.0] * 4]}),
        ):
            with self.subTest(message), self.assertRaisesRegex(lutra.LutraError, message):
                self.session.run(None, feeds)
            if "not list" not in message:  # which onnxruntime converts
                with self.subTest(message), self.assertRaisesRegex(Exception, "(?i)x|input"):
                    self.reference.run(None, feeds)
        with self.assertRaisesRegex(lutra.LutraError, "no output 'w'"):
            self.session.run(["w"], {"x": self.x})
        with self.assertRaisesRegex(lutra.LutraError, "run options are not supported"):
            self.session.run(None, {"x": self.x}, object())
        with self.assertRaisesRegex(lutra.LutraError, "'nowhere.onnx' does not exist"):
            InferenceSession("nowhere.onnx")
        with self.assertRaisesRegex(lutra.LutraError, "holds no manifest.json"):
            InferenceSession(self.root)
        with self.assertRaisesRegex(lutra.LutraError, "gpu"):
            InferenceSession(small_model(), SessionOptions(target="gpu", cache_dir=self.root / "shared"))


class CacheTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name) / "cache"
        self.options = SessionOptions(cache_dir=self.root)

    def test_a_model_is_compiled_once_for_its_content(self) -> None:
        first, again = (InferenceSession(small_model(), self.options) for _ in range(2))
        self.assertEqual((first.compiled, again.compiled), (True, False))
        other = InferenceSession(small_model(3.0), self.options)
        table = InferenceSession(small_model(), SessionOptions(cache_dir=self.root, target_options={"table": "f32"}))
        self.assertTrue(other.compiled and table.compiled)
        self.assertEqual(len(cache.Cache(self.root).entries()), 3)

    def test_external_data_are_content(self) -> None:
        path = self.root.parent / "model.onnx"
        weights = np.ones((64, 64), np.float32)
        for factor in (1, 2):
            graph = helper.make_graph(
                [helper.make_node("MatMul", ["x", "w"], ["y"])], "g",
                [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 64])],
                [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 64])],
                [numpy_helper.from_array(weights * factor, "w")],
            )  # fmt: skip
            path.with_name("model.onnx.data").unlink(missing_ok=True)
            onnx.save(
                helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path,
                save_as_external_data=True, location="model.onnx.data", size_threshold=0,
            )  # fmt: skip
            y = InferenceSession(path, self.options).run(None, {"x": np.ones((1, 64), np.float32)})[0]
            self.assertEqual(y[0, 0], 64 * factor)

    def test_external_data_lie_where_the_model_says(self) -> None:
        """Several files, whose names have nothing to do with the model's; one of them belongs to a tensor within a branch."""
        folder = self.root.parent
        tensors = [numpy_helper.from_array(np.full(4, value, np.float32), name) for name, value in (("a", 1), ("b", 2))]
        inner = numpy_helper.from_array(np.full(4, 3, np.float32), "c")
        for tensor, location in ((tensors[0], "first.bin"), (tensors[1], "sub/second.bin"), (inner, "third.bin")):
            (folder / location).parent.mkdir(exist_ok=True)
            (folder / location).write_bytes(tensor.raw_data)
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.add(key="offset", value="0")
            tensor.external_data.add(key="location", value=location)
        branch = helper.make_graph(
            [helper.make_node("Identity", ["c"], ["d"])], "branch", [],
            [helper.make_tensor_value_info("d", TensorProto.FLOAT, [4])], [inner],
        )  # fmt: skip
        nodes = [
            helper.make_node("If", ["p"], ["e"], then_branch=branch, else_branch=branch),
            helper.make_node("Sum", ["a", "b", "e"], ["y"]),
        ]
        graph = helper.make_graph(
            nodes, "g", [helper.make_tensor_value_info("p", TensorProto.BOOL, [])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])], tensors,
        )  # fmt: skip
        path = folder / "model.onnx"
        path.write_bytes(helper.make_model(graph).SerializeToString())
        names = [str(file.relative_to(folder)) for file in modelfiles.files_of(path)]
        self.assertEqual(names, ["model.onnx", "first.bin", "sub/second.bin", "third.bin"])
        keys = {cache.key_of(path, "cpu", [])}
        for name in names[1:]:
            (folder / name).write_bytes(b"\0" * 16)
            keys.add(cache.key_of(path, "cpu", []))
        self.assertEqual(len(keys), 4)

    def test_what_is_no_model_is_refused(self) -> None:
        path = self.root.parent / "model.onnx"
        for content, message in (
            (b"", "is empty"),
            (b"\x3a\xff\xff\x03abc", "is damaged or no ONNX model"),
            (b"GGUF", "no ONNX"),
        ):
            path.write_bytes(content)
            with self.subTest(content), self.assertRaisesRegex(lutra.LutraError, message):
                InferenceSession(path, self.options)

    def test_digests_of_large_files_are_remembered(self) -> None:
        path = self.root.parent / "large.bin"
        path.write_bytes(bytes(2 << 20))
        fresh = modelfiles.digest(path, self.root)
        self.assertFalse((self.root / modelfiles.REMEMBERED).exists(), "a file that just changed may change once more")
        with mock.patch.object(modelfiles, "_SETTLED_NS", 0):
            self.assertEqual(modelfiles.digest(path, self.root), fresh)
        with mock.patch.object(modelfiles.hashlib, "file_digest", side_effect=AssertionError("hashed again")):
            self.assertEqual(modelfiles.digest(path, self.root), fresh)
            with self.assertRaisesRegex(AssertionError, "hashed again"):
                os.utime(path, (1, 1))
                modelfiles.digest(path, self.root)
        (self.root / modelfiles.REMEMBERED).write_text("[1]")
        self.assertEqual(modelfiles.digest(path, self.root), fresh)
        cache.Cache(self.root).clear()
        self.assertFalse((self.root / modelfiles.REMEMBERED).exists())

    def test_two_processes_compile_once(self) -> None:
        context = multiprocessing.get_context("spawn")
        barrier, results = context.Barrier(2), context.Queue()
        workers = [context.Process(target=open_and_wait, args=(str(self.root), barrier, results)) for _ in range(2)]
        for worker in workers:
            worker.start()
        found = [results.get(timeout=120) for _ in workers]
        for worker in workers:
            worker.join()
        self.assertEqual(sorted(made for made, _ in found), [False, True])
        self.assertEqual(found[0][1], found[1][1])
        self.assertFalse(list(self.root.glob("*.part")))

    def test_a_killed_writer_leaves_nothing_that_counts(self) -> None:
        key = cache.key_of(small_model(), "cpu", [])
        (self.root / f"{key}.part").mkdir(parents=True)
        (self.root / f"{key}.part" / "model.so").write_bytes(b"half")
        self.assertTrue(InferenceSession(small_model(), self.options).compiled)
        self.assertFalse((self.root / f"{key}.part").exists())

    def test_a_damaged_entry_is_made_again(self) -> None:
        session = InferenceSession(small_model(), self.options)
        path = session.session.directory
        session.close()
        (path / "weights.safetensors").write_bytes(b"")
        again = InferenceSession(small_model(), self.options)
        self.assertTrue(again.compiled)
        self.assertEqual(again.run(["z"], {"x": np.ones((1, 4), np.float32)})[0][0, 0], -1)

    def test_it_is_bounded_and_keeps_what_is_open(self) -> None:
        store = cache.Cache(self.root, limit=1)
        kept = InferenceSession(small_model(1.0), self.options)
        for factor in (2.0, 3.0):
            InferenceSession(small_model(factor), self.options).close()
            time.sleep(0.01)
        self.assertEqual(len(store.entries()), 3)
        store.trim()
        self.assertEqual([entry.key for entry in store.entries()], [kept.session.directory.name])
        self.assertEqual(store.clear(), (0, 0))
        kept.close()
        count, size = store.clear()
        self.assertEqual((count, size > 1000), (1, True))
        self.assertEqual([path for path in self.root.iterdir() if path.suffix != ".lock"], [])

    def test_the_oldest_goes_first(self) -> None:
        first = InferenceSession(small_model(1.0), self.options)
        size = cache.Cache(self.root).entries()[0].bytes
        second = InferenceSession(small_model(2.0), self.options)
        keys = [session.session.directory.name for session in (first, second)]
        os.utime(self.root / keys[1] / "last-use", (1, 1))
        first.close()
        second.close()
        cache.Cache(self.root, limit=size + 1).trim()
        self.assertEqual([entry.key for entry in cache.Cache(self.root).entries()], keys[:1])

    def test_a_model_that_does_not_compile_leaves_nothing(self) -> None:
        with self.assertRaises(lutra.LutraError):
            InferenceSession(b"not a model", self.options)
        self.assertEqual([path for path in self.root.iterdir() if path.suffix != ".lock"], [])

    def test_where_it_lies_and_how_big_it_may_be(self) -> None:
        before = {name: os.environ.get(name) for name in ("LUTRA_CACHE_DIR", "LUTRA_CACHE_BYTES", "XDG_CACHE_HOME")}
        self.addCleanup(
            lambda: [os.environ.pop(n, None) if v is None else os.environ.__setitem__(n, v) for n, v in before.items()]
        )
        os.environ.pop("LUTRA_CACHE_DIR", None)
        os.environ["XDG_CACHE_HOME"] = "/somewhere"
        self.assertEqual(cache.default_root(), Path("/somewhere/lutra"))
        os.environ |= {"LUTRA_CACHE_DIR": "/elsewhere", "LUTRA_CACHE_BYTES": "123"}
        self.assertEqual((cache.default_root(), cache.default_limit()), (Path("/elsewhere"), 123))
        os.environ["LUTRA_CACHE_BYTES"] = "lots"
        with self.assertRaisesRegex(lutra.LutraError, "LUTRA_CACHE_BYTES must be a number of bytes, but is 'lots'"):
            cache.Cache()


if __name__ == "__main__":
    unittest.main()
