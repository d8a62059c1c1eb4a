//===- Scatter.cpp - ScatterND, TensorScatter, CumSum, Trilu and Tile -----===//
//
// What writes at computed places, or needs the element before, is a nest of scf.for that carries its result: one-shot
// bufferization updates it in place.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/ONNXToLowbit/Elementwise.h"
#include "lib/Conversion/ONNXToLowbit/Registry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace lutra {
namespace {

using NestBody = llvm::function_ref<SmallVector<Value>(ImplicitLocOpBuilder &b, ValueRange at, ValueRange carried)>;

/// Runs `body` at every index within `sizes`, in order; what it returns is carried to the next.
SmallVector<Value> buildNest(ImplicitLocOpBuilder &b, ArrayRef<Value> sizes, ArrayRef<Value> carried, NestBody body,
                             SmallVector<Value> at = {}) {
  if (at.size() == sizes.size())
    return body(b, at, carried);
  Value zero = arith::ConstantIndexOp::create(b, 0), one = arith::ConstantIndexOp::create(b, 1);
  auto loop = scf::ForOp::create(b, zero, sizes[at.size()], one, carried,
                                 [&](OpBuilder &nested, Location loc, Value index, ValueRange inner) {
                                   ImplicitLocOpBuilder builder(loc, nested);
                                   SmallVector<Value> deeper(at);
                                   deeper.push_back(index);
                                   SmallVector<Value> next =
                                       buildNest(builder, sizes, SmallVector<Value>(inner), body, deeper);
                                   scf::YieldOp::create(builder, next);
                                 });
  return SmallVector<Value>(loop.getResults());
}

SmallVector<Value> toValues(Node &node, ArrayRef<OpFoldResult> dims) {
  return llvm::map_to_vector(dims, [&](OpFoldResult size) { return node.toValue(size); });
}

/// One integer, known or read at run time.
FailureOr<Value> readScalar(Node &node, unsigned index) {
  RankedTensorType type = node.getInputType(index);
  if (!type.hasStaticShape() || type.getNumElements() != 1 || type.getRank() > 1)
    return node.error() << "input '" << node.getInputName(index) << "' must be one number, but is " << type;
  FailureOr<SmallVector<Value>> scalars = readScalars(node, index);
  return failed(scalars) ? FailureOr<Value>(failure()) : FailureOr<Value>(scalars->front());
}

/// The upper or lower triangle of matrices, counted from diagonal k.
LogicalResult lowerTrilu(Node &node) {
  if (failed(node.check({"input", "k?"}, {"output"}, {"upper:i"})) ||
      failed(node.requireElement(1, {node.getI64Type()})))
    return failure();
  Value input = node.getInput(0);
  Dims dims = node.getDims(input);
  if (dims.size() < 2)
    return node.error() << "input 'input' must have at least 2 dimensions, but is " << node.getInputType(0);
  Value k = arith::ConstantIndexOp::create(node, 0);
  if (node.hasInput(1)) {
    FailureOr<Value> scalar = readScalar(node, 1);
    if (failed(scalar))
      return failure();
    k = node.toValue(getSize(node, *scalar));
  }
  Type element = node.getInputType(0).getElementType();
  auto predicate = node.getInt("upper", 1) ? arith::CmpIPredicate::sge : arith::CmpIPredicate::sle;
  Value output = buildGenerate(node, dims, element, [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
    Value diagonal = arith::AddIOp::create(b, at[at.size() - 2], k);
    Value isKept = arith::CmpIOp::create(b, predicate, at.back(), diagonal);
    return arith::SelectOp::create(b, isKept, tensor::ExtractOp::create(b, input, at), createScalar(b, element, 0));
  });
  return node.setOutput(0, output);
}

/// Sums of what is before, along one axis; `exclusive` leaves the element itself out, `reverse` begins at the end.
LogicalResult lowerCumSum(Node &node) {
  if (failed(node.check({"x", "axis"}, {"y"}, {"exclusive:i", "reverse:i"})) || failed(node.requireNumber(0)))
    return failure();
  std::optional<SmallVector<int64_t>> constant = getConstantInts(node.getInput(1));
  if (!constant || constant->size() != 1)
    return node.error() << "input 'axis' must be a constant number";
  Value input = node.getInput(0);
  Dims dims = node.getDims(input);
  FailureOr<int64_t> axis = normalizeAxis(node, constant->front(), dims.size());
  if (failed(axis))
    return failure();
  Type element = node.getInputType(0).getElementType();
  bool isExclusive = node.getInt("exclusive") != 0, isReverse = node.getInt("reverse") != 0;
  SmallVector<Value> sizes = toValues(node, dims), outer(sizes);
  outer.erase(outer.begin() + *axis);
  Value empty = createEmpty(node, dims, element), length = sizes[*axis];
  Value output = buildNest(node, outer, empty, [&](ImplicitLocOpBuilder &b, ValueRange at, ValueRange carried) {
    Value zero = createScalar(b, element, 0);
    SmallVector<Value> inner = buildNest(
        b, length, {carried[0], zero}, [&](ImplicitLocOpBuilder &b, ValueRange step, ValueRange state) {
          Value place = step[0];
          if (isReverse)
            place = arith::SubIOp::create(
                b, arith::SubIOp::create(b, length, arith::ConstantIndexOp::create(b, 1)), place);
          SmallVector<Value> index(at);
          index.insert(index.begin() + *axis, place);
          Value x = tensor::ExtractOp::create(b, input, index), sum;
          if (isa<FloatType>(element))
            sum = arith::AddFOp::create(b, state[1], x);
          else
            sum = arith::AddIOp::create(b, state[1], x);
          Value written = tensor::InsertOp::create(b, isExclusive ? state[1] : sum, state[0], index);
          return SmallVector<Value>{written, sum};
        });
    return SmallVector<Value>{inner[0]};
  })[0];
  node.setDims(output, dims);
  return node.setOutput(0, output);
}

/// The combination of what is there and what is written, by the attribute `reduction`.
FailureOr<llvm::unique_function<Value(ImplicitLocOpBuilder &, Value, Value)>> getReduction(Node &node) {
  StringRef name = node.getString("reduction", "none");
  bool isFloat = isa<FloatType>(node.getInputType(0).getElementType()), isUnsigned = node.isUnsigned(node.getInput(0));
  if (!llvm::is_contained({"none", "add", "mul", "max", "min"}, name))
    return node.error() << "attribute 'reduction' must be none, add, mul, max or min, but is '" << name << "'";
  return llvm::unique_function<Value(ImplicitLocOpBuilder &, Value, Value)>(
      [=](ImplicitLocOpBuilder &b, Value old, Value update) -> Value {
        if (name == "add")
          return isFloat ? Value(arith::AddFOp::create(b, old, update)) : Value(arith::AddIOp::create(b, old, update));
        if (name == "mul")
          return isFloat ? Value(arith::MulFOp::create(b, old, update)) : Value(arith::MulIOp::create(b, old, update));
        bool isMax = name == "max";
        if (!isMax && name != "min")
          return update;
        if (isFloat)
          return isMax ? Value(arith::MaximumFOp::create(b, old, update)) : Value(arith::MinimumFOp::create(b, old, update));
        if (isUnsigned)
          return isMax ? Value(arith::MaxUIOp::create(b, old, update)) : Value(arith::MinUIOp::create(b, old, update));
        return isMax ? Value(arith::MaxSIOp::create(b, old, update)) : Value(arith::MinSIOp::create(b, old, update));
      });
}

/// data with updates[p, ...] written (or combined) at data[indices[p], ...], in the order of p.
LogicalResult lowerScatterND(Node &node) {
  Type i64 = node.getI64Type();
  if (failed(node.check({"data", "indices", "updates"}, {"output"}, {"reduction:s"})) ||
      failed(node.requireElement(1, {i64})))
    return failure();
  auto reduce = getReduction(node);
  if (failed(reduce))
    return failure();
  Value data = node.getInput(0), indices = node.getInput(1), updates = node.getInput(2);
  Dims dims = node.getDims(data), places = node.getDims(indices);
  std::optional<int64_t> depth = places.empty() ? std::nullopt : getConstantIntValue(places.back());
  if (!depth || *depth > static_cast<int64_t>(dims.size()) || *depth < 1)
    return node.error() << "the last dimension of input 'indices' must be 1 to " << dims.size() << ", but it is "
                        << node.getInputType(1);
  Dims wanted(places.begin(), places.end() - 1);
  llvm::append_range(wanted, ArrayRef(dims).drop_front(*depth));
  Dims found = node.getDims(updates);
  if (found.size() != wanted.size() ||
      node.getInputType(2).getElementType() != node.getInputType(0).getElementType())
    return node.error() << "input 'updates' must have " << wanted.size() << " dimensions of "
                        << node.getInputType(0).getElementType() << ", but is " << node.getInputType(2);
  for (auto [dim, a, b] : llvm::enumerate(wanted, found))
    if (failed(node.unify(a, b, "dimension " + Twine(dim) + " of input 'updates' and what is written")))
      return failure();
  // Every index is checked before anything is written; what is read below is in bounds whatever it says.
  SmallVector<Value> limits = toValues(node, dims);
  SmallVector<Value> allPlaces = toValues(node, places);
  Value isFine = buildNest(node, allPlaces, createScalar(node, node.getI1Type(), 1),
                           [&](ImplicitLocOpBuilder &b, ValueRange at, ValueRange carried) {
                             Value fits = carried[0];
                             Value index = tensor::ExtractOp::create(b, indices, at);
                             for (int64_t i = 0; i < *depth; ++i) {
                               Value limit = arith::IndexCastOp::create(b, i64, limits[i]);
                               Value low = arith::SubIOp::create(b, createScalar(b, i64, 0), limit);
                               Value isHere = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, at.back(),
                                                                    arith::ConstantIndexOp::create(b, i));
                               Value above = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, index, low);
                               Value below = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, index, limit);
                               Value inRange = arith::AndIOp::create(b, above, below);
                               fits = arith::AndIOp::create(b, fits, arith::OrIOp::create(b, isHere, inRange));
                             }
                             return SmallVector<Value>{fits};
                           })[0];
  node.assertThat(isFine, "an index is out of range");
  SmallVector<Value> sizes = toValues(node, found);
  size_t leading = places.size() - 1;
  Value output = buildNest(node, sizes, data, [&](ImplicitLocOpBuilder &b, ValueRange at, ValueRange carried) {
    SmallVector<Value> target;
    for (int64_t i = 0; i < *depth; ++i) {
      SmallVector<Value> from(at.take_front(leading));
      from.push_back(arith::ConstantIndexOp::create(b, i));
      Value index = tensor::ExtractOp::create(b, indices, from);
      Value limit = arith::IndexCastOp::create(b, i64, limits[i]), zero = createScalar(b, i64, 0);
      Value isNegative = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, index, zero);
      Value wrapped = arith::SelectOp::create(b, isNegative, arith::AddIOp::create(b, index, limit), index);
      target.push_back(arith::IndexCastOp::create(b, b.getIndexType(), wrapped));
    }
    llvm::append_range(target, at.drop_front(leading));
    Value update = tensor::ExtractOp::create(b, updates, at);
    Value old = tensor::ExtractOp::create(b, carried[0], target);
    Value written = tensor::InsertOp::create(b, (*reduce)(b, old, update), carried[0], target);
    return SmallVector<Value>{written};
  })[0];
  node.setDims(output, dims);
  return node.setOutput(0, output);
}

