//===- WriteWeights.cpp - the weights file --------------------------------===//
//
// Each tensor's bytes are made when their turn comes: copied from the constant (often the mapped model file), or packed or
// dequantized by the one evaluator of weights from the recipe that `lutra-externalize-weights` left. No two such tensors are in
// memory at once.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Emit.h"

#include "dialects/lowbit/IR/Dequantize.h"
#include "dialects/lowbit/IR/Weights.h"
#include "lib/Codegen/WeightRecipe.h"
#include "lutra/Codegen/Passes.h"
#include "lutra/Support/Safetensors.h"
#include "lutra/Support/SampleHash.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"

#include <cstring>
#include <sys/mman.h>

using namespace mlir;

static constexpr llvm::StringLiteral kWeightsFile = "weights.safetensors";

/// Tells the kernel that the bytes of a constant will not be needed soon: they are usually pages of the mapped model, and
/// keeping them beside the written file would hold two copies of the model in memory. Advice only: the bytes stay readable.
static void releasePages(Attribute constant) {
  auto resource = dyn_cast<DenseResourceElementsAttr>(constant);
  AsmResourceBlob *blob = resource ? resource.getRawHandle().getBlob() : nullptr;
  if (!blob)
    return;
#ifdef MADV_PAGEOUT
  static const uintptr_t page = llvm::sys::Process::getPageSizeEstimate();
  uintptr_t begin = llvm::alignTo(reinterpret_cast<uintptr_t>(blob->getData().begin()), page);
  uintptr_t end = llvm::alignDown(reinterpret_cast<uintptr_t>(blob->getData().end()), page);
  if (begin < end)
    (void)::madvise(reinterpret_cast<void *>(begin), end - begin, MADV_PAGEOUT);
#endif
}

namespace {
/// One entry of the plan, decoded.
struct Entry {
  StringRef name;
  int64_t offset, size;
  /// One of these: the bytes themselves, or how a packed weight or the values of a weight are made.
  ElementsAttr value;
  DictionaryAttr pack, values;

  DictionaryAttr recipe() const { return pack ? pack : values; }
};
} // namespace

static FailureOr<Entry> decode(Attribute attr, Location loc) {
  auto dict = dyn_cast<DictionaryAttr>(attr);
  auto name = dict ? dict.getAs<StringAttr>("name") : StringAttr();
  auto offset = dict ? dict.getAs<IntegerAttr>("offset") : IntegerAttr();
  auto size = dict ? dict.getAs<IntegerAttr>("size") : IntegerAttr();
  if (!name || !offset || !size ||
      !(dict.getAs<ElementsAttr>("value") || dict.getAs<DictionaryAttr>("pack") || dict.getAs<DictionaryAttr>("values")))
    return emitError(loc) << "expected an entry of '" << lutra::codegen::kWeightsAttr
                          << "' to hold name, offset, size and value, pack or values, but found " << attr;
  return Entry{name.getValue(),
               offset.getInt(),
               size.getInt(),
               dict.getAs<ElementsAttr>("value"),
               dict.getAs<DictionaryAttr>("pack"),
               dict.getAs<DictionaryAttr>("values")};
}

/// The safetensors type of a constant's elements; packed bytes and rarer types are plain bytes.
static lutra::DType dtypeOf(Type type) {
  return llvm::TypeSwitch<Type, lutra::DType>(type)
      .Case([](Float32Type) { return lutra::DType::F32; })
      .Case([](Float64Type) { return lutra::DType::F64; })
      .Case([](Float16Type) { return lutra::DType::F16; })
      .Case([](BFloat16Type) { return lutra::DType::BF16; })
      .Case([](IntegerType integer) {
        switch (integer.getWidth()) {
        case 1:
          return lutra::DType::Bool;
        case 8:
          return lutra::DType::I8;
        case 16:
          return lutra::DType::I16;
        case 32:
          return lutra::DType::I32;
        case 64:
          return lutra::DType::I64;
        }
        return lutra::DType::U8;
      })
      .Default([](Type) { return lutra::DType::U8; });
}

