//===- CompositeOps.cpp - weights made of weights, and their values -------===//
//
// A product with a composite weight means what `lowbit-decompose-weights` makes of it, and one with a codebook what
// `lowbit-canonicalize-weights` makes of that: the product alone goes through these passes, and what comes out is
// executed.
//
//===----------------------------------------------------------------------===//
#include "Products.h"

#include "dialects/lowbit/IR/Dequantize.h"
#include "dialects/lowbit/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;
using namespace lutra;

/// Clones the ops that make `weight`.
static LogicalResult cloneWeight(OpBuilder &builder, Value weight, IRMapping &map) {
  if (map.contains(weight))
    return success();
  Operation *op = weight.getDefiningOp();
  if (!op)
    return emitError(weight.getLoc())
           << "the weight must be a constant: a lowbit.weight, and ops from weight to weight";
  for (Value operand : op->getOperands())
    if (failed(cloneWeight(builder, operand, map)))
      return failure();
  builder.clone(*op, map);
  return success();
}

Step lutra::executeRewritten(lowbit::MatmulOp op, Environment &env) {
  OpBuilder builder(op.getContext());
  OwningOpRef<ModuleOp> module = ModuleOp::create(op.getLoc());
  SmallVector<Value> inputs;
  for (Value operand : op->getOperands())
    if (!isa<lowbit::WeightType>(operand.getType()))
      inputs.push_back(operand);
  builder.setInsertionPointToEnd(module->getBody());
  auto function = func::FuncOp::create(builder, op.getLoc(), "product",
                                       builder.getFunctionType(TypeRange(ValueRange(inputs)), op->getResultTypes()));
  Block *block = function.addEntryBlock();
  builder.setInsertionPointToEnd(block);
  IRMapping map;
  map.map(inputs, block->getArguments());
  if (failed(cloneWeight(builder, op.getWeight(), map)))
    return Step::Failed;
  Operation *product = builder.clone(*op, map);
  func::ReturnOp::create(builder, op.getLoc(), product->getResults());

  PassManager pm(op.getContext(), ModuleOp::getOperationName());
  pm.addPass(lowbit::createDecomposeWeights());
  // A product's bits follow from the planes that its weight has at last, unused ones dropped (docs/spec/numerics.md).
  pm.addPass(lowbit::createCanonicalizeWeights());
  if (failed(pm.run(*module)))
    return Step::Failed;

  Environment inner;
  inner.options = env.options;
  inner.weightsAreCanonical = true;
  for (auto [argument, input] : llvm::zip_equal(block->getArguments(), inputs))
    inner.set(argument, env.get(input));
  if (failed(executeBlock(*block, inner)))
    return Step::Failed;
  env.set(op.getResult(), inner.get(block->getTerminator()->getOperand(0)));
  return Step::Done;
}

Step lutra::dequantize(lowbit::DequantizeOp op, Environment &env) {
  auto values = std::make_shared<NpyArray>(NpyArray::zeros(DType::F32, op.getType().getShape()));
  if (failed(lowbit::dequantizeWeight(op, values->as<float>())))
    return Step::Failed;
  env.set(op.getResult(), values);
  return Step::Done;
}
