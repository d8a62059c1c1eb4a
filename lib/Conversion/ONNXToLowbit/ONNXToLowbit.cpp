//===- ONNXToLowbit.cpp - the pass convert-onnx-to-lowbit -----------------===//
//
// One forward walk: nodes are in topological order, so every node finds its operands converted. The first error ends
// it.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/ONNXToLowbit/ONNXToLowbit.h"

#include "dialects/lowbit/IR/Lowbit.h"
#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace lutra {
#define GEN_PASS_DEF_CONVERTONNXTOLOWBIT
#include "lib/Conversion/ONNXToLowbit/Passes.h.inc"

namespace {

/// Whether `op` computes a scalar from what `early` can compute and from the arguments.
bool canComputeEarly(Operation &op, const DenseSet<Operation *> &early) {
  if (op.getNumRegions() != 0 || !(isMemoryEffectFree(&op) || isa<cf::AssertOp>(op)))
    return false;
  if (llvm::any_of(op.getResultTypes(), [](Type type) { return !type.isIntOrIndexOrFloat(); }))
    return false;
  return llvm::all_of(op.getOperands(), [&](Value operand) {
    return isa<BlockArgument>(operand) || early.contains(operand.getDefiningOp());
  });
}

/// Moves the checks that depend on nothing but the inputs, with what they need, to the front: a call with sizes that do
/// not fit then ends before anything is allocated or written.
void hoistChecks(Block &body) {
  DenseSet<Operation *> early, needed;
  for (Operation &op : body)
    if (canComputeEarly(op, early))
      early.insert(&op);
  for (Operation &op : llvm::reverse(body)) {
    if (!early.contains(&op) || !(isa<cf::AssertOp>(op) || needed.contains(&op)))
      continue;
    needed.insert(&op);
    for (Value operand : op.getOperands())
      if (Operation *producer = operand.getDefiningOp())
        needed.insert(producer);
  }
  Operation *position = &body.front();
  for (Operation &op : llvm::make_early_inc_range(body)) {
    if (!needed.contains(&op))
      continue;
    if (&op == position)
      position = op.getNextNode();
    else
      op.moveBefore(position);
  }
}

struct ConvertONNXToLowbit : impl::ConvertONNXToLowbitBase<ConvertONNXToLowbit> {
  void runOnOperation() override {
    auto function = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!function || function.isExternal() || !llvm::hasSingleElement(function.getBody())) {
      getOperation().emitError("expected a function @main of one block: the graph of an imported ONNX model");
      return signalPassFailure();
    }
    if (failed(convert(function)))
      signalPassFailure();
  }

  LogicalResult convert(func::FuncOp function) {
    Graph graph;
    Block &body = function.front();
    auto start = ImplicitLocOpBuilder::atBlockBegin(function.getLoc(), &body);
    graph.bindInputs(function, start);
    for (Operation &op : llvm::make_early_inc_range(body)) {
      LogicalResult converted = success();
      if (auto constant = dyn_cast<onnx::ConstantOp>(op))
        converted = convertConstant(constant, graph);
      else if (auto node = dyn_cast<onnx::NodeOp>(op))
        converted = convertNode(node, graph);
      if (failed(converted))
        return failure();
    }
    if (failed(graph.bindOutputs(function)))
      return failure();
    // What is left of the graph has no uses; neither do constants that became weights.
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(body)))
      if (isOpTriviallyDead(&op))
        op.erase();
    hoistChecks(body);
    return success();
  }

  LogicalResult convertConstant(onnx::ConstantOp op, Graph &graph) {
    auto value = dyn_cast_if_present<TypedAttr>(getSignlessElements(op.getValue()));
    if (!value)
      return op.emitError() << "initializer '" << op.getSymName() << "' must be a dense or dense_resource constant";
    ImplicitLocOpBuilder builder(op.getLoc(), op);
    Value constant = arith::ConstantOp::create(builder, value);
    if (cast<RankedTensorType>(op.getType()).getElementType().isUnsignedInteger())
      graph.setUnsigned(constant);
    op.getResult().replaceAllUsesWith(constant);
    return success();
  }

  LogicalResult convertNode(onnx::NodeOp op, Graph &graph) {
    Node node(op, graph);
    Entry entry = Registry::get().lookup(op.getDomain(), op.getOpType());
    if (!entry.lowering)
      return node.error() << "this operator is not supported";
    if (entry.halves == Halves::InF32 && failed(node.widenHalves()))
      return failure();
    if (failed(entry.lowering(node)))
      return failure();
    for (auto [index, result] : llvm::enumerate(op->getResults()))
      if (!result.use_empty())
        return node.error() << "output " << index << " is not supported";
    return success();
  }
};

} // namespace
} // namespace lutra
