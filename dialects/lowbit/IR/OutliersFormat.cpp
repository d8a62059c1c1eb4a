//===- OutliersFormat.cpp - a body and a few values of high precision -----===//
//
// Verification of `#lowbit.outliers` and its components. The values of the indices are checked where they are used.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Composite.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace lutra::lowbit;

LogicalResult OutliersAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError, WeightFormatInterface body,
                                   int64_t columns, int64_t entries, Type value) {
  if (!isa<UniformAttr, TernaryAttr, BipolarAttr, BCQAttr, CodebookAttr>(body))
    return emitError() << "the body must be #lowbit.uniform, #lowbit.ternary, #lowbit.bipolar, #lowbit.bcq or "
                          "#lowbit.codebook, but is "
                       << body;
  if (columns < 0 || entries < 0 || (columns > 0) == (entries > 0))
    return emitError() << "either columns or entries must be positive, but they are " << columns << " and " << entries;
  if (!value.isF16() && !value.isF32())
    return emitError() << "value must be f16 or f32, but is " << value;
  return success();
}

unsigned OutliersAttr::getCodeBits() const { return getBody().getCodeBits(); }
int64_t OutliersAttr::getGroupSize() const { return getBody().getGroupSize(); }

bool OutliersAttr::isComposite() const { return true; }

SmallVector<ExpectedComponent> OutliersAttr::getExpectedComponents(int64_t rows, int64_t cols) const {
  SmallVector<ExpectedComponent> specs;
  for (ExpectedComponent &spec : getBody().getExpectedComponents(rows, cols))
    specs.push_back({(kBodyPrefix + spec.name).str(), spec.type});
  auto i32 = IntegerType::get(getContext(), 32);
  if (getColumns())
    specs.push_back({"columns", RankedTensorType::get({getColumns()}, i32)});
  else
    specs.push_back({"indices", RankedTensorType::get({rows, getEntries()}, i32)});
  specs.push_back({"values", RankedTensorType::get({rows, getCount()}, getValue())});
  return specs;
}

LogicalResult OutliersAttr::verifyComponents(llvm::function_ref<InFlightDiagnostic()> emitError, int64_t rows,
                                             int64_t cols, DictionaryAttr components) const {
  if (getCount() > cols)
    return emitError() << "a row has " << cols << " columns, fewer than its " << getCount() << " outliers";
  return verifyComponentsAre(emitError, getExpectedComponents(rows, cols), components);
}
