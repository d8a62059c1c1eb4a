//===- LowbitToLut.cpp - tables and packed weights to tensors -------------===//
//
// Three steps, each of which sees only what the step before left: precomputes become lut.precompute and assemble_table;
// products read the parts of their assembled table; assembled tables that nothing reads go.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LowbitToLut/LowbitToLut.h"
#include "dialects/lowbit/IR/Lowbit.h"
#include "dialects/lowbit/Transforms/Casts.h"
#include "dialects/lowbit/Transforms/ProductUtils.h"
#include "dialects/lut/IR/Lut.h"
#include "lib/Conversion/LowbitToLut/QuantizeActivations.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace lutra {
#define GEN_PASS_DEF_CONVERTLOWBITTOLUT
#include "lib/Conversion/LowbitToLut/Passes.h.inc"
} // namespace lutra

using namespace mlir;
using namespace lutra;

/// Whether `op` multiplies floats with what packed bit planes stand for.
static bool isPackedDense(lowbit::MatmulOp op) {
  auto packed = dyn_cast<lowbit::PackedAttr>(op.getWeight().getType().getFormat());
  return op.getStrategy() == lowbit::Strategy::Dense && packed && isa<lowbit::BipolarAttr>(packed.getFormat());
}

/// What is left to do, said on the first op that this conversion cannot take.
static LogicalResult checkConvertible(Operation *op) {
  if (auto product = dyn_cast<lowbit::MatmulOp>(op); product && !isPackedDense(product))
    return op->emitOpError("is not split into precompute and lookup; run lowbit-split-precompute");
  if (auto product = dyn_cast<lowbit::LookupMatmulOp>(op)) {
    if (!isa<lowbit::PackedAttr>(product.getWeight().getType().getFormat()))
      return product.emitOpError() << "needs a packed weight, but its format is "
                                   << product.getWeight().getType().getFormat() << "; run lowbit-pack-weights";
    if (!product.getTable().getDefiningOp<lowbit::PrecomputeOp>() &&
        !product.getTable().getDefiningOp<lowbit::AssembleTableOp>())
      return product.emitOpError("needs its table to be made by lowbit.precompute or lowbit.assemble_table in the same "
                                 "region, but it comes from elsewhere; inline the function or loop that passes it on");
    return success();
  }
  if (auto precompute = dyn_cast<lowbit::PrecomputeOp>(op)) {
    auto activations = cast<RankedTensorType>(precompute.getActivations().getType());
    if (activations.isDynamicDim(1))
      return precompute.emitOpError() << "needs activations whose K is static, but they are " << activations
                                      << "; cast them to K = " << precompute.getType().getCols() << " first";
  }
  for (Value result : op->getResults()) {
    if (!isa<lowbit::TableType>(result.getType()))
      continue;
    for (Operation *user : result.getUsers())
      if (!isa<lowbit::LookupMatmulOp>(user))
        return op->emitOpError() << "makes a table that '" << user->getName()
                                 << "' uses; only lowbit.lookup_matmul can read one below this level";
  }
  return success();
}

/// The size of dimension 0 of `value`, as tensor.empty takes it.
static SmallVector<OpFoldResult> withRows(ImplicitLocOpBuilder &b, Value value, ArrayRef<int64_t> others) {
  SmallVector<OpFoldResult> sizes{tensor::getMixedSize(b, b.getLoc(), value, 0)};
  for (int64_t size : others)
    sizes.push_back(b.getIndexAttr(size));
  return sizes;
}

