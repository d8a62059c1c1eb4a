# RUN: rm -rf %t && mkdir -p %t/model && %python %s %t/model
"""What a user sees when a model cannot be read: exit code 1 and one error, whatever is wrong with the file."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

folder = Path(sys.argv[1])
failures = 0


def model(nodes=None, tensors=(), opsets=(("", 21), ("com.microsoft", 1))):
    nodes = nodes or [helper.make_node("Add", ["x", "w"], ["y"], name="/add")]
    tensors = [numpy_helper.from_array(np.ones(4, np.float32), "w"), *tensors]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in "xy")
    graph = helper.make_graph(nodes, "g", [x], [y], tensors)
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid(*opset) for opset in opsets])


def external(location, **numbers):
    tensor = TensorProto(name="ext", data_type=TensorProto.UINT8, dims=[16], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, **numbers}.items():
        tensor.external_data.add(key=key, value=str(value))
    return model(tensors=[tensor])


def refuses(name, data, *expected):
    """lutrac must refuse the model `data` with one error that holds every text of `expected`."""
    global failures
    path = folder / f"{name}.onnx"
    path.write_bytes(data if isinstance(data, bytes) else data.SerializeToString())
    artifact = folder / f"{name}.lutra"
    done = subprocess.run(["lutrac", path, "-o", artifact], capture_output=True, text=True)
    problems = [f"lacks {text!r}" for text in expected if text not in done.stderr]
    if done.returncode != 1:
        problems.append(f"exit code {done.returncode}")
    if done.stderr.count("error:") != 1 or "Stack dump" in done.stderr:
        problems.append("is not one error")
    if artifact.exists():
        problems.append("left an artifact")
    if problems:
        failures += 1
        print(f"{name}: {', '.join(problems)}\n{done.stderr}")


(folder / "short.data").write_bytes(b"12345678")
(folder.parent / "outside.data").write_bytes(bytes(16))

whole = model().SerializeToString()
for length in (0, 1, len(whole) // 2, len(whole) - 1):
    refuses(
        f"truncated_{length}", whole[:length], f"truncated_{length}.onnx: not a valid ONNX model (truncated or corrupt"
    )
refuses("text", b"# not a model\n", "not a valid ONNX model")

refuses("missing_data", external("absent.data"), "tensor 'ext'", "'absent.data' does not exist")
refuses("parent", external("../outside.data"), "tensor 'ext'", "must not contain '..'")
refuses("absolute", external(folder.parent / "outside.data"), "tensor 'ext'", "must be relative")
refuses("short", external("short.data", offset=0, length=16), "tensor 'ext'", "which has only 8 bytes")
refuses("length", external("short.data", offset=0, length=8), "has 8 bytes, but its type and dims need 16")

text = TensorProto(name="words", data_type=TensorProto.STRING, dims=[1], string_data=[b"hello"])
refuses("dtype", model(tensors=[text]), "tensor 'words' has the element type STRING")
size = TensorProto(name="s", data_type=TensorProto.FLOAT, dims=[3], raw_data=b"1234")
refuses("size", model(tensors=[size]), "tensor 's' has 4 bytes of data, but its type and dims need 12")

unknown = [
    helper.make_node("Frobnicate", ["x"], ["f"], name="/frob"),
    helper.make_node("Add", ["f", "w"], ["g"], name="/add"),
    helper.make_node("Twiddle", ["g"], ["y"], domain="com.microsoft"),
]
refuses(
    "operators", model(unknown), "2 nodes use operators", "'/frob' (Frobnicate)", "'Twiddle_2' (com.microsoft.Twiddle)"
)
refuses(
    "undefined", model([helper.make_node("Add", ["x", "nowhere"], ["y"], name="/add")]), "'/add' (Add) uses 'nowhere'"
)
refuses("opset", model(opsets=[("", 3)]), "version 3 of the standard opset")


def choice(then_branch):
    """A model that ends in an If of these branches; the other one is y = x + w."""
    other = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["q"])],
        "other",
        [],
        [helper.make_tensor_value_info("q", TensorProto.FLOAT, ["n", 4])],
    )
    branches = {"then_branch": then_branch, "else_branch": other} if then_branch else {"else_branch": other}
    condition = numpy_helper.from_array(np.array(True), "c")
    return model([helper.make_node("If", ["c"], ["y"], name="/choose", **branches)], tensors=[condition])


def branch(nodes, result="p", inputs=()):
    return helper.make_graph(
        nodes, "then", list(inputs), [helper.make_tensor_value_info(result, TensorProto.FLOAT, ["n", 4])]
    )


twice = helper.make_node("Add", ["x", "x"], ["p"], name="/twice")
refuses("one_branch", choice(None), "'/choose' (If)", "lacks the graph 'then_branch'")
refuses(
    "branch_inputs",
    choice(branch([twice], inputs=[helper.make_tensor_value_info("z", TensorProto.FLOAT, [4])])),
    "has inputs, but a branch of If has none",
)
refuses("branch_output", choice(branch([twice], result="nowhere")), "nothing defines its output 'nowhere'")
refuses(
    "branch_operator",
    choice(branch([helper.make_node("Frobnicate", ["x"], ["p"], name="/frob")])),
    "1 node uses an operator",
    "'/frob' (Frobnicate)",
)
refuses("branch_local", model([helper.make_node("If", ["c"], ["h"], name="/choose", then_branch=branch([twice]), else_branch=branch([twice])),
                               helper.make_node("Add", ["h", "p"], ["y"], name="/add")], tensors=[numpy_helper.from_array(np.array(True), "c")]), "'/add' (Add) uses 'p'")  # fmt: skip
loop = helper.make_node("Loop", ["", "c", "x"], ["y"], name="/loop", body=branch([twice]))
refuses(
    "loop",
    model([loop], tensors=[numpy_helper.from_array(np.array(True), "c")]),
    "1 node uses an operator",
    "'/loop' (Loop)",
)

recursive = model(
    [helper.make_node("Again", ["x"], ["y"], name="/call", domain="local")], opsets=(("", 21), ("local", 1))
)
body = [helper.make_node("Again", ["a"], ["b"], name="/inner", domain="local")]
recursive.functions.append(
    helper.make_function("local", "Again", ["a"], ["b"], body, [helper.make_opsetid("local", 1)])
)
refuses("recursion", recursive, "calls the function it is in: functions must not be recursive")

assert subprocess.run(["lutrac", folder / "no.onnx", "-o", folder / "no"], capture_output=True).returncode == 1
sys.exit(failures)
