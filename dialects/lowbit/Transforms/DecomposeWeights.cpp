//===- DecomposeWeights.cpp - products with weights made of weights -------===//
//
// lowbit-decompose-weights: see CompositePasses.td. A product that comes of one may have a composite weight again (a
// part of a mixed weight with outliers): it is taken apart in turn. Outliers.cpp has the sums of outliers.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Composite.h"
#include "dialects/lowbit/IR/WeightSource.h"
#include "dialects/lowbit/Transforms/Outliers.h"
#include "dialects/lowbit/Transforms/Passes.h"
#include "dialects/lowbit/Transforms/ProductUtils.h"
#include "dialects/lowbit/Transforms/Remarks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

#define DEBUG_TYPE "lowbit-decompose-weights"

namespace lutra::lowbit {
#define GEN_PASS_DEF_DECOMPOSEWEIGHTS
#include "dialects/lowbit/Transforms/Passes.h.inc"
} // namespace lutra::lowbit

using namespace mlir;
using namespace lutra::lowbit;

/// `product` with another weight and without `precision`; its result is M x N of the weight, of `element`.
static MatmulOp createProduct(OpBuilder &builder, MatmulOp product, Value weight, Type element) {
  auto clone = cast<MatmulOp>(builder.clone(*product));
  clone.getWeightMutable().assign(weight);
  clone.getPrecisionMutable().clear();
  auto type = cast<RankedTensorType>(product.getType());
  clone.getResult().setType(
      RankedTensorType::get({type.getDimSize(0), cast<WeightType>(weight.getType()).getRows()}, element));
  return clone;
}

static Type getElement(MatmulOp product) { return cast<RankedTensorType>(product.getType()).getElementType(); }

//===----------------------------------------------------------------------===//
// Nested
//===----------------------------------------------------------------------===//

/// The weight `nested` at `bits` bits, right behind it. A zeta that all groups turn out to share becomes a constant.
static FailureOr<Value> truncate(WeightOp nested, unsigned bits) {
  OpBuilder builder(nested.getContext());
  builder.setInsertionPointAfter(nested);
  auto format = cast<NestedAttr>(nested.getType().getFormat());
  if (bits == format.getCodeBits())
    return createNestedBody(builder, nested).getResult();
  WeightFormatInterface narrow = format.getTruncated(bits);
  auto op = TruncateOp::create(builder, nested.getLoc(), nested.getType().withFormat(narrow), nested);
  auto planes = dyn_cast<BipolarAttr>(narrow);
  if (!planes || planes.getZeta())
    return op.getResult();
  WeightSourcePtr source = op.createSource();
  if (!source)
    return failure();
  if (std::optional<float> zeta = source->findConstantZeta())
    op.getResult().setType(nested.getType().withFormat(
        BipolarAttr::get(builder.getContext(), bits, planes.getGroup(), builder.getF32FloatAttr(*zeta))));
  return op.getResult();
}

static FailureOr<Value> decomposeNested(MatmulOp product, WeightOp weight) {
  OpBuilder builder(product);
  Location loc = product.getLoc();
  auto format = cast<NestedAttr>(weight.getType().getFormat());
  unsigned least = format.getMinBits(), most = format.getCodeBits();
  Value precision = product.getPrecision();
  APInt constant;
  if (!precision || matchPattern(precision, m_ConstantInt(&constant))) {
    int64_t bits = precision ? constant.getSExtValue() : most;
    if (bits < least || bits > most)
      return product.emitError() << "the precision is " << bits << " bits, but the weight runs at " << least << " to "
                                 << most;
    FailureOr<Value> body = truncate(weight, bits);
    if (failed(body))
      return failure();
    return createProduct(builder, product, *body, getElement(product)).getResult();
  }

  SmallVector<Value> widths;
  for (unsigned bits = least; bits <= most; ++bits) {
    FailureOr<Value> width = truncate(weight, bits);
    if (failed(width))
      return failure();
    widths.push_back(*width);
  }
  auto compare = [&](arith::CmpIPredicate predicate, int64_t bits) -> Value {
    Value bound = arith::ConstantIntOp::create(builder, loc, bits, 32);
    return arith::CmpIOp::create(builder, loc, predicate, precision, bound);
  };
  Value inRange = arith::AndIOp::create(builder, loc, compare(arith::CmpIPredicate::sge, least),
                                        compare(arith::CmpIPredicate::sle, most));
  cf::AssertOp::create(builder, loc, inRange,
                       ("the precision of a weight must be " + Twine(least) + " to " + Twine(most) + " bits").str());
  // All of the bits are the default: what a precision that the check refuses gets.
  SmallVector<int64_t> cases;
  for (unsigned bits = least; bits < most; ++bits)
    cases.push_back(bits);
  Value index = arith::IndexCastOp::create(builder, loc, builder.getIndexType(), precision);
  // All cases write to one tensor, which outlives them: as buffers they then yield nothing of their own. An
  // allocation, not an empty tensor: those are replaced by what is nearest, in one case and not in another.
  auto type = cast<RankedTensorType>(product.getType());
  SmallVector<Value> dynamicSizes;
  if (type.isDynamicDim(0))
    dynamicSizes.push_back(getValueOrCreateConstantIndexOp(builder, loc, getProductRows(builder, product)));
  Value outputs = bufferization::AllocTensorOp::create(builder, loc, type, dynamicSizes);
  auto choice = scf::IndexSwitchOp::create(builder, loc, TypeRange(outputs.getType()), index, cases, cases.size());
  auto fill = [&](Region &region, Value width) {
    OpBuilder::InsertionGuard guard(builder);
    builder.createBlock(&region);
    Value y = createProduct(builder, product, width, type.getElementType());
    Value kept = linalg::CopyOp::create(builder, loc, y, outputs).getResult(0);
    scf::YieldOp::create(builder, loc, kept);
  };
  fill(choice.getDefaultRegion(), widths.back());
  for (auto [region, width] : llvm::zip(choice.getCaseRegions(), widths))
    fill(region, width);
  return choice.getResult(0);
}

