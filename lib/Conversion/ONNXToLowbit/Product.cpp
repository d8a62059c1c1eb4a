//===- Product.cpp - products with a constant weight ----------------------===//

#include "lib/Conversion/ONNXToLowbit/Product.h"

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace lutra {

FailureOr<Value> buildProduct(Node &node, int64_t rows, int64_t cols, Value bias,
                              llvm::function_ref<FailureOr<Value>(Value)> product) {
  Value activations = node.getInput(0);
  Dims dims = node.getDims(activations);
  if (dims.empty() || getConstantIntValue(dims.back()).value_or(cols) != cols)
    return node.error() << "the last dimension of input 'A' must be K = " << cols << ", but it is "
                        << node.getInputType(0);
  FailureOr<OpFoldResult> unified =
      node.unify(dims.back(), node.getIndexAttr(cols), "K and the last dimension of input 'A'");
  if (failed(unified))
    return failure();
  dims.back() = *unified;
  Value flat = buildFlatten(node, node.refine(activations, dims));
  FailureOr<Value> result = product(flat);
  if (failed(result))
    return failure();
  dims.back() = node.getIndexAttr(rows);
  node.setDims(*result, {node.getDims(flat)[0], dims.back()});
  if (bias)
    result = buildElementwise(
        node, {*result, bias}, cast<RankedTensorType>(bias.getType()).getElementType(),
        [](ImplicitLocOpBuilder &b, ValueRange x) -> Value { return arith::AddFOp::create(b, x[0], x[1]); });
  if (failed(result))
    return failure();
  return buildReshape(node, *result, dims);
}

} // namespace lutra
