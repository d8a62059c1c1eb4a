//===- DomainWeight.cpp - weights of the domain ai.lutra ------------------===//

#include "lib/Conversion/ONNXToLowbit/DomainWeight.h"

#include "dialects/lowbit/IR/Composite.h"
#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/DomainFormat.h"
#include "llvm/Support/MathExtras.h"

#include <cstring>

using namespace mlir;
using namespace lutra::lowbit;

namespace lutra {
namespace {

/// "component 'scales' (input 4)".
std::string describe(StringRef name, unsigned input) {
  return ("component '" + name + "' (input " + Twine(input) + ")").str();
}

/// Whether the bytes of this component are signed numbers: of all i8 ones, only the zero points of signed codes.
bool isSignedComponent(WeightFormatInterface format, StringRef name) {
  if (auto nested = dyn_cast<NestedAttr>(format))
    return isSignedComponent(nested.getFormat(), name);
  if (auto outliers = dyn_cast<OutliersAttr>(format))
    return name.consume_front(kBodyPrefix) && isSignedComponent(outliers.getBody(), name);
  if (auto mixed = dyn_cast<MixedAttr>(format)) {
    unsigned part;
    return !name.consumeInteger(10, part) && name.consume_front(".") && isSignedComponent(mixed.getFormat(part), name);
  }
  auto uniform = dyn_cast<UniformAttr>(format);
  return uniform && uniform.getIsSigned() && name == "zeros";
}

/// The elements of input `index`, which must be a constant of exactly this type.
FailureOr<ElementsAttr> getComponent(Node &node, unsigned index, const ExpectedComponent &expected, bool isSigned) {
  RankedTensorType found = node.getInputType(index);
  bool isByte = expected.type.getElementType().isInteger(8);
  bool isUnsigned = node.isUnsigned(node.getInput(index));
  if (found != expected.type || isUnsigned != (isByte && !isSigned)) {
    auto withSign = [](RankedTensorType type, bool isUnsigned) -> Type {
      Type element = type.getElementType();
      return isUnsigned ? IntegerType::get(type.getContext(), element.getIntOrFloatBitWidth(), IntegerType::Unsigned)
                        : element;
    };
    InFlightDiagnostic diagnostic = node.error();
    diagnostic << describe(expected.name, index) << " must be " << withSign(expected.type, isByte && !isSigned)
               << " of shape [";
    llvm::interleaveComma(expected.type.getShape(), diagnostic);
    diagnostic << "], but is " << withSign(found, isUnsigned) << " of shape [";
    llvm::interleaveComma(found.getShape(), diagnostic);
    diagnostic << "]";
    return diagnostic;
  }
  ElementsAttr elements = getConstant(node.getInput(index));
  if (!isa_and_present<DenseElementsAttr, DenseResourceElementsAttr>(elements))
    return node.error() << describe(expected.name, index)
                        << " must be a constant (an initializer): weights are packed when the model is compiled";
  return elements;
}

/// The bytes of a component, or failure after a diagnostic.
FailureOr<ArrayRef<char>> getBytes(Node &node, StringRef name, ElementsAttr elements, SmallVector<char> &storage) {
  std::optional<ArrayRef<char>> bytes = getConstantBytes(elements, storage);
  if (!bytes)
    return node.error() << "component '" << name << "' has no data";
  return *bytes;
}

/// Whether element `element` of a group of ternary codes stands for nothing.
bool isInvalidDigit(TernaryStorage storage, ArrayRef<char> group, int64_t element) {
  switch (storage) {
  case TernaryStorage::TwoBit: return (static_cast<uint8_t>(group[element / 4]) >> (element % 4 * 2) & 3) == 3;
  case TernaryStorage::FiveInEight: return static_cast<uint8_t>(group[element / 5]) > 242;
  case TernaryStorage::ThreeInFive:
    return (static_cast<uint8_t>(group[element / 6]) >> (element / 3 % 2 * 4) & 15) > 13;
  }
  llvm_unreachable("a storage");
}

/// Whether none of the bytes holds an invalid code: a quick pass over what is nearly always right.
bool areAllDigitsValid(TernaryStorage storage, ArrayRef<char> group, int64_t nibbleBytes) {
  for (auto [index, byte] : llvm::enumerate(group)) {
    auto value = static_cast<uint8_t>(byte);
    bool invalid = false;
    if (storage == TernaryStorage::TwoBit)
      invalid = value & value >> 1 & 0x55;
    else if (storage == TernaryStorage::FiveInEight)
      invalid = value > 242;
    else if (static_cast<int64_t>(index) < nibbleBytes)
      invalid = (value & 15) > 13 || value >> 4 > 13;
    if (invalid)
      return false;
  }
  return true;
}

LogicalResult checkTernary(Node &node, TernaryAttr format, int64_t rows, int64_t cols, StringRef name,
                           ElementsAttr codes) {
  SmallVector<char> storage;
  FailureOr<ArrayRef<char>> bytes = getBytes(node, name, codes, storage);
  if (failed(bytes))
    return failure();
  int64_t size = format.getGroupBytes(), groups = llvm::divideCeil(cols, format.getGroup());
  int64_t nibbleBytes = llvm::divideCeil(llvm::divideCeil(format.getGroup(), 3), 2);
  for (int64_t at = 0; at < rows * groups; ++at) {
    ArrayRef<char> group = bytes->slice(at * size, size);
    if (areAllDigitsValid(format.getStorage(), group, nibbleBytes))
      continue;
    int64_t start = at % groups * format.getGroup();
    for (int64_t k = 0, length = std::min(format.getGroup(), cols - start); k < length; ++k)
      if (isInvalidDigit(format.getStorage(), group, k))
        return node.error() << "component '" << name << "': the ternary code of element [" << at / groups << ", "
                            << start + k << "] stands for no value (storage "
                            << stringifyTernaryStorage(format.getStorage()) << ")";
  }
  return success();
}

FailureOr<SmallVector<int32_t>> getI32s(Node &node, StringRef name, ElementsAttr elements) {
  SmallVector<char> storage;
  FailureOr<ArrayRef<char>> bytes = getBytes(node, name, elements, storage);
  if (failed(bytes))
    return failure();
  SmallVector<int32_t> result(bytes->size() / sizeof(int32_t));
  std::memcpy(result.data(), bytes->data(), bytes->size());
  return result;
}

LogicalResult checkPermutation(Node &node, ElementsAttr permutation) {
  FailureOr<SmallVector<int32_t>> rows = getI32s(node, "permutation", permutation);
  if (failed(rows))
    return failure();
  SmallVector<bool> seen(rows->size());
  for (auto [index, row] : llvm::enumerate(*rows)) {
    if (row < 0 || row >= static_cast<int64_t>(seen.size()) || seen[row])
      return node.error() << "component 'permutation' must hold each of 0 to " << seen.size() - 1
                          << " once, but its element " << index << " is " << row;
    seen[row] = true;
  }
  return success();
}

/// Places of one row ascend within the columns; `mayEnd`: -1 stands for none, behind the others.
LogicalResult checkPlaces(Node &node, StringRef name, ElementsAttr places, int64_t perRow, int64_t cols, bool mayEnd) {
  FailureOr<SmallVector<int32_t>> all = getI32s(node, name, places);
  if (failed(all))
    return failure();
  for (size_t row = 0; row < all->size(); row += perRow) {
    int64_t last = -1;
    for (auto [index, place] : llvm::enumerate(ArrayRef(*all).slice(row, perRow))) {
      bool none = mayEnd && place == -1;
      if (!none && (place <= last || place >= cols))
        return node.error() << "component '" << name << "' must ascend within 0 to " << cols - 1
                            << (mayEnd ? ", with -1 only at the end of a row" : "") << ", but its element "
                            << row + index << " is " << place;
      last = none ? cols : place;
    }
  }
  return success();
}

/// What only the data shows. `prefix` is that of the names of the format's components.
LogicalResult checkData(Node &node, WeightFormatInterface format, int64_t rows, int64_t cols, const Twine &prefix,
                        DictionaryAttr components) {
  auto get = [&](StringRef name) {
    std::string full = (prefix + name).str();
    return std::pair(full, cast<ElementsAttr>(components.get(full)));
  };
  if (auto ternary = dyn_cast<TernaryAttr>(format)) {
    auto [name, codes] = get("codes");
    return checkTernary(node, ternary, rows, cols, name, codes);
  }
  if (auto mixed = dyn_cast<MixedAttr>(format)) {
    for (auto [index, count] : llvm::enumerate(mixed.getRows()))
      if (failed(checkData(node, mixed.getFormat(index), count, cols, getMixedPrefix(index), components)))
        return failure();
    return checkPermutation(node, get("permutation").second);
  }
  if (auto outliers = dyn_cast<OutliersAttr>(format)) {
    bool isColumns = outliers.getColumns() > 0;
    auto [name, places] = get(isColumns ? "columns" : "indices");
    if (failed(checkPlaces(node, name, places, outliers.getCount(), cols, !isColumns)))
      return failure();
    return checkData(node, outliers.getBody(), rows, cols, prefix + kBodyPrefix, components);
  }
  return success();
}

} // namespace

FailureOr<DomainWeight> getDomainWeight(Node &node, unsigned first) {
  if (node.getVersion() != lutraDomainVersion)
    return node.error() << "version " << node.getVersion() << " of the domain " << lutraDomain
                        << " is not known: expected " << lutraDomainVersion;
  int64_t rows = node.getInt("N"), cols = node.getInt("K");
  // The bound keeps every product of sizes far from overflow; no matrix of such a side fits a machine.
  constexpr int64_t most = int64_t(1) << 31;
  if (rows < 1 || cols < 1 || rows > most || cols > most)
    return node.error() << "attributes 'N' and 'K' must be 1 to 2^31, but are " << rows << " and " << cols;
  FailureOr<FormatSyntax> syntax = FormatSyntax::parse(node);
  if (failed(syntax))
    return failure();
  FailureOr<WeightFormatInterface> format = buildDomainFormat(node, *syntax, rows, cols, first);
  if (failed(format))
    return failure();

  SmallVector<ExpectedComponent> expected = format->getExpectedComponents(rows, cols);
  if (node.getNumInputs() - first != expected.size()) {
    InFlightDiagnostic diagnostic = node.error();
    diagnostic << "expected the " << expected.size() << " components ";
    llvm::interleaveComma(expected, diagnostic, [&](const ExpectedComponent &part) { diagnostic << part.name; });
    return diagnostic << " from input " << first << " on, but there are " << node.getNumInputs() - first << " inputs";
  }
  SmallVector<NamedAttribute> components;
  for (auto [index, part] : llvm::enumerate(expected)) {
    FailureOr<ElementsAttr> elements = getComponent(node, first + index, part, isSignedComponent(*format, part.name));
    if (failed(elements))
      return failure();
    components.push_back(node.getNamedAttr(part.name, *elements));
  }
  DomainWeight weight = {WeightType::get(node.getContext(), rows, cols, *format), node.getDictionaryAttr(components)};
  if (failed(checkData(node, *format, rows, cols, "", weight.components)))
    return failure();
  return weight;
}

} // namespace lutra