//===----------------------------------------------------------------------===//
// Mixed
//===----------------------------------------------------------------------===//

/// For each output channel its row in the parts, one below the other; fails with a diagnostic when a channel has none.
static FailureOr<std::vector<int32_t>> invertPermutation(WeightOp weight) {
  FailureOr<ComponentElements> permutation = ComponentElements::bind(weight, "permutation");
  if (failed(permutation))
    return failure();
  std::vector<int32_t> places(weight.getType().getRows(), -1);
  for (int64_t i = 0, rows = places.size(); i < rows; ++i) {
    int32_t channel = permutation->int32(i);
    if (channel < 0 || channel >= rows)
      return weight.emitError() << "row " << i << " is said to be output channel " << channel
                                << ", but the channels are 0 to " << rows - 1;
    if (places[channel] >= 0)
      return weight.emitError() << "rows " << places[channel] << " and " << i << " are both said to be output channel "
                                << channel << "; the permutation must have each once";
    places[channel] = static_cast<int32_t>(i);
  }
  return places;
}

/// Column `places[n]` of `matrix` as column n.
static Value gatherColumns(OpBuilder &builder, MatmulOp product, Value matrix, ArrayRef<int32_t> places) {
  Location loc = product.getLoc();
  auto type = cast<RankedTensorType>(matrix.getType());
  auto indexType = RankedTensorType::get({static_cast<int64_t>(places.size())}, builder.getI32Type());
  Value indices = arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(indexType, places));
  SmallVector<OpFoldResult> sizes{getProductRows(builder, product), builder.getIndexAttr(places.size())};
  Value empty = tensor::EmptyOp::create(builder, loc, sizes, type.getElementType());
  AffineExpr m, n;
  bindDims(builder.getContext(), m, n);
  auto maps = makeMaps(builder.getContext(), {{n}, {m, n}});
  SmallVector<utils::IteratorType> iterators(2, utils::IteratorType::parallel);
  return linalg::GenericOp::create(builder, loc, empty.getType(), ValueRange{indices}, ValueRange{empty}, maps,
                                   iterators, [&](OpBuilder &b, Location loc, ValueRange args) {
                                     Value row = linalg::IndexOp::create(b, loc, 0);
                                     Value place = arith::IndexCastOp::create(b, loc, b.getIndexType(), args[0]);
                                     Value y = tensor::ExtractOp::create(b, loc, matrix, ValueRange{row, place});
                                     linalg::YieldOp::create(b, loc, y);
                                   })
      .getResult(0);
}

