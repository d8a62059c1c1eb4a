//===- ControlOps.cpp - loops, branches, calls and index arithmetic -------===//
//
// Regions are executed where they stand, in the environment around them: their arguments and ops get new values each
// time. An scf.forall is defined to be a loop whose iterations see the shared outputs as they were before it.
//
//===----------------------------------------------------------------------===//
#include "Values.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lutra;

/// Calls nested deeper than this are taken for a recursion without end.
static constexpr unsigned kMaxCallDepth = 64;

static void setAll(ValueRange values, ArrayRef<RuntimeValue> runtimes, Environment &env) {
  for (auto [value, runtime] : llvm::zip_equal(values, runtimes))
    env.set(value, runtime);
}

static Step forLoop(scf::ForOp op, Environment &env) {
  int64_t lower = env.integer(op.getLowerBound()), upper = env.integer(op.getUpperBound()),
          step = env.integer(op.getStep());
  if (step <= 0)
    return op.emitError("the loop's step is ") << step << ", expected 1 or more", Step::Failed;
  SmallVector<RuntimeValue> carried = valuesOf(op.getInitArgs(), env);
  for (int64_t i = lower; i < upper; i += step) {
    env.set(op.getInductionVar(), Scalar{i, 0});
    setAll(op.getRegionIterArgs(), carried, env);
    if (failed(executeBlock(*op.getBody(), env)))
      return Step::Failed;
    carried = valuesOf(op.getBody()->getTerminator()->getOperands(), env);
  }
  setAll(op.getResults(), carried, env);
  return Step::Done;
}

static Step whileLoop(scf::WhileOp op, Environment &env) {
  SmallVector<RuntimeValue> carried = valuesOf(op.getInits(), env);
  while (true) {
    setAll(op.getBeforeArguments(), carried, env);
    if (failed(executeBlock(*op.getBeforeBody(), env)))
      return Step::Failed;
    scf::ConditionOp condition = op.getConditionOp();
    carried = valuesOf(condition.getArgs(), env);
    if (!env.integer(condition.getCondition()))
      break;
    setAll(op.getAfterArguments(), carried, env);
    if (failed(executeBlock(*op.getAfterBody(), env)))
      return Step::Failed;
    carried = valuesOf(op.getAfterBody()->getTerminator()->getOperands(), env);
  }
  setAll(op.getResults(), carried, env);
  return Step::Done;
}

/// Executes one of an op's regions, whose terminator's operands are the op's results.
static Step branch(Operation *op, Region &region, Environment &env) {
  if (region.empty())
    return Step::Done;
  if (!llvm::hasSingleElement(region))
    return op->emitError("the interpreter needs regions of one block"), Step::Failed;
  if (failed(executeBlock(region.front(), env)))
    return Step::Failed;
  setAll(op->getResults(), valuesOf(region.front().getTerminator()->getOperands(), env), env);
  return Step::Done;
}

static Step indexSwitch(scf::IndexSwitchOp op, Environment &env) {
  int64_t argument = env.integer(op.getArg());
  for (auto [value, region] : llvm::zip_equal(op.getCases(), op.getCaseRegions()))
    if (value == argument)
      return branch(op, region, env);
  return branch(op, op.getDefaultRegion(), env);
}

/// One iteration's writes to the results, which start as copies of the shared outputs.
static LogicalResult combine(scf::ForallOp op, ArrayRef<Array> results, Environment &env) {
  for (Operation &yielding : op.getTerminator().getYieldingOps()) {
    auto insert = dyn_cast<tensor::ParallelInsertSliceOp>(&yielding);
    if (!insert)
      return yielding.emitError("the interpreter does not know '") << yielding.getName() << "'";
    if (failed(checkOperands(insert, env)))
      return failure();
    auto argument = dyn_cast<BlockArgument>(insert.getDest());
    if (!argument || argument.getOwner() != op.getBody() || argument.getArgNumber() < op.getRank())
      return insert.emitError("the destination is no shared output of the loop around it");
    if (!writeSlice(*results[argument.getArgNumber() - op.getRank()], *env.array(insert.getSource()),
                    evaluate(insert.getMixedOffsets(), env), evaluate(insert.getMixedSizes(), env),
                    evaluate(insert.getMixedStrides(), env)))
      return insert.emitError("the slice leaves its shared output");
  }
  return success();
}

