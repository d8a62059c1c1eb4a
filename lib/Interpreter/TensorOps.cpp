//===- TensorOps.cpp - constants, shapes and elements of arrays -----------===//
//
// Ops that move elements or know shapes, without computing with elements. Every result is an array of its own.
//
//===----------------------------------------------------------------------===//
#include "Values.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lutra;

/// The same elements in another shape.
static Array reshaped(const Array &source, ArrayRef<int64_t> shape) {
  auto result = std::make_shared<NpyArray>(*source);
  result->shape.assign(shape.begin(), shape.end());
  return result;
}

/// The place of an element, or -1 after a diagnostic when an index leaves the array.
static int64_t elementAt(Operation *op, const NpyArray &array, ValueRange indices, Environment &env) {
  int64_t linear = 0;
  SmallVector<int64_t, 4> strides = array.strides();
  for (auto [dim, value] : llvm::enumerate(indices)) {
    int64_t index = env.integer(value);
    if (index < 0 || index >= array.shape[dim])
      return op->emitError("index ") << index << " is outside the array of shape " << shapeText(array.shape), -1;
    linear += index * strides[dim];
  }
  return linear;
}

static Step extract(tensor::ExtractOp op, Environment &env) {
  const Array &source = env.array(op.getTensor());
  int64_t at = elementAt(op, *source, op.getIndices(), env);
  if (at < 0)
    return Step::Failed;
  env.set(op.getResult(), loadElement(*source, at));
  return Step::Done;
}

static Step insert(tensor::InsertOp op, Environment &env) {
  auto result = std::make_shared<NpyArray>(*env.array(op.getDest()));
  int64_t at = elementAt(op, *result, op.getIndices(), env);
  if (at < 0)
    return Step::Failed;
  storeElement(*result, at, env.scalar(op.getScalar()));
  env.set(op.getResult(), result);
  return Step::Done;
}

/// A static size of the result that the array does not have is an error: compiled code would trust it.
static Step castShape(tensor::CastOp op, Environment &env) {
  const Array &source = env.array(op.getSource());
  auto type = cast<RankedTensorType>(op.getType());
  bool fits = type.getRank() == static_cast<int64_t>(source->shape.size());
  for (int64_t dim = 0; fits && dim < type.getRank(); ++dim)
    fits = type.isDynamicDim(dim) || type.getDimSize(dim) == source->shape[dim];
  if (!fits)
    return op.emitError("an array of shape ") << shapeText(source->shape) << " is cast to " << type, Step::Failed;
  env.set(op.getResult(), source);
  return Step::Done;
}

static Step constant(arith::ConstantOp op, Environment &env) {
  if (auto elements = dyn_cast<ElementsAttr>(op.getValue())) {
    Array array = arrayFromAttr(op, elements);
    if (!array)
      return Step::Failed;
    env.set(op.getResult(), array);
    return Step::Done;
  }
  std::optional<Scalar> scalar = scalarFromAttr(op.getValue());
  if (!scalar)
    return Step::Unknown;
  env.set(op.getResult(), *scalar);
  return Step::Done;
}

static Step negativeSize(Operation *op, ArrayRef<int64_t> shape) {
  return op->emitError("a size is negative: ") << shapeText(shape), Step::Failed;
}

static bool isNegative(int64_t size) { return size < 0; }

/// The result is `fill` everywhere; null (unknown op) for elements that arrays cannot have.
static Step filled(Operation *op, ArrayRef<int64_t> shape, llvm::function_ref<Scalar(int64_t)> fill, Environment &env) {
  std::optional<DType> dtype = dtypeOfType(getElementTypeOrSelf(op->getResult(0).getType()));
  if (!dtype)
    return Step::Unknown;
  if (llvm::any_of(shape, isNegative))
    return negativeSize(op, shape);
  auto result = std::make_shared<NpyArray>(NpyArray::zeros(*dtype, shape));
  for (int64_t i = 0, e = result->numElements(); i < e; ++i)
    storeElement(*result, i, fill(i));
  env.set(op->getResult(0), result);
  return Step::Done;
}

LogicalResult lutra::computeElements(Block &body, NpyArray &result, Environment &env) {
  SmallVector<int64_t, 4> strides = result.strides();
  for (int64_t i = 0, e = result.numElements(); i < e; ++i) {
    for (auto [dim, argument] : llvm::enumerate(body.getArguments()))
      env.set(argument, Scalar{i / strides[dim] % result.shape[dim], 0});
    if (failed(executeBlock(body, env)))
      return failure();
    storeElement(result, i, env.scalar(body.getTerminator()->getOperand(0)));
  }
  return success();
}

