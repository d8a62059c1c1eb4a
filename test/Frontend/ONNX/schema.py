# RUN: %python %s %lutra_src/lib/Frontend/ONNX/Schema/onnx.proto
"""Our schema of the ONNX file format is that of the `onnx` package, as far as it goes."""

import subprocess
import sys
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf import descriptor_pb2

SCHEMA = Path(sys.argv.pop(1))

#: Fields, by name in every message, that the importer has no use for: they change no value that a model computes.
UNREAD_FIELDS = {"doc_string", "metadata_props", "denotation"}
#: Others of that kind, and messages that only they refer to.
UNREAD = {
    "ModelProto.domain",
    "ModelProto.model_version",
    "ModelProto.configuration",
    "GraphProto.quantization_annotation",
    "NodeProto.device_configurations",
    "TrainingInfoProto.initialization_binding",
    "TrainingInfoProto.update_binding",
    "DeviceConfigurationProto",
    "IntIntListEntryProto",
    "NodeDeviceConfigurationProto",
    "OperatorStatus",
    "ShardedDimProto",
    "ShardingSpecProto",
    "SimpleShardedDimProto",
    "TensorAnnotation",
    "Version",
}


def entries(
    messages: list[descriptor_pb2.DescriptorProto], enums: list[descriptor_pb2.EnumDescriptorProto], scope: str = ""
) -> Iterator[tuple[str, tuple]]:
    """(path, what it is) of every message, field, enum and value in a scope."""
    for enum in enums:
        yield scope + enum.name, ("enum",)
        for value in enum.value:
            yield f"{scope}{enum.name}.{value.name}", ("value", value.number)
    for message in messages:
        path = scope + message.name
        yield path, ("message",)
        for field in message.field:
            alternative = message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else None
            yield (
                f"{path}.{field.name}",
                ("field", field.number, field.label, field.type, field.type_name, field.options.packed, alternative),
            )
        yield from entries(message.nested_type, message.enum_type, path + ".")


def ours() -> descriptor_pb2.FileDescriptorProto:
    """The schema as protoc understands it."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "schema"
        subprocess.run(["protoc", f"-I{SCHEMA.parent}", f"--descriptor_set_out={output}", SCHEMA], check=True)
        return descriptor_pb2.FileDescriptorSet.FromString(output.read_bytes()).file[0]


def theirs() -> descriptor_pb2.FileDescriptorProto:
    """The schema of the package."""
    result = descriptor_pb2.FileDescriptorProto()
    onnx.ModelProto.DESCRIPTOR.file.CopyToProto(result)
    return result


class SchemaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        schemas = ours(), theirs()
        cls.package = schemas[0].package, schemas[1].package
        cls.ours, cls.theirs = (dict(entries(schema.message_type, schema.enum_type)) for schema in schemas)
        # Absent from an older package, of another value in a newer one.
        cls.newest = cls.ours.pop("Version.IR_VERSION")[1], cls.theirs.pop("Version.IR_VERSION")[1]

    def test_every_entry_is_that_of_the_package(self) -> None:
        self.assertEqual(*self.package)
        checked = 0
        for path, entry in self.ours.items():
            if path not in self.theirs and self.newest[0] > self.newest[1]:
                continue
            with self.subTest(path=path):
                self.assertEqual(self.theirs.get(path, "absent"), entry)
            checked += 1
        self.assertGreater(checked, 150)

    def test_nothing_else_is_left_out(self) -> None:
        if self.newest[0] != self.newest[1]:
            self.skipTest(f"the schema is of IR version {self.newest[0]}, the package of {self.newest[1]}")
        missing = {
            path
            for path in self.theirs
            if path not in self.ours and path.split(".")[-1] not in UNREAD_FIELDS and path.split(".")[0] not in UNREAD
        }
        self.assertEqual(missing, {path for path in UNREAD if "." in path})

    def test_a_difference_is_found(self) -> None:
        tensor = next(message for message in ours().message_type if message.name == "TensorProto")
        for attribute, value in (("number", 99), ("type", 1), ("label", 1), ("name", "other")):
            with self.subTest(attribute=attribute):
                copy = descriptor_pb2.DescriptorProto.FromString(tensor.SerializeToString())
                setattr(copy.field[0], attribute, value)
                self.assertFalse(dict(entries([copy], [])).items() <= self.theirs.items())


if __name__ == "__main__":
    unittest.main()
