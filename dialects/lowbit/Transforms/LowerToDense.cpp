//===- LowerToDense.cpp - products with dequantized weights ---------------===//
//
// lowbit-lower-to-dense: see CompositePasses.td. A weight that several products read is dequantized once.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/Transforms/Passes.h"
#include "dialects/lowbit/Transforms/ProductUtils.h"
#include "dialects/lowbit/Transforms/Remarks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/DenseMap.h"

#define DEBUG_TYPE "lowbit-lower-to-dense"

namespace lutra::lowbit {
#define GEN_PASS_DEF_LOWERTODENSE
#include "dialects/lowbit/Transforms/Passes.h.inc"
} // namespace lutra::lowbit

using namespace mlir;
using namespace lutra::lowbit;

namespace {
struct LowerToDense : lutra::lowbit::impl::LowerToDenseBase<LowerToDense> {
  using LowerToDenseBase::LowerToDenseBase;

  void runOnOperation() override {
    SmallVector<MatmulOp> products;
    getOperation()->walk([&](MatmulOp op) {
      if ((all || op.getStrategy() == Strategy::Dense) && !op.getWeight().getType().getLayout())
        products.push_back(op);
    });
    for (MatmulOp product : products) {
      if (product.getWeight().getType().getFormat().isComposite()) {
        product.emitError() << "expected a weight that is not composite, but its format is "
                            << product.getWeight().getType().getFormat() << "; run lowbit-decompose-weights first";
        return signalPassFailure();
      }
      if (product.getPrecision()) {
        product.emitError() << "expected no precision operand; run lowbit-decompose-weights first";
        return signalPassFailure();
      }
    }
    for (MatmulOp product : products)
      lower(product);
  }

private:
  /// The values of `weight`, K x N, right behind it.
  Value dequantize(Value weight) {
    Value &values = dequantized[weight];
    if (values)
      return values;
    OpBuilder builder(&getContext());
    builder.setInsertionPointAfterValue(weight);
    auto type = cast<WeightType>(weight.getType());
    auto tensor = RankedTensorType::get({type.getCols(), type.getRows()}, builder.getF32Type());
    values = DequantizeOp::create(builder, weight.getLoc(), tensor, weight, /*transposed=*/true);
    return values;
  }

  void lower(MatmulOp product) {
    OpBuilder builder(product);
    Location loc = product.getLoc();
    Value weight = dequantize(product.getWeight());
    Value activations = createFloatActivations(builder, product);
    Value outputs = createZeroOutputs(builder, product);
    AffineExpr m, n, k;
    bindDims(&getContext(), m, n, k);
    auto maps = makeMaps(&getContext(), {{m, k}, {k, n}, {m, n}});
    SmallVector<utils::IteratorType> iterators{utils::IteratorType::parallel, utils::IteratorType::parallel,
                                               utils::IteratorType::reduction};
    auto generic = linalg::GenericOp::create(builder, loc, outputs.getType(), ValueRange{activations, weight},
                                             ValueRange{outputs}, maps, iterators,
                                             [](OpBuilder &b, Location loc, ValueRange args) {
                                               Value sum = math::FmaOp::create(b, loc, args[0], args[1], args[2]);
                                               linalg::YieldOp::create(b, loc, sum);
                                             });
    WeightType type = product.getWeight().getType();
    remark::passed(loc, remarkOf(DEBUG_TYPE, loc))
        << remark::reason("multiplied by dequantized weights{0}", all ? ", as all are" : "")
        << remark::metric("bytes", type.getRows() * type.getCols() * 4);
    product.replaceAllUsesWith(createProductResult(builder, product, generic.getResult(0)));
    product.erase();
  }

  llvm::DenseMap<Value, Value> dequantized;
};
} // namespace
