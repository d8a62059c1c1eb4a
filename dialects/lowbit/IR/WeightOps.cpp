//===- WeightOps.cpp - ops from weight to weight --------------------------===//
//
// How they are evaluated, and lowbit.concat_rows. The other verifiers are in LowbitOps.cpp.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/ConcatRows.h"
#include "dialects/lowbit/IR/WeightSource.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace lutra::lowbit;

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

WeightSourcePtr WeightOp::createSource() { return getType().getFormat().createSource(*this); }

WeightSourcePtr ReinterpretOp::createSource() {
  WeightSourcePtr source = WeightSource::create(getSource());
  if (!source)
    return nullptr;
  const WeightSource &from = *source;
  return from.reinterpret(std::move(source), getType().getFormat(), [&] { return mlir::emitError(getLoc()); });
}

WeightSourcePtr PackOp::createSource() { return WeightSource::create(getSource()); }

WeightSourcePtr ConcatRowsOp::createSource() {
  std::vector<WeightSourcePtr> parts;
  for (Value part : getSources()) {
    parts.push_back(WeightSource::create(part));
    if (!parts.back())
      return nullptr;
  }
  return concatSources(getType(), std::move(parts));
}

//===----------------------------------------------------------------------===//
// Concatenation
//===----------------------------------------------------------------------===//

/// `format` as it may be stated when rows of others are beside its own: shared as `per` says, scales in f32 if
/// `scaleF32`, no constant zeta if `dropZeta`. Null for formats that have no such choices.
static WeightFormatInterface relax(WeightFormatInterface format, Granularity per, bool scaleF32, bool dropZeta) {
  MLIRContext *context = format.getContext();
  Type scale = scaleF32 ? Float32Type::get(context) : format.getScaleType();
  if (auto uniform = dyn_cast<UniformAttr>(format))
    return UniformAttr::get(context, uniform.getBits(), uniform.getGroup(), uniform.getZero(), uniform.getIsSigned(),
                            per, scale);
  if (auto ternary = dyn_cast<TernaryAttr>(format))
    return TernaryAttr::get(context, ternary.getGroup(), ternary.getStorage(), per, scale);
  if (auto bipolar = dyn_cast<BipolarAttr>(format))
    return BipolarAttr::get(context, bipolar.getPlanes(), bipolar.getGroup(),
                            dropZeta ? FloatAttr() : bipolar.getZeta(), per, scale);
  if (auto bcq = dyn_cast<BCQAttr>(format))
    return BCQAttr::get(context, bcq.getPlanes(), bcq.getGroup(), per, scale, scaleF32 ? 0 : bcq.getShiftTerms());
  return {};
}

/// Whether something in `format` belongs to all rows of a weight, so that rows of two weights have none together.
static bool sharesAcrossRows(WeightFormatInterface format) {
  auto codebook = dyn_cast<CodebookAttr>(format);
  return format.getGranularity() == Granularity::Tensor ||
         (codebook && (codebook.getTable() == CodebookTable::Tensor || codebook.getGlobalScale()));
}

/// Whether rows of `part` can be stated in the format `whole` (C2).
static bool isStatedBy(WeightFormatInterface part, WeightFormatInterface whole) {
  if (part == whole)
    return true;
  if (whole.getGranularity() > part.getGranularity())
    return false;
  for (bool scaleF32 : {false, true})
    for (bool dropZeta : {false, true})
      if (relax(part, whole.getGranularity(), scaleF32, dropZeta) == whole)
        return true;
  return false;
}

WeightFormatInterface lutra::lowbit::getConcatFormat(ArrayRef<WeightFormatInterface> formats) {
  WeightFormatInterface first = formats.front();
  if (llvm::any_of(formats,
                   [](WeightFormatInterface format) { return format.isComposite() || isa<PackedAttr>(format); }))
    return {};
  if (llvm::all_equal(formats) && (formats.size() == 1 || !sharesAcrossRows(first)))
    return first;
  Granularity per = formats.size() > 1 ? Granularity::Channel : Granularity::Tensor;
  for (WeightFormatInterface format : formats)
    per = std::min(per, format.getGranularity());
  // The most that can be stated: least is dropped first.
  for (bool scaleF32 : {false, true})
    for (bool dropZeta : {false, true})
      if (WeightFormatInterface whole = relax(first, per, scaleF32, dropZeta);
          whole && llvm::all_of(formats, [&](WeightFormatInterface format) { return isStatedBy(format, whole); }))
        return whole;
  return {};
}

LogicalResult ConcatRowsOp::verify() {
  if (getSources().empty())
    return emitOpError() << "needs at least one operand (C1)";
  WeightType result = getType();
  if (result.getLayout())
    return emitOpError() << "concatenates weights before they are packed, but the result is " << result.getFormat()
                         << " (C3)";
  if (result.getFormat().isComposite())
    return emitOpError() << "concatenates weights of rows in one format, but the result is " << result.getFormat()
                         << "; take its parts apart first (lowbit-decompose-weights) (C3)";
  int64_t rows = 0;
  for (Value source : getSources()) {
    auto type = cast<WeightType>(source.getType());
    if (type.getCols() != result.getCols())
      return emitOpError() << "K of the result is " << result.getCols() << ", but that of an operand is "
                           << type.getCols() << " (C1)";
    if (!isStatedBy(type.getFormat(), result.getFormat()))
      return emitOpError() << "the format of the result is " << result.getFormat() << ", but that of an operand is "
                           << type.getFormat() << ", which it cannot state (C2)";
    rows += type.getRows();
  }
  if (rows != result.getRows())
    return emitOpError() << "the operands have " << rows << " rows together, but the result has " << result.getRows()
                         << " (C1)";
  if (getSources().size() > 1 && result.getFormat().getGranularity() == Granularity::Tensor)
    return emitOpError()
           << "the operands have a scale each, so the result cannot have per = tensor; state per = channel "
              "(C2)";
  if (getSources().size() > 1 && sharesAcrossRows(result.getFormat()))
    return emitOpError()
           << "the operands have a table or a global scale each, so the result cannot state one for all of its "
              "rows, as "
           << result.getFormat() << " does (C2)";
  return success();
}

OpFoldResult ConcatRowsOp::fold(FoldAdaptor) {
  if (getSources().size() == 1 && getSources().front().getType() == getType())
    return getSources().front();
  return {};
}

namespace {
/// Operands that are concatenations of the same format are put in their place.
struct FlattenConcat : OpRewritePattern<ConcatRowsOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConcatRowsOp op, PatternRewriter &rewriter) const override {
    SmallVector<Value> sources;
    for (Value source : op.getSources()) {
      auto inner = source.getDefiningOp<ConcatRowsOp>();
      if (inner && inner.getType().getFormat() == op.getType().getFormat())
        llvm::append_range(sources, inner.getSources());
      else
        sources.push_back(source);
    }
    if (sources.size() == op.getSources().size() && llvm::equal(sources, op.getSources()))
      return failure();
    rewriter.modifyOpInPlace(op, [&] { op.getSourcesMutable().assign(sources); });
    return success();
  }
};
} // namespace

void ConcatRowsOp::getCanonicalizationPatterns(RewritePatternSet &results, MLIRContext *context) {
  results.add<FlattenConcat>(context);
}
