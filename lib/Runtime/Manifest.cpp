//===- Manifest.cpp - reads and checks manifest.json ----------------------===//
//
// Parsing goes through llvm::json's Path, so that each complaint says where in the file it belongs.
//
//===----------------------------------------------------------------------===//
#include "lutra/Runtime/Manifest.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace llvm;
using namespace lutra;

std::string ManifestTensor::shapeText() const {
  if (shape.empty())
    return "scalar";
  return llvm::join(
      llvm::map_range(shape,
                      [](const ManifestDim &dim) { return dim.isStatic() ? std::to_string(dim.size) : dim.symbol; }),
      " x ");
}

std::string Manifest::pathOf(StringRef file) const {
  SmallString<128> path(directory);
  sys::path::append(path, file);
  return path.str().str();
}

namespace lutra {

static bool fromJSON(const json::Value &value, ManifestDim &dim, json::Path path) {
  if (std::optional<StringRef> symbol = value.getAsString()) {
    if (symbol->empty()) {
      path.report("a symbolic dimension needs a name");
      return false;
    }
    dim.symbol = symbol->str();
    return true;
  }
  std::optional<int64_t> size = value.getAsInteger();
  if (!size || *size < 0) {
    path.report("expected a non-negative integer or the name of a symbolic dimension");
    return false;
  }
  dim.size = *size;
  return true;
}

static bool fromJSON(const json::Value &value, ManifestTensor &tensor, json::Path path) {
  json::ObjectMapper map(value, path);
  std::string dtype;
  std::vector<ManifestDim> shape;
  if (!map || !map.map("name", tensor.name) || !map.map("dtype", dtype) || !map.map("shape", shape))
    return false;
  std::optional<DType> known = dtypeFromName(dtype);
  if (!known) {
    path.field("dtype").report("unknown dtype (expected f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, "
                               "bool, i4, u4, i2, u2, e2m1, e4m3, e4m3fnuz, e5m2, e5m2fnuz or e8m0)");
    return false;
  }
  tensor.dtype = *known;
  tensor.shape.assign(shape.begin(), shape.end());
  return true;
}

static bool fromJSON(const json::Value &value, ManifestFile &file, json::Path path) {
  json::ObjectMapper map(value, path);
  std::string hash;
  std::optional<std::string> sample;
  if (!map || !map.map("file", file.file) || !map.map("bytes", file.bytes) || !map.map("xxh3", hash) ||
      !map.mapOptional("data_offset", file.dataOffset) || !map.map("xxh3_sample", sample))
    return false;
  auto parseHash = [&](StringRef digits, StringLiteral field, uint64_t &value) {
    if (digits.size() == 16 && !digits.getAsInteger(16, value))
      return true;
    path.field(field).report("expected 16 hexadecimal digits");
    return false;
  };
  if (!parseHash(hash, "xxh3", file.xxh3) || (sample && !parseHash(*sample, "xxh3_sample", file.sample.emplace())))
    return false;
  // The files live in the artifact directory: a name that leads out of it is not followed.
  StringRef name = file.file;
  if (name.empty() || name == "." || name == ".." || name.contains('/') || name.contains('\\') || name.contains('\0')) {
    path.field("file").report("expected the plain name of a file in the artifact directory");
    return false;
  }
  return true;
}

static bool fromJSON(const json::Value &value, ManifestTarget &target, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("name", target.name) && map.map("triple", target.triple) && map.map("cpu", target.cpu) &&
         map.map("features", target.features);
}

} // namespace lutra

/// Names are what users bind arrays by, so they must be there and differ; an output's symbols come from inputs.
static Error checkTensors(const Manifest &manifest) {
  auto fail = [&](const Twine &message) { return createStringError("'" + manifest.path + "': " + message); };
  StringSet<> symbols;
  for (const auto *list : {&manifest.inputs, &manifest.outputs}) {
    StringRef kind = list == &manifest.inputs ? "input" : "output";
    StringSet<> names;
    for (const ManifestTensor &tensor : *list) {
      if (tensor.name.empty())
        return fail("an " + kind + " has no name");
      if (!names.insert(tensor.name).second)
        return fail("two " + kind + "s are named '" + tensor.name + "'");
      for (const ManifestDim &dim : tensor.shape) {
        if (dim.isStatic())
          continue;
        if (list == &manifest.inputs)
          symbols.insert(dim.symbol);
        else if (dim.isAnonymous() || !symbols.contains(dim.symbol))
          return fail("dimension '" + dim.symbol + "' of output '" + tensor.name +
                      "' appears in no input, so its size cannot be known: compile again, with that dimension fixed");
      }
    }
  }
  return Error::success();
}

Expected<Manifest> Manifest::parse(StringRef text, StringRef directory) {
  Manifest manifest;
  manifest.directory = directory.str();
  manifest.path = manifest.pathOf(kManifestFile);
  manifest.text = text.str();
  auto fail = [&](const Twine &message) { return createStringError("'" + manifest.path + "': " + message); };

  Expected<json::Value> value = json::parse(text);
  if (!value)
    return fail("not JSON: " + toString(value.takeError()));
  json::Path::Root root("manifest");
  json::ObjectMapper map(*value, root);
  std::string format;
  bool ok = map && map.map("format", format) && map.map("abi_version", manifest.abiVersion);
  if (ok && format != "lutra-artifact")
    return fail("'format' is '" + format + "', expected 'lutra-artifact': not made by lutrac");
  // Before the rest: another ABI may well have other fields.
  if (ok && manifest.abiVersion != kAbiVersion)
    return fail("the artifact has ABI version " + Twine(manifest.abiVersion) + ", but this runtime speaks version " +
                Twine(kAbiVersion) + ": compile the model again with this version of lutrac");
  ok = ok && map.map("lutra_version", manifest.lutraVersion) && map.map("target", manifest.target) &&
       map.map("library", manifest.library) && map.map("weights", manifest.weights) &&
       map.map("inputs", manifest.inputs) && map.map("outputs", manifest.outputs) && map.map("checks", manifest.checks);
  if (!ok)
    return fail(toString(root.getError()));
  const json::Object *object = value->getAsObject();
  if (const json::Value *kernels = object->get("kernels")) {
    if (!kernels->getAsObject())
      return fail("expected object at manifest.kernels");
    manifest.kernels = *kernels->getAsObject();
  }
  const ManifestFile &weights = manifest.weights;
  if (weights.dataOffset > weights.bytes || weights.dataOffset % 64 != 0)
    return fail("manifest.weights.data_offset is " + Twine(weights.dataOffset) +
                ", expected a multiple of 64 inside the file's " + Twine(weights.bytes) + " bytes");
  if (Error error = checkTensors(manifest))
    return error;
  return manifest;
}

Expected<Manifest> Manifest::load(StringRef directory) {
  SmallString<128> path(directory);
  sys::path::append(path, kManifestFile);
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer = MemoryBuffer::getFile(path);
  if (!buffer)
    return createStringError("'" + directory + "' is not a Lutra artifact: cannot read '" + path +
                             "': " + buffer.getError().message());
  return parse((*buffer)->getBuffer(), directory);
}
