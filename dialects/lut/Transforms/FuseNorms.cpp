//===- FuseNorms.cpp - norms into the tables that read them ---------------===//
//
// lut-fuse-norms: see Passes.td. A norm is matched as what ONNX's norms become: a reduction of squares in f64 and an element-wise generic that
// multiplies by the inverse root and the weight. Invariant: only norms that nothing but tables reads are fused, so nothing is computed twice.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/Transforms/Remarks.h"
#include "dialects/lut/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/RegionUtils.h"

#define DEBUG_TYPE "lut-fuse-norms"

namespace lutra::lut {
#define GEN_PASS_DEF_FUSENORMS
#include "dialects/lut/Transforms/Passes.h.inc"
} // namespace lutra::lut

using namespace mlir;
using namespace lutra;
using namespace lutra::lut;

namespace {
/// y = (x / sqrt(mean(x^2) + epsilon)) weight over the last dimension.
struct Norm {
  Value x, weight;
  float epsilon;
};
} // namespace

/// The operand of `op` that is not `one`, if the other one is.
static Value otherOperand(Operation *op, Value one) {
  return op->getOperand(0) == one ? op->getOperand(1) : op->getOperand(1) == one ? op->getOperand(0) : Value();
}

/// The value of a finite f64 constant.
static std::optional<double> numberOf(Value value) {
  FloatAttr constant;
  if (!matchPattern(value, m_Constant(&constant)) || !constant.getType().isF64())
    return std::nullopt;
  return constant.getValueAsDouble();
}

/// The input of a generic that a block argument stands for.
static OpOperand *inputOf(linalg::GenericOp generic, Value argument) {
  auto block = dyn_cast_if_present<BlockArgument>(argument);
  if (!block || block.getOwner() != generic.getBody() || block.getArgNumber() >= generic.getNumDpsInputs())
    return nullptr;
  return generic.getDpsInputOperand(block.getArgNumber());
}

/// Whether `generic` adds the squares of `x` along its last dimension in f64, from +0, and nothing else.
static bool addsSquaresOf(linalg::GenericOp generic, Value x) {
  const unsigned rank = cast<RankedTensorType>(x.getType()).getRank();
  if (!generic || generic.getNumDpsInputs() != 1 || generic.getNumDpsInits() != 1 || generic.getDpsInputs()[0] != x ||
      generic.getNumLoops() != rank || generic.getNumReductionLoops() != 1 ||
      generic.getIteratorTypesArray().back() != utils::IteratorType::reduction)
    return false;
  SmallVector<AffineMap> maps = generic.getIndexingMapsArray();
  if (!maps[0].isIdentity() || maps[1] != maps[0].getMajorSubMap(rank - 1))
    return false;
  auto fill = generic.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
  if (!fill || !matchPattern(fill.getInputs()[0], m_PosZeroFloat()))
    return false;
  auto sum = generic.getBody()->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  Value added = sum ? otherOperand(sum, generic.getRegionOutputArgs()[0]) : Value();
  auto square = added ? added.getDefiningOp<arith::MulFOp>() : nullptr;
  auto wide = square && square.getLhs() == square.getRhs() ? square.getLhs().getDefiningOp<arith::ExtFOp>() : nullptr;
  return wide && wide.getType().isF64() && wide.getIn() == generic.getRegionInputArgs()[0];
}