static Step forall(scf::ForallOp op, Environment &env) {
  SmallVector<int64_t> lower = evaluate(op.getMixedLowerBound(), env), upper = evaluate(op.getMixedUpperBound(), env),
                       steps = evaluate(op.getMixedStep(), env);
  SmallVector<Array> results;
  for (auto [output, argument] : llvm::zip_equal(op.getOutputs(), op.getRegionIterArgs())) {
    env.set(argument, env.get(output));
    results.push_back(std::make_shared<NpyArray>(*env.array(output)));
  }
  bool isEmpty = false;
  for (auto [from, to, step] : llvm::zip_equal(lower, upper, steps)) {
    if (step <= 0)
      return op.emitError("the loop's step is ") << step << ", expected 1 or more", Step::Failed;
    isEmpty |= from >= to;
  }
  SmallVector<int64_t> at = lower;
  while (!isEmpty) {
    for (auto [variable, index] : llvm::zip_equal(op.getInductionVars(), at))
      env.set(variable, Scalar{index, 0});
    if (failed(executeBlock(*op.getBody(), env)) || failed(combine(op, results, env)))
      return Step::Failed;
    size_t dim = at.size();
    for (; dim > 0; --dim) {
      if ((at[dim - 1] += steps[dim - 1]) < upper[dim - 1])
        break;
      at[dim - 1] = lower[dim - 1];
    }
    if (dim == 0)
      break;
  }
  for (auto [result, array] : llvm::zip_equal(op.getResults(), results))
    env.set(result, array);
  return Step::Done;
}

static Step call(func::CallOp op, Environment &env) {
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(op, op.getCalleeAttr());
  if (!callee || callee.isExternal() || !llvm::hasSingleElement(callee.getBody()))
    return op.emitError("the interpreter needs the body of '")
               << op.getCallee() << "', in one block, in the same module",
           Step::Failed;
  if (env.callDepth >= kMaxCallDepth)
    return op.emitError("calls are nested deeper than ") << kMaxCallDepth << "; the interpreter has no recursion",
           Step::Failed;
  // Values of its own, so that a function may be called within itself. Weights have none: they are read from their ops.
  Environment inner;
  inner.options = env.options;
  inner.callDepth = env.callDepth + 1;
  for (auto [argument, operand] : llvm::zip_equal(callee.getArguments(), op.getOperands()))
    if (env.contains(operand))
      inner.set(argument, env.get(operand));
  Block &body = callee.getBody().front();
  if (failed(executeBlock(body, inner)))
    return Step::Failed;
  setAll(op.getResults(), valuesOf(body.getTerminator()->getOperands(), inner), env);
  return Step::Done;
}

/// The values of the map's results; a diagnostic on `op` when one divides by zero.
template <typename OpTy>
static FailureOr<SmallVector<int64_t>> evaluateMap(OpTy op, Environment &env) {
  AffineMap map = op.getAffineMap();
  SmallVector<int64_t> operands, values;
  for (Value operand : op.getMapOperands())
    operands.push_back(env.integer(operand));
  ArrayRef<int64_t> all(operands);
  for (AffineExpr expr : map.getResults()) {
    std::optional<int64_t> value =
        evaluateAffine(expr, all.take_front(map.getNumDims()), all.drop_front(map.getNumDims()));
    if (!value)
      return op.emitError("divides by a number that is not positive");
    values.push_back(*value);
  }
  return values;
}

template <typename OpTy, typename Fn>
static Step affineOp(OpTy op, Environment &env, Fn &&pick) {
  FailureOr<SmallVector<int64_t>> values = evaluateMap(op, env);
  if (failed(values))
    return Step::Failed;
  env.set(op.getResult(), Scalar{pick(*values), 0});
  return Step::Done;
}

Step lutra::executeControlOp(Operation *op, Environment &env) {
  return llvm::TypeSwitch<Operation *, Step>(op)
      .Case<scf::ForOp>([&](auto o) { return forLoop(o, env); })
      .Case<scf::WhileOp>([&](auto o) { return whileLoop(o, env); })
      .Case<scf::ForallOp>([&](auto o) { return forall(o, env); })
      .Case<scf::IfOp>([&](scf::IfOp o) {
        return branch(o, env.integer(o.getCondition()) ? o.getThenRegion() : o.getElseRegion(), env);
      })
      .Case<scf::IndexSwitchOp>([&](auto o) { return indexSwitch(o, env); })
      .Case<scf::ExecuteRegionOp>([&](scf::ExecuteRegionOp o) { return branch(o, o.getRegion(), env); })
      .Case<func::CallOp>([&](auto o) { return call(o, env); })
      .Case<affine::AffineApplyOp>(
          [&](auto o) { return affineOp(o, env, [](ArrayRef<int64_t> values) { return values.front(); }); })
      .Case<affine::AffineMinOp>(
          [&](auto o) { return affineOp(o, env, [](ArrayRef<int64_t> values) { return *llvm::min_element(values); }); })
      .Case<affine::AffineMaxOp>(
          [&](auto o) { return affineOp(o, env, [](ArrayRef<int64_t> values) { return *llvm::max_element(values); }); })
      .Case<cf::AssertOp>([&](cf::AssertOp o) {
        if (env.integer(o.getArg()))
          return Step::Done;
        return o.emitError(o.getMsg()), Step::Failed;
      })
      .Default([](auto) { return Step::Unknown; });
}