static Step generate(tensor::GenerateOp op, Environment &env) {
  SmallVector<int64_t> shape =
      evaluate(getMixedValues(op.getType().getShape(), op.getDynamicExtents(), op.getContext()), env);
  if (llvm::any_of(shape, isNegative))
    return negativeSize(op, shape);
  auto result = std::make_shared<NpyArray>(NpyArray::zeros(*dtypeOfType(op.getType().getElementType()), shape));
  if (failed(computeElements(op.getBody().front(), *result, env)))
    return Step::Failed;
  env.set(op.getResult(), result);
  return Step::Done;
}

Step lutra::executeTensorOp(Operation *op, Environment &env) {
  auto define = [&](Value value, RuntimeValue runtime) {
    env.set(value, std::move(runtime));
    return Step::Done;
  };
  return llvm::TypeSwitch<Operation *, Step>(op)
      .Case<arith::ConstantOp>([&](auto o) { return constant(o, env); })
      .Case<tensor::ExtractOp>([&](auto o) { return extract(o, env); })
      .Case<tensor::InsertOp>([&](auto o) { return insert(o, env); })
      .Case<tensor::GenerateOp>([&](auto o) { return generate(o, env); })
      .Case<tensor::CastOp>([&](auto o) { return castShape(o, env); })
      .Case<tensor::RankOp>([&](tensor::RankOp o) {
        return define(o.getResult(), Scalar{static_cast<int64_t>(env.array(o.getTensor())->shape.size()), 0});
      })
      .Case<tensor::DimOp>([&](tensor::DimOp o) {
        const Array &array = env.array(o.getSource());
        int64_t index = env.integer(o.getIndex());
        if (index < 0 || index >= static_cast<int64_t>(array->shape.size()))
          return o.emitError("dimension ") << index << " of a tensor of rank " << array->shape.size(), Step::Failed;
        return define(o.getResult(), Scalar{array->shape[index], 0});
      })
      .Case<tensor::EmptyOp>([&](tensor::EmptyOp o) {
        return filled(
            o, evaluate(o.getMixedSizes(), env), [](int64_t) { return Scalar(); }, env);
      })
      .Case<bufferization::AllocTensorOp>([&](bufferization::AllocTensorOp o) {
        SmallVector<OpFoldResult> sizes = getMixedValues(o.getType().getShape(), o.getDynamicSizes(), o.getContext());
        return filled(
            o, evaluate(sizes, env), [](int64_t) { return Scalar(); }, env);
      })
      .Case<tensor::SplatOp>([&](tensor::SplatOp o) {
        SmallVector<OpFoldResult> sizes = getMixedValues(o.getType().getShape(), o.getDynamicSizes(), o.getContext());
        return filled(
            o, evaluate(sizes, env), [&](int64_t) { return env.scalar(o.getInput()); }, env);
      })
      .Case<tensor::FromElementsOp>([&](tensor::FromElementsOp o) {
        return filled(
            o, o.getType().getShape(), [&](int64_t i) { return env.scalar(o.getElements()[i]); }, env);
      })
      .Case<tensor::CollapseShapeOp>([&](tensor::CollapseShapeOp o) {
        const Array &source = env.array(o.getSrc());
        SmallVector<int64_t> shape;
        for (const ReassociationIndices &dims : o.getReassociationIndices()) {
          shape.push_back(1);
          for (int64_t dim : dims)
            shape.back() *= source->shape[dim];
        }
        return define(o.getResult(), reshaped(source, shape));
      })
      .Case<tensor::ExpandShapeOp, tensor::ReshapeOp>([&](auto o) {
        SmallVector<int64_t> shape;
        if constexpr (std::is_same_v<decltype(o), tensor::ExpandShapeOp>)
          shape = evaluate(o.getMixedOutputShape(), env);
        else
          for (int64_t i = 0, e = env.array(o.getShape())->numElements(); i < e; ++i)
            shape.push_back(loadElement(*env.array(o.getShape()), i).i);
        const Array &source = env.array(o->getOperand(0));
        Array result = reshaped(source, shape);
        if (result->numElements() != source->numElements())
          return o.emitError("the shape ")
                     << shapeText(shape) << " has not as many elements as " << shapeText(source->shape),
                 Step::Failed;
        return define(o.getResult(), result);
      })
      .Case<bufferization::MaterializeInDestinationOp>([&](bufferization::MaterializeInDestinationOp o) {
        // A buffer becomes the source; a tensor stays, and the result is what it would become.
        Value target = o.getNumResults() ? Value(o->getResult(0)) : Value(o.getDest());
        return define(target, env.array(o.getSource()));
      })
      .Default([](auto) { return Step::Unknown; });
}