static FailureOr<Value> decomposeMixed(MatmulOp product, WeightOp weight, SmallVectorImpl<MatmulOp> &created) {
  FailureOr<std::vector<int32_t>> places = invertPermutation(weight);
  if (failed(places))
    return failure();
  OpBuilder builder(product);
  Location loc = product.getLoc();
  auto type = cast<RankedTensorType>(product.getType());
  OpFoldResult rows = getProductRows(builder, product), one = builder.getIndexAttr(1), zero = builder.getIndexAttr(0);
  SmallVector<OpFoldResult> sizes{rows, builder.getIndexAttr(type.getDimSize(1))};
  Value all = tensor::EmptyOp::create(builder, loc, sizes, type.getElementType());
  OpBuilder atWeight(weight);
  int64_t column = 0;
  for (WeightOp part : createMixedParts(atWeight, weight)) {
    MatmulOp own = createProduct(builder, product, part, type.getElementType());
    created.push_back(own);
    int64_t count = part.getType().getRows();
    SmallVector<OpFoldResult> offsets{zero, builder.getIndexAttr(column)}, strides(2, one);
    SmallVector<OpFoldResult> partSizes{rows, builder.getIndexAttr(count)};
    all = tensor::InsertSliceOp::create(builder, loc, own.getResult(), all, offsets, partSizes, strides);
    column += count;
  }
  bool isIdentity = true;
  for (auto [channel, place] : llvm::enumerate(*places))
    isIdentity &= place == static_cast<int32_t>(channel);
  if (!isIdentity)
    all = gatherColumns(builder, product, all, *places);
  return all.getType() == type ? all : tensor::CastOp::create(builder, loc, type, all).getResult();
}

//===----------------------------------------------------------------------===//
// Outliers
//===----------------------------------------------------------------------===//

static FailureOr<Value> decomposeOutliers(MatmulOp product, WeightOp weight) {
  OpBuilder builder(product), atWeight(weight);
  FailureOr<Value> outliers = createOutlierSums(builder, product, weight);
  if (failed(outliers))
    return failure();
  WeightOp body = createOutlierBody(atWeight, weight);
  Value y = createProduct(builder, product, body, builder.getF32Type());
  Location loc = product.getLoc();
  SmallVector<OpFoldResult> sizes{getProductRows(builder, product), builder.getIndexAttr(weight.getType().getRows())};
  Value empty = tensor::EmptyOp::create(builder, loc, sizes, builder.getF32Type());
  SmallVector<AffineMap> maps(3, builder.getMultiDimIdentityMap(2));
  SmallVector<utils::IteratorType> iterators(2, utils::IteratorType::parallel);
  Value sum = linalg::GenericOp::create(builder, loc, empty.getType(), ValueRange{y, *outliers}, ValueRange{empty},
                                        maps, iterators,
                                        [](OpBuilder &b, Location loc, ValueRange args) {
                                          Value sum = arith::AddFOp::create(b, loc, args[0], args[1]);
                                          linalg::YieldOp::create(b, loc, sum);
                                        })
                  .getResult(0);
  return createProductResult(builder, product, sum);
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct DecomposeWeights : lutra::lowbit::impl::DecomposeWeightsBase<DecomposeWeights> {
  void runOnOperation() override {
    SmallVector<MatmulOp> products;
    getOperation()->walk([&](MatmulOp op) {
      if (op.getWeight().getType().getFormat().isComposite() || op.getPrecision())
        products.push_back(op);
    });
    while (!products.empty()) {
      MatmulOp product = products.pop_back_val();
      SmallVector<MatmulOp> created;
      if (failed(decompose(product, created)))
        return signalPassFailure();
      for (MatmulOp op : created)
        if (op.getWeight().getType().getFormat().isComposite())
          products.push_back(op);
    }
  }

private:
  static LogicalResult decompose(MatmulOp product, SmallVectorImpl<MatmulOp> &created) {
    WeightFormatInterface format = product.getWeight().getType().getFormat();
    if (product.getPrecision() && !isa<NestedAttr>(format))
      return product.emitError() << "only a #lowbit.nested weight runs at a precision, but the format is " << format;
    auto weight = product.getWeight().getDefiningOp<WeightOp>();
    if (!weight)
      return product.emitError() << "expected a constant weight (lowbit.weight), since one of format " << format
                                 << " is taken apart at compile time";
    FailureOr<Value> result = isa<NestedAttr>(format)   ? decomposeNested(product, weight)
                              : isa<MixedAttr>(format) ? decomposeMixed(product, weight, created)
                                                       : decomposeOutliers(product, weight);
    if (failed(result))
      return failure();
    remark::passed(product.getLoc(), remarkOf(DEBUG_TYPE, product.getLoc()))
        << remark::reason("taken apart: the weight is {0}", format.getAbstractAttribute().getName());
    product.replaceAllUsesWith(*result);
    product.erase();
    if (weight->use_empty())
      weight.erase();
    return success();
  }
};
} // namespace
