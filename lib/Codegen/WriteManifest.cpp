//===- WriteManifest.cpp - manifest.json ----------------------------------===//
//
// The fields that lib/Runtime reads (include/lutra/Runtime/Manifest.h), in an order for human eyes.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Emit.h"

#include "lutra/Codegen/Passes.h"
#include "lutra/Support/Version.h"
#include "lutra/Support/WriteFile.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
namespace json = llvm::json;

static constexpr int64_t kAbiVersion = 1;

FailureOr<json::Object> lutra::describeFile(StringRef directory, StringRef name, Location loc) {
  SmallString<128> path(directory);
  llvm::sys::path::append(path, name);
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return emitError(loc) << "cannot read '" << path << "' back: " << buffer.getError().message();
  return json::Object{{"file", name},
                      {"bytes", static_cast<int64_t>((*buffer)->getBufferSize())},
                      {"xxh3", llvm::utohexstr(llvm::xxh3_64bits((*buffer)->getBuffer()), /*LowerCase=*/true, 16)}};
}

/// `lutra.inputs` or `lutra.outputs` as JSON.
static json::Array tensors(ModuleOp module, StringRef attribute) {
  json::Array list;
  auto array = module->getAttrOfType<ArrayAttr>(attribute);
  for (auto dict : array ? array.getAsRange<DictionaryAttr>() : ArrayAttr::get(module.getContext(), {}).getAsRange<DictionaryAttr>()) {
    json::Array shape;
    for (Attribute dim : dict.getAs<ArrayAttr>("shape")) {
      if (auto size = dyn_cast<IntegerAttr>(dim))
        shape.push_back(size.getInt());
      else
        shape.push_back(cast<StringAttr>(dim).getValue());
    }
    list.push_back(json::Object{{"name", dict.getAs<StringAttr>("name").getValue()},
                                {"dtype", dict.getAs<StringAttr>("dtype").getValue()},
                                {"shape", std::move(shape)}});
  }
  return list;
}

LogicalResult lutra::writeManifest(ModuleOp module, StringRef directory, json::Object target, json::Object library,
                                   json::Object weights, json::Object extra) {
  json::Array checks;
  if (auto messages = module->getAttrOfType<ArrayAttr>(codegen::kChecksAttr))
    for (auto message : messages.getAsRange<StringAttr>())
      checks.push_back(message.getValue());

  SmallString<128> path(directory);
  llvm::sys::path::append(path, "manifest.json");
  llvm::Error written = writeFile(path, [&](llvm::raw_ostream &os) {
    json::OStream out(os, /*IndentSize=*/2);
    out.object([&] {
      out.attribute("format", "lutra-artifact");
      out.attribute("abi_version", kAbiVersion);
      out.attribute("lutra_version", versionNumber());
      out.attribute("target", json::Value(std::move(target)));
      out.attribute("library", json::Value(std::move(library)));
      out.attribute("weights", json::Value(std::move(weights)));
      out.attribute("inputs", tensors(module, codegen::kInputsAttr));
      out.attribute("outputs", tensors(module, codegen::kOutputsAttr));
      out.attribute("checks", std::move(checks));
      for (auto &[key, value] : extra)
        out.attribute(key, value);
    });
    os << '\n';
    return llvm::Error::success();
  });
  if (written)
    return module.emitError() << llvm::toString(std::move(written));
  return success();
}
