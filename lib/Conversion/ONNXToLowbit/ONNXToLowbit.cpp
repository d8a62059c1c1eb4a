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
#include "lib/Conversion/ONNXToLowbit/SmallTypes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Matchers.h"
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
    if (failed(convertOps(body, graph)) || failed(graph.bindOutputs(function)))
      return failure();
    eraseDeadOps(body);
    hoistChecks(body);
    return success();
  }

  LogicalResult convertOps(Block &block, Graph &graph) {
    for (Operation &op : llvm::make_early_inc_range(block))
      if (failed(convertOp(op, graph)))
        return failure();
    return success();
  }

  LogicalResult convertOp(Operation &op, Graph &graph) {
    if (auto constant = dyn_cast<onnx::ConstantOp>(op))
      return convertConstant(constant, graph);
    if (auto node = dyn_cast<onnx::NodeOp>(op))
      return convertNode(node, graph);
    return success();
  }

  /// What is left of the graph has no uses; neither do constants that became weights.
  static void eraseDeadOps(Block &block) {
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (isOpTriviallyDead(&op))
        op.erase();
  }

  /// A condition that is known chooses its branch now; any other becomes scf.if.
  LogicalResult convertIf(onnx::NodeOp op, Graph &graph) {
    Node node(op, graph);
    if (failed(node.check({"cond"}, {"outputs*"}, {})) || failed(node.requireElement(0, {node.getI1Type()})))
      return failure();
    RankedTensorType type = node.getInputType(0);
    if (!type.hasStaticShape() || type.getNumElements() != 1 || op.getBranches().size() != 2)
      return node.error() << "input 'cond' must be one element, but is " << type;
    Value condition = tensor::ExtractOp::create(node, buildReshape(node, node.getInput(0), {}));
    if (auto known = getKnown(node.getInput(0)))
      return inlineBranch(op, op.getBranches()[*known ? 0 : 1].front(), graph);
    onnx::YieldOp yields[2];
    for (auto [yield, branch] : llvm::zip(yields, op.getBranches())) {
      if (failed(convertOps(branch.front(), graph)))
        return failure();
      yield = cast<onnx::YieldOp>(branch.front().getTerminator());
    }
    SmallVector<Type> types;
    for (auto [index, first, second] : llvm::enumerate(yields[0].getOperandTypes(), yields[1].getOperandTypes())) {
      auto a = dyn_cast<RankedTensorType>(first), b = dyn_cast<RankedTensorType>(second);
      if (!a || !b || a.getElementType() != b.getElementType() || a.getRank() != b.getRank())
        return node.error() << "output " << index << " is " << first << " from one branch and " << second
                            << " from the other: they must have one element type and rank";
      SmallVector<int64_t> shape(a.getShape());
      for (auto [size, other] : llvm::zip(shape, b.getShape()))
        size = size == other ? size : ShapedType::kDynamic;
      types.push_back(a.clone(shape));
    }
    auto choice = scf::IfOp::create(node, types, condition, /*withElseRegion=*/true);
    SmallVector<bool> isUnsigned(types.size(), false);
    SmallVector<Type> smalls;
    for (auto [index, first, second] : llvm::enumerate(yields[0].getValues(), yields[1].getValues())) {
      smalls.push_back(graph.getSmallType(first));
      if (smalls.back() != graph.getSmallType(second))
        return node.error() << "output " << index << " has different element types in the two branches";
    }
    for (auto [yield, from, to] : llvm::zip(yields, op.getBranches(), choice->getRegions())) {
      to.takeBody(from);
      ImplicitLocOpBuilder builder(node.getLoc(), yield);
      SmallVector<Value> results;
      for (auto [index, value, wanted] : llvm::enumerate(yield.getValues(), types)) {
        isUnsigned[index] |= graph.isUnsigned(value);
        results.push_back(builder.createOrFold<tensor::CastOp>(wanted, value));
      }
      scf::YieldOp::create(builder, results);
      yield.erase();
      eraseDeadOps(to.front());
    }
    for (auto [index, result] : llvm::enumerate(choice.getResults())) {
      if (smalls[index])
        graph.setSmallType(result, smalls[index]);
      if (failed(node.setOutput(index, result, isUnsigned[index])))
        return failure();
    }
    return success();
  }

  /// The value of a condition, if it is known.
  static std::optional<bool> getKnown(Value condition) {
    if (auto elements = condition.getDefiningOp<tensor::FromElementsOp>()) {
      APInt value;
      if (elements.getElements().size() == 1 && matchPattern(elements.getElements().front(), m_ConstantInt(&value)))
        return !value.isZero();
      return std::nullopt;
    }
    auto constant = dyn_cast_if_present<DenseElementsAttr>(getConstant(condition));
    if (!constant || !constant.isSplat())
      return std::nullopt;
    return constant.getSplatValue<bool>();
  }

  LogicalResult inlineBranch(onnx::NodeOp op, Block &branch, Graph &graph) {
    auto yield = cast<onnx::YieldOp>(branch.getTerminator());
    SmallVector<Operation *> ops;
    for (Operation &nested : branch.without_terminator())
      ops.push_back(&nested);
    for (Operation *nested : ops)
      nested->moveBefore(op);
    for (Operation *nested : ops)
      if (failed(convertOp(*nested, graph)))
        return failure();
    Node node(op, graph);
    for (auto [index, value] : llvm::enumerate(yield.getValues()))
      if (failed(node.setOutput(index, value, graph.isUnsigned(value))))
        return failure();
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

  static bool isByteTensor(Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type && type.getElementType().isInteger(8);
  }

  static LogicalResult checkSmalls(Node &node, const Entry &entry) {
    if (entry.smalls == Smalls::Moved) {
      if (failed(node.unpackSmallConstants()))
        return failure();
      // Bytes of two kinds are two types.
      Type first = node.getNumInputs() ? node.getSmallType(node.getInput(0)) : Type();
      for (Value input : node.getInputs())
        if (input && node.getInputType(0).getElementType().isInteger(8) && isByteTensor(input) &&
            node.getSmallType(input) != first)
          return node.error() << "inputs have different element types";
    }
    if (entry.smalls == Smalls::Refused)
      for (auto [index, input] : llvm::enumerate(node.getInputs()))
        if (Type small = node.getSmallType(input))
          return node.error() << "input " << index << " is an array of " << getSmallTypeName(small, node.isUnsigned(input))
                              << ", which this operator does not take: cast it before";
    return success();
  }

  LogicalResult convertNode(onnx::NodeOp op, Graph &graph) {
    if (op.getOpType() == "If" && (op.getDomain().empty() || op.getDomain() == "ai.onnx"))
      return convertIf(op, graph);
    Node node(op, graph);
    Entry entry = Registry::get().lookup(op.getDomain(), op.getOpType());
    if (!entry.lowering)
      return node.error() << "this operator is not supported";
    if (entry.halves == Halves::InF32 && failed(node.widenHalves()))
      return failure();
    if (failed(checkSmalls(node, entry)) || failed(entry.lowering(node)))
      return failure();
    for (auto [index, result] : llvm::enumerate(op->getResults()))
      if (!result.use_empty())
        return node.error() << "output " << index << " is not supported";
    return success();
  }
};

} // namespace
} // namespace lutra