/// A cache with new entries written from a position for each batch on; `circular` continues at the front.
LogicalResult lowerTensorScatter(Node &node) {
  Type i64 = node.getI64Type();
  if (failed(node.check({"past_cache", "update", "write_indices?"}, {"present_cache"}, {"axis:i", "mode:s"})) ||
      failed(node.requireElement(2, {i64})) || failed(node.requireRank(2, 1)))
    return failure();
  StringRef mode = node.getString("mode", "linear");
  if (mode != "linear" && mode != "circular")
    return node.error() << "attribute 'mode' must be linear or circular, but is '" << mode << "'";
  Value past = node.getInput(0), update = node.getInput(1), writes = node.getInput(2);
  Dims dims = node.getDims(past), found = node.getDims(update);
  FailureOr<int64_t> axis = normalizeAxis(node, node.getInt("axis", -2), dims.size());
  if (failed(axis))
    return failure();
  if (*axis == 0 || found.size() != dims.size() ||
      node.getInputType(0).getElementType() != node.getInputType(1).getElementType())
    return node.error() << "inputs 'past_cache' and 'update' must have one type and rank, and 'axis' must not be the "
                           "batch, but they are "
                        << node.getInputType(0) << " and " << node.getInputType(1) << ", and axis is " << *axis;
  for (auto [dim, a, b] : llvm::enumerate(dims, found))
    if (static_cast<int64_t>(dim) != *axis && failed(node.unify(a, b, "dimension " + Twine(dim) + " of the inputs")))
      return failure();
  Value length = node.toValue(dims[*axis]), count = node.toValue(found[*axis]);
  if (writes) {
    if (failed(node.unify(dims[0], node.getDims(writes)[0], "the batch of inputs 'past_cache' and 'write_indices'")))
      return failure();
    Value isFine = buildNest(node, node.toValue(dims[0]), createScalar(node, node.getI1Type(), 1),
                             [&](ImplicitLocOpBuilder &b, ValueRange at, ValueRange carried) {
                               Value first = arith::IndexCastOp::create(b, b.getIndexType(),
                                                                        tensor::ExtractOp::create(b, writes, at));
                               Value end = mode == "linear" ? Value(arith::AddIOp::create(b, first, count)) : first;
                               Value low = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, first,
                                                                 arith::ConstantIndexOp::create(b, 0));
                               Value high = arith::CmpIOp::create(b, arith::CmpIPredicate::sle, end, length);
                               Value both = arith::AndIOp::create(b, low, high);
                               return SmallVector<Value>{arith::AndIOp::create(b, carried[0], both)};
                             })[0];
    node.assertThat(isFine, "input 'write_indices' must keep the update within the cache");
  }
  Value fits = arith::CmpIOp::create(node, arith::CmpIPredicate::sle, count, length);
  node.assertThat(fits, "the update must not be longer than the cache");
  Value output = buildNest(node, toValues(node, found), past,
                           [&](ImplicitLocOpBuilder &b, ValueRange at, ValueRange carried) {
                             SmallVector<Value> target(at);
                             if (writes) {
                               Value first = arith::IndexCastOp::create(b, b.getIndexType(),
                                                                        tensor::ExtractOp::create(b, writes, at[0]));
                               target[*axis] = arith::AddIOp::create(b, at[*axis], first);
                             }
                             if (mode == "circular")
                               target[*axis] = arith::RemUIOp::create(b, target[*axis], length);
                             Value element = tensor::ExtractOp::create(b, update, at);
                             Value written = tensor::InsertOp::create(b, element, carried[0], target);
                             return SmallVector<Value>{written};
                           })[0];
  node.setDims(output, dims);
  return node.setOutput(0, output);
}