/// The norm that `y` is, if it is one.
static std::optional<Norm> matchNorm(Value y) {
  auto generic = y.getDefiningOp<linalg::GenericOp>();
  if (!generic || generic.getNumResults() != 1 || generic.getNumParallelLoops() != generic.getNumLoops() ||
      !generic.getIndexingMapsArray().back().isIdentity() || !cast<RankedTensorType>(y.getType()).getElementType().isF32())
    return std::nullopt;
  const unsigned rank = generic.getNumLoops();
  // (x r) w with the factors of each product in any order.
  auto outer = generic.getBody()->getTerminator()->getOperand(0).getDefiningOp<arith::MulFOp>();
  if (!outer)
    return std::nullopt;
  for (Value weight : {outer.getRhs(), outer.getLhs()}) {
    auto inner = otherOperand(outer, weight).getDefiningOp<arith::MulFOp>();
    OpOperand *weightInput = inputOf(generic, weight);
    if (!inner || !weightInput)
      continue;
    for (Value element : {inner.getLhs(), inner.getRhs()}) {
      OpOperand *x = inputOf(generic, element);
      auto narrow = otherOperand(inner, element).getDefiningOp<arith::TruncFOp>();
      auto quotient = narrow ? narrow.getIn().getDefiningOp<arith::DivFOp>() : nullptr;
      auto root = quotient && numberOf(quotient.getLhs()) == 1.0 ? quotient.getRhs().getDefiningOp<math::SqrtOp>() : nullptr;
      auto shifted = root ? root.getOperand().getDefiningOp<arith::AddFOp>() : nullptr;
      if (!x || !shifted)
        continue;
      std::optional<double> epsilon = numberOf(shifted.getRhs());
      auto mean = shifted.getLhs().getDefiningOp<arith::DivFOp>();
      OpOperand *sums = mean ? inputOf(generic, mean.getLhs()) : nullptr;
      auto type = cast<RankedTensorType>(x->get().getType());
      if (!epsilon || !sums || double(float(*epsilon)) != *epsilon || numberOf(mean.getRhs()) != double(type.getDimSize(rank - 1)))
        continue;
      AffineMap identity = AffineMap::getMultiDimIdentityMap(rank, generic.getContext());
      if (generic.getMatchingIndexingMap(x) != identity || generic.getMatchingIndexingMap(sums) != identity.getMajorSubMap(rank - 1) ||
          generic.getMatchingIndexingMap(weightInput) != identity.getMinorSubMap(1) ||
          !addsSquaresOf(sums->get().getDefiningOp<linalg::GenericOp>(), x->get()))
        continue;
      return Norm{x->get(), weightInput->get(), float(*epsilon)};
    }
  }
  return std::nullopt;
}

namespace {
/// Who reads a value, through collapses of its outer dimensions; its sizes are no reading.
struct Readers {
  SmallVector<PrecomputeOp> tables;
  bool hasOthers = false;
};
} // namespace

static void findReaders(Value value, Readers &readers) {
  for (Operation *user : value.getUsers()) {
    auto tables = dyn_cast<PrecomputeOp>(user);
    auto collapse = dyn_cast<tensor::CollapseShapeOp>(user);
    if (tables && tables.getActivations() == value && !tables.getActScales() && tables.getNumResults() > 0 &&
        tables.getWidth() == lowbit::kTableWidth)
      readers.tables.push_back(tables);
    else if (collapse && collapse.getReassociationIndices().back().size() == 1)
      findReaders(collapse.getResult(), readers);
    else if (!isa<tensor::DimOp>(user))
      readers.hasOthers = true;
  }
}

/// Lets what reads the normalized rows `y`, or a collapse of them, read the rows `x` of the same shape.
static void fuse(Value y, Value x, const Norm &norm) {
  for (Operation *user : llvm::make_early_inc_range(y.getUsers())) {
    OpBuilder b(user);
    if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(user)) {
      auto rows = tensor::CollapseShapeOp::create(b, user->getLoc(), x, collapse.getReassociationIndices());
      fuse(collapse.getResult(), rows, norm);
    } else if (auto size = dyn_cast<tensor::DimOp>(user)) {
      size.getSourceMutable().assign(x);
    } else {
      auto tables = cast<PrecomputeOp>(user);
      auto fused = NormPrecomputeOp::create(b, user->getLoc(), tables.getResultTypes(), x, norm.weight, tables.getEntries(),
                                            tables.getScales(), tables.getSums(), tables.getGroupAttr(),
                                            b.getF32FloatAttr(norm.epsilon), tables.getSymmetricAttr());
      tables->replaceAllUsesWith(fused);
      tables.erase();
    }
  }
}

namespace {
struct FuseNorms : lutra::lut::impl::FuseNormsBase<FuseNorms> {
  using FuseNormsBase::FuseNormsBase;

  void runOnOperation() override {
    SmallVector<linalg::GenericOp> generics;
    getOperation()->walk([&](linalg::GenericOp op) { generics.push_back(op); });
    for (linalg::GenericOp op : generics) {
      std::optional<Norm> norm = op.getNumResults() == 1 ? matchNorm(op.getResult(0)) : std::nullopt;
      Readers readers;
      if (norm)
        findReaders(op.getResult(0), readers);
      for (PrecomputeOp tables : readers.tables) {
        auto options = lowbit::remarkOf(DEBUG_TYPE, tables.getLoc());
        if (readers.hasOthers)
          remark::missed(tables.getLoc(), options) << remark::reason("the norm stays: more than tables of f32 read it");
        else
          remark::passed(tables.getLoc(), options) << remark::reason("the norm is computed with the tables");
      }
      if (!readers.tables.empty() && !readers.hasOthers)
        fuse(op.getResult(0), norm->x, *norm);
    }
    // The norms themselves, then what their bodies read.
    IRRewriter rewriter(&getContext());
    while (succeeded(runRegionDCE(rewriter, getOperation()->getRegions())))
      ;
  }
};
} // namespace