static void convertPrecompute(lowbit::PrecomputeOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  lowbit::TableType table = op.getType();
  int64_t groups = table.getNumGroups();
  Type f32 = b.getF32Type();
  Value activations = op.getActivations();
  if (!op.getScales())
    activations = lowbit::castElements(b, b.getLoc(), activations, f32);
  Value entries = tensor::EmptyOp::create(b, withRows(b, activations, {groups, table.getTablesPerGroup() * 16}),
                                          table.getElement());
  Value scales = tensor::EmptyOp::create(b, withRows(b, activations, {table.getScalesPerRow()}), f32);
  Value sums = tensor::EmptyOp::create(b, withRows(b, activations, {groups}), f32);
  auto parts = lut::PrecomputeOp::create(b, TypeRange{entries.getType(), scales.getType(), sums.getType()}, activations,
                                         op.getScales(), entries, scales, sums, table);
  auto assembled =
      lowbit::AssembleTableOp::create(b, table, parts.getResult(0), parts.getResult(1), parts.getResult(2));
  op.replaceAllUsesWith(assembled.getResult());
  op.erase();
}

static void convertProduct(lowbit::LookupMatmulOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  auto table = op.getTable().getDefiningOp<lowbit::AssembleTableOp>();
  lowbit::WeightType weight = op.getWeight().getType();
  int64_t bytes = cast<lowbit::PackedAttr>(weight.getFormat()).getTotalBytes(weight.getRows(), weight.getCols());
  Value data = lowbit::PackedDataOp::create(b, RankedTensorType::get({bytes}, b.getI8Type()), op.getWeight());
  Value out = tensor::EmptyOp::create(b, withRows(b, table.getEntries(), {weight.getRows()}), b.getF32Type());
  auto product = lut::MatmulOp::create(b, out.getType(), table.getEntries(), table.getScales(), table.getSums(), data,
                                       op.getEpilogueOperands(), out, TypeAttr::get(weight), op.getTileAttr());
  product.getEpilogue().takeBody(op.getEpilogue());
  Value result = product.getResult();
  // The table may know more of M than the product says, or less.
  if (result.getType() != op.getType())
    result = tensor::CastOp::create(b, op.getType(), result);
  op.replaceAllUsesWith(result);
  op.erase();
}

static void convertDense(lowbit::MatmulOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  lowbit::WeightType weight = op.getWeight().getType();
  int64_t bytes = cast<lowbit::PackedAttr>(weight.getFormat()).getTotalBytes(weight.getRows(), weight.getCols());
  Value activations = lowbit::createFloatActivations(b, op);
  Value data = lowbit::PackedDataOp::create(b, RankedTensorType::get({bytes}, b.getI8Type()), op.getWeight());
  Value out = tensor::EmptyOp::create(b, withRows(b, activations, {weight.getRows()}), b.getF32Type());
  auto product = lut::DenseMatmulOp::create(b, out.getType(), activations, data, out, TypeAttr::get(weight));
  op.replaceAllUsesWith(lowbit::createProductResult(b, op, product.getResult()));
  op.erase();
}

namespace {
struct ConvertLowbitToLutPass : lutra::impl::ConvertLowbitToLutBase<ConvertLowbitToLutPass> {
  using ConvertLowbitToLutBase::ConvertLowbitToLutBase;

  void runOnOperation() override {
    WalkResult checked = getOperation()->walk(
        [](Operation *op) { return failed(checkConvertible(op)) ? WalkResult::interrupt() : WalkResult::advance(); });
    if (checked.wasInterrupted())
      return signalPassFailure();
    WalkResult quantized = getOperation()->walk([](lowbit::QuantizeActivationsOp op) {
      return failed(decomposeQuantizeActivations(op)) ? WalkResult::interrupt() : WalkResult::advance();
    });
    if (quantized.wasInterrupted())
      return signalPassFailure();
    getOperation()->walk([](lowbit::PrecomputeOp op) { convertPrecompute(op); });
    getOperation()->walk([](lowbit::LookupMatmulOp op) { convertProduct(op); });
    getOperation()->walk([](lowbit::MatmulOp op) { convertDense(op); });
    getOperation()->walk([](lowbit::AssembleTableOp op) {
      if (op->use_empty())
        op.erase();
    });
  }
};
} // namespace