/// Each dimension repeated.
LogicalResult lowerTile(Node &node) {
  if (failed(node.check({"input", "repeats"}, {"output"}, {})) || failed(node.requireElement(1, {node.getI64Type()})) ||
      failed(node.requireRank(1, 1)))
    return failure();
  Value input = node.getInput(0);
  Dims own = node.getDims(input), dims;
  FailureOr<SmallVector<Value>> repeats = readScalars(node, 1);
  if (failed(repeats))
    return failure();
  if (repeats->size() != own.size())
    return node.error() << "input 'repeats' must have " << own.size() << " elements, but has " << repeats->size();
  for (auto [size, repeat] : llvm::zip(own, *repeats))
    dims.push_back(combineSizes<arith::MulIOp>(node, size, getSize(node, repeat)));
  SmallVector<Value> sizes = toValues(node, own);
  Type element = node.getInputType(0).getElementType();
  Value output = buildGenerate(node, dims, element, [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
    SmallVector<Value> from;
    for (auto [index, size] : llvm::zip(at, sizes))
      from.push_back(arith::RemUIOp::create(b, index, size));
    return tensor::ExtractOp::create(b, input, from);
  });
  return node.setOutput(0, output);
}

} // namespace

void addScatter(Registry &registry) {
  registry.add("", "Trilu", lowerTrilu);
  registry.add("", "CumSum", lowerCumSum, Halves::InF32);
  registry.add("", "ScatterND", lowerScatterND);
  registry.add("", "TensorScatter", lowerTensorScatter);
  registry.add("", "Tile", lowerTile);
}

} // namespace lutra
