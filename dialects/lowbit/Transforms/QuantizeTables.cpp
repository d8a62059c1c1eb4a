//===- QuantizeTables.cpp - the kind of lookup tables ---------------------===//
//
// lowbit-quantize-tables: see Passes.td.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Weights.h"
#include "dialects/lowbit/Transforms/Passes.h"

#include "dialects/lowbit/Transforms/Remarks.h"

#define DEBUG_TYPE "lowbit-quantize-tables"

namespace lutra::lowbit {
#define GEN_PASS_DEF_QUANTIZETABLES
#include "dialects/lowbit/Transforms/Passes.h.inc"
} // namespace lutra::lowbit

using namespace mlir;
using namespace lutra::lowbit;

/// Bytes of the tables and scales of one row of K activations.
static int64_t bytesPerRow(TableType type) {
  int64_t entries = type.getNumGroups() * type.getTablesPerGroup() * 16;
  return entries * type.getElement().getIntOrFloatBitWidth() / 8 + 4 * type.getScalesPerRow();
}

static std::string describe(TableKindAttr kind) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << kind.getElement();
  if (kind.getWidth() != kTableWidth)
    os << " of " << kind.getWidth() << " activations";
  if (isQuantized(getKind(kind).element))
    os << ", a scale per " << stringifyTableScale(kind.getScale());
  return text;
}

namespace {
struct QuantizeTables : lutra::lowbit::impl::QuantizeTablesBase<QuantizeTables> {
  using QuantizeTablesBase::QuantizeTablesBase;

  LogicalResult initialize(MLIRContext *context) override {
    if (ternary && (element != TableElement::I8 || scale == TableScale::Table))
      return emitError(UnknownLoc::get(context))
             << DEBUG_TYPE ": tables of three activations have i8 entries and a scale per group or row; take these, or leave ternary out";
    if (isQuantized(element) || scale == TableScale::Group)
      return success();
    return emitError(UnknownLoc::get(context))
           << DEBUG_TYPE ": scale is for quantized tables, but the entries are floats; take element=i8 or i16";
  }

  void runOnOperation() override {
    llvm::DenseMap<Value, bool> areOfThree;
    getOperation()->walk([&](MatmulOp op) {
      if (op.getTable() || op.getStrategy() == Strategy::Dense)
        return;
      op.setTableAttr(op.hasIntegerActivations()      ? chooseForIntegers(op)
                      : ternary && takesThree(op, areOfThree) ? getKindAttr(&getContext(), {element, scale, kTripleWidth})
                                                              : asked());
      WeightType weight = op.getWeight().getType();
      remarkOn(op, TableType::get(&getContext(), 1, weight.getCols(), weight.getGroup(), op.getTableAttr().getElement(),
                                  /*symmetric=*/false, op.getTableAttr().getScale(), op.getTableAttr().getWidth()));
    });
    getOperation()->walk([&](PrecomputeOp op) { rewrite(op); });
  }

private:
  TableKindAttr asked() { return getKindAttr(&getContext(), {element, scale}); }

  /// Whether the weight of `op` is ternary and all products that read it look it up for floats: then it can lie in triples. Weights that are known are in
  /// `known`.
  static bool takesThree(MatmulOp op, llvm::DenseMap<Value, bool> &known) {
    Value weight = op.getWeight();
    auto [place, isNew] = known.try_emplace(weight, false);
    if (!isNew || !isTernary(op.getWeight().getType().getFormat()))
      return place->second;
    for (Operation *user : weight.getUsers()) {
      auto product = dyn_cast<MatmulOp>(user);
      bool isOther = product && (product.hasIntegerActivations() || product.getStrategy().value_or(Strategy::Lut) != Strategy::Lut ||
                                 (product.getTable() && product.getTable()->getWidth() != kTripleWidth));
      if (isOther || isa<LookupMatmulOp>(user))
        return false;
    }
    // A weight that is an argument has codes that nobody knows.
    auto maker = weight.getDefiningOp<WeightValueOpInterface>();
    FailureOr<WeightReader> reader = maker ? WeightReader::create(weight) : FailureOr<WeightReader>(failure());
    return place->second = succeeded(reader) && reader->findCodeRange().second <= 2;
  }

  /// Exact integers with the scales of the codes, as narrow as asked for and possible.
  TableKindAttr chooseForIntegers(MatmulOp op) {
    TableKindAttr exact = op.getExactIntegerTable();
    int64_t largest = kTableWidth << (op.getActivationBits() - 1);
    if (element == TableElement::I8 && largest <= getLargestEntry(TableElement::I8))
      return getKindAttr(&getContext(), {TableElement::I8, exact.getScale()});
    if (asked() != exact)
      remark::missed(op.getLoc(), remarkOf(DEBUG_TYPE, op.getLoc()))
          << remark::reason("{0} is not taken: sums of four codes of {1} bits reach {2} and stay exact in i16 with the codes' scale",
                            describe(asked()), op.getActivationBits(), largest);
    return exact;
  }

  void remarkOn(Operation *op, TableType type) {
    remark::passed(op->getLoc(), remarkOf(DEBUG_TYPE, op->getLoc()))
        << remark::reason("tables of {0}", describe(type.getKind())) << remark::metric("row-bytes", bytesPerRow(type))
        << remark::metric("f32-row-bytes", bytesPerRow(type.withKind(getKindAttr(&getContext(), {TableElement::F32, TableScale::Group}))));
  }

  void rewrite(PrecomputeOp op) {
    TableType type = op.getType();
    if (!type.getElement().isF32() || type.getKind() == asked())
      return;
    if (!isOnlyLookedUp(op, DEBUG_TYPE))
      return;
    op.getTable().setType(type.withKind(asked()));
    remarkOn(op, op.getType());
  }
};
} // namespace
