//===- CodebookFormat.cpp - codes that index a table ----------------------===//
//
// The fixed tables, and the verification of `#lowbit.codebook` and its components.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Codebooks.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace lutra::lowbit;

/// NF4: the quantiles of a normal distribution, with a zero of its own (QLoRA; the constants of bitsandbytes).
static constexpr float kNF4[16] = {-1.0f,
                                   -0.6961928009986877f,
                                   -0.5250730514526367f,
                                   -0.39491748809814453f,
                                   -0.28444138169288635f,
                                   -0.18477343022823334f,
                                   -0.09105003625154495f,
                                   0.0f,
                                   0.07958029955625534f,
                                   0.16093020141124725f,
                                   0.24611230194568634f,
                                   0.33791524171829224f,
                                   0.44070982933044434f,
                                   0.5626170039176941f,
                                   0.7229568362236023f,
                                   1.0f};

/// FP4 of bitsandbytes: 3 bits of magnitude in an order of their own, then the sign.
static constexpr float kBnbFP4[16] = {0.0f,         0.005208333333f, 0.66666667f,  1.0f,   0.33333333f,  0.5f,
                                      0.16666667f,  0.25f,           -0.0f,        -0.005208333333f,
                                      -0.66666667f, -1.0f,           -0.33333333f, -0.5f,  -0.16666667f, -0.25f};

/// FP4 of the microscaling formats: 2 bits of exponent, 1 of mantissa, the sign on top.
static constexpr float kE2M1[16] = {0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,  4.0f,  6.0f,
                                    -0.0f, -0.5f, -1.0f, -1.5f, -2.0f, -3.0f, -4.0f, -6.0f};

ArrayRef<float> lutra::lowbit::getFixedTable(CodebookTable table) {
  switch (table) {
  case CodebookTable::NF4:
    return kNF4;
  case CodebookTable::BnbFP4:
    return kBnbFP4;
  case CodebookTable::E2M1:
    return kE2M1;
  case CodebookTable::Tensor:
  case CodebookTable::Channel:
    return {};
  }
  llvm_unreachable("a codebook table");
}

LogicalResult CodebookAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError, unsigned bits, int64_t group,
                                   CodebookTable table, Granularity, Type scale, bool) {
  if (failed(verifyCodes(emitError, "bits", bits, group)) || failed(verifyScaleType(emitError, scale)))
    return failure();
  if (!getFixedTable(table).empty() && bits != 4)
    return emitError() << "the table " << stringifyCodebookTable(table) << " has 16 values, so bits must be 4, but is "
                       << bits << "; give another table as a component (table = tensor)";
  return success();
}

unsigned CodebookAttr::getCodeBits() const { return getBits(); }
int64_t CodebookAttr::getGroupSize() const { return getGroup(); }

Granularity CodebookAttr::getGranularity() const { return getPer(); }
Type CodebookAttr::getScaleType() const { return getScale(); }

SmallVector<ExpectedComponent> CodebookAttr::getExpectedComponents(int64_t rows, int64_t cols) const {
  Type f32 = Float32Type::get(getContext());
  ComponentTypes types(*this, rows, cols);
  int64_t entries = int64_t(1) << getBits();
  SmallVector<ExpectedComponent> expected{{"codes", types.codes()}, {"scales", types.shared(getScale())}};
  if (getTable() == CodebookTable::Tensor)
    expected.push_back({"table", RankedTensorType::get({entries}, f32)});
  if (getTable() == CodebookTable::Channel)
    expected.push_back({"table", RankedTensorType::get({rows, entries}, f32)});
  if (getGlobalScale())
    expected.push_back({"global_scale", RankedTensorType::get({1}, f32)});
  return expected;
}

LogicalResult CodebookAttr::verifyReinterpret(llvm::function_ref<InFlightDiagnostic()> emitError,
                                              WeightFormatInterface to) const {
  auto bcq = dyn_cast<BCQAttr>(to);
  if (!bcq)
    return emitError() << "a codebook becomes #lowbit.bcq where its table is affine in the bits of the code, but the "
                          "result is "
                       << to << " (C2)";
  // Rows with tables of their own have alphas of their own.
  Granularity per = getTable() == CodebookTable::Channel ? std::min(getPer(), Granularity::Channel) : getPer();
  auto expected = BCQAttr::get(getContext(), getBits(), getGroup(), per);
  if (bcq == expected)
    return success();
  return emitError() << "the result must be " << expected << ", with the operand's bits, group and per, but is " << bcq
                     << " (C2)";
}