/// The constant's elements as a buffer holds them: i1 takes a byte.
static llvm::Error copyElements(ElementsAttr value, llvm::MutableArrayRef<char> out) {
  ArrayRef<char> raw;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return llvm::createStringError("resource '" + resource.getRawHandle().getKey() + "' has no data");
    raw = blob->getData();
  } else if (auto dense = dyn_cast<DenseElementsAttr>(value)) {
    if (dense.getElementType().isInteger(1)) {
      for (auto [byte, bit] : llvm::zip_equal(out, dense.getValues<bool>()))
        byte = bit;
      return llvm::Error::success();
    }
    raw = dense.getRawData();
    if (dense.isSplat() && raw.size() < out.size()) {
      for (size_t i = 0; i < out.size(); i += raw.size())
        std::memcpy(out.data() + i, raw.data(), raw.size());
      return llvm::Error::success();
    }
  }
  if (raw.size() < out.size())
    return llvm::createStringError("expected " + llvm::Twine(out.size()) + " bytes of data, but the constant holds " +
                                   llvm::Twine(raw.size()));
  std::memcpy(out.data(), raw.data(), out.size());
  return llvm::Error::success();
}

/// Runs the recipe of a weight: rebuilds its ops in a scratch block and asks the evaluator.
static LogicalResult makeElements(DictionaryAttr recipe, Location loc, llvm::MutableArrayRef<char> out) {
  Block scratch;
  OpBuilder builder(loc.getContext());
  builder.setInsertionPointToEnd(&scratch); // The block has no parent to ask for its context.
  Operation *op = lutra::followWeightRecipe(builder, loc, recipe);
  if (auto pack = dyn_cast_or_null<lutra::lowbit::PackOp>(op))
    return lutra::lowbit::packWeight(pack, out);
  if (auto values = dyn_cast_or_null<lutra::lowbit::DequantizeOp>(op))
    return lutra::lowbit::dequantizeWeight(
        values, MutableArrayRef(reinterpret_cast<float *>(out.data()), out.size() / sizeof(float)));
  return emitError(loc) << "expected the recipe of a weight, but found " << recipe;
}

/// Where `entry` starts in the file that `writer` lays out.
static uint64_t addEntry(lutra::SafetensorsWriter &writer, const Entry &entry) {
  if (entry.value)
    return writer.add(entry.name, dtypeOf(entry.value.getElementType()), entry.value.getShapedType().getShape());
  if (auto type = entry.values ? entry.values.getAs<TypeAttr>("type") : TypeAttr())
    if (auto tensor = dyn_cast<RankedTensorType>(type.getValue()))
      return writer.add(entry.name, dtypeOf(tensor.getElementType()), tensor.getShape());
  return writer.add(entry.name, lutra::DType::U8, {entry.size});
}

FailureOr<llvm::json::Object> lutra::writeWeights(ModuleOp module, StringRef directory) {
  auto plan = module->getAttrOfType<ArrayAttr>(codegen::kWeightsAttr);
  if (!plan)
    return module.emitError() << "expected '" << codegen::kWeightsAttr << "': run lutra-externalize-weights first";
  SafetensorsWriter writer;
  SmallVector<Entry> entries;
  for (Attribute attr : plan) {
    FailureOr<Entry> entry = decode(attr, module.getLoc());
    if (failed(entry))
      return failure();
    uint64_t offset = addEntry(writer, *entry);
    if (offset != static_cast<uint64_t>(entry->offset))
      return module.emitError() << "weight '" << entry->name << "' lies at " << entry->offset
                                << " in the code, but a safetensors file puts it at " << offset;
    entries.push_back(*entry);
  }
  SmallString<128> path(directory);
  llvm::sys::path::append(path, kWeightsFile);
  llvm::Expected<SafetensorsSummary> summary =
      writer.write(path, [&](size_t i, llvm::MutableArrayRef<char> bytes) -> llvm::Error {
        Entry &entry = entries[i];
        Location loc = NameLoc::get(StringAttr::get(module.getContext(), entry.name), module.getLoc());
        if (entry.value) {
          llvm::Error error = copyElements(entry.value, bytes);
          releasePages(entry.value);
          return error;
        }
        if (failed(makeElements(entry.recipe(), loc, bytes)))
          return llvm::createStringError("cannot make the bytes of weight '" + entry.name + "'");
        visitRecipeComponents(entry.recipe(), releasePages);
        return llvm::Error::success();
      });
  if (!summary)
    return module.emitError(llvm::toString(summary.takeError()));
  auto digits = [](uint64_t hash) { return llvm::utohexstr(hash, /*LowerCase=*/true, 16); };
  llvm::json::Object described{{"file", kWeightsFile},
                               {"bytes", static_cast<int64_t>(summary->bytes)},
                               {"data_offset", static_cast<int64_t>(summary->dataOffset)},
                               {"xxh3", digits(summary->xxh3)}};
  if (summary->bytes > lutra::kSampledBytes) {
    auto written = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
    if (!written)
      return module.emitError("cannot read '") << path << "' back: " << written.getError().message();
    described["xxh3_sample"] = digits(lutra::sampleHash((*written)->getBuffer()));
  }
  return described;
}
