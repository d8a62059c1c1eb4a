//===- MixedFormat.cpp - output channels in several formats ---------------===//
//
// Verification of `#lowbit.mixed` and its components. The values of the permutation are checked where they are used.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Composite.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"

#include <numeric>

using namespace mlir;
using namespace lutra::lowbit;

LogicalResult MixedAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError, ArrayRef<int64_t> rows,
                                ArrayRef<Attribute> formats) {
  if (rows.empty() || rows.size() != formats.size())
    return emitError() << "each part needs its rows and its format, but there are " << rows.size() << " rows and "
                       << formats.size() << " formats";
  for (auto [count, format] : llvm::zip_equal(rows, formats)) {
    // Few enough that their sum does not overflow.
    if (count < 1 || count > INT32_MAX)
      return emitError() << "each part has 1 to " << INT32_MAX << " rows, but one has " << count;
    if (!isa<UniformAttr, TernaryAttr, BipolarAttr, BCQAttr, CodebookAttr, OutliersAttr>(format))
      return emitError() << "a part must be a weight format that is not itself packed, nested or mixed, but one is "
                         << format;
  }
  return success();
}

WeightFormatInterface MixedAttr::getFormat(size_t index) const {
  return cast<WeightFormatInterface>(getFormats()[index]);
}

unsigned MixedAttr::getCodeBits() const {
  unsigned most = 0;
  for (size_t i = 0; i < getFormats().size(); ++i)
    most = std::max(most, getFormat(i).getCodeBits());
  return most;
}

int64_t MixedAttr::getGroupSize() const { return getFormat(0).getGroupSize(); }

bool MixedAttr::isComposite() const { return true; }

SmallVector<ExpectedComponent> MixedAttr::getExpectedComponents(int64_t rows, int64_t cols) const {
  SmallVector<ExpectedComponent> specs;
  for (auto [part, count] : llvm::enumerate(getRows()))
    for (ExpectedComponent &spec : getFormat(part).getExpectedComponents(count, cols))
      specs.push_back({getMixedPrefix(part) + spec.name, spec.type});
  specs.push_back({"permutation", RankedTensorType::get({rows}, IntegerType::get(getContext(), 32))});
  return specs;
}

LogicalResult MixedAttr::verifyComponents(llvm::function_ref<InFlightDiagnostic()> emitError, int64_t rows,
                                          int64_t cols, DictionaryAttr components) const {
  int64_t total = std::accumulate(getRows().begin(), getRows().end(), int64_t(0));
  if (total != rows)
    return emitError() << "the parts have " << total << " rows together, but the weight has " << rows;
  for (auto [part, count] : llvm::enumerate(getRows()))
    if (auto outliers = dyn_cast<OutliersAttr>(getFormat(part)); outliers && outliers.getCount() > cols)
      return emitError() << "a row has " << cols << " columns, fewer than its " << outliers.getCount() << " outliers";
  return verifyComponentsAre(emitError, getExpectedComponents(rows, cols), components);
}
