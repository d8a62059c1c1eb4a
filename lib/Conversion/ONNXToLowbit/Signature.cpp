//===- Signature.cpp - inputs and outputs of the converted function -------===//
//
// @main comes to take tensors in and to store its results into trailing buffers. A dimension name stands for one size
// across all inputs: the runtime refuses arrays that disagree, so here it is one SSA value.
//
//===----------------------------------------------------------------------===//

#include "dialects/onnx/IR/ONNXDialect.h"
#include "lib/Conversion/ONNXToLowbit/SmallTypes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace lutra {

static constexpr StringLiteral nameAttr = "onnx.name", dimsAttr = "onnx.dims";

/// The dimension names in `dims` (an `onnx.dims` attribute or null), as many as `rank`.
static SmallVector<StringRef> getDimNames(Attribute dims, int64_t rank) {
  SmallVector<StringRef> names(rank);
  if (auto array = dyn_cast_if_present<ArrayAttr>(dims))
    for (auto [name, attr] : llvm::zip(names, array))
      if (auto string = dyn_cast<StringAttr>(attr))
        name = string.getValue();
  return names;
}

void Graph::bindInputs(func::FuncOp function, ImplicitLocOpBuilder &builder) {
  for (BlockArgument arg : function.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(arg.getType());
    if (!type)
      continue;
    if (type.getElementType().isUnsignedInteger()) {
      setUnsigned(arg);
      function.setArgAttr(arg.getArgNumber(), "onnx.unsigned", builder.getUnitAttr());
    }
    if (Type element = getSignless(type.getElementType()); isSmallType(element)) {
      setSmallType(arg, element);
      std::string name = getSmallTypeName(element, type.getElementType().isUnsignedInteger());
      function.setArgAttr(arg.getArgNumber(), "onnx.element", builder.getStringAttr(name));
      type = type.clone(builder.getI8Type());
    }
    arg.setType(getSignless(type));
    Dims sizes;
    SmallVector<StringRef> names = getDimNames(function.getArgAttr(arg.getArgNumber(), dimsAttr), type.getRank());
    for (auto [index, size] : llvm::enumerate(type.getShape())) {
      if (!ShapedType::isDynamic(size)) {
        sizes.push_back(builder.getIndexAttr(size));
        continue;
      }
      StringRef name = names[index];
      Value bound = name.empty() ? Value() : symbols.lookup(name);
      if (!bound) {
        bound = tensor::DimOp::create(builder, arg, index);
        if (!name.empty()) {
          symbols[name] = bound;
          symbolNames[bound] = name;
        }
      }
      sizes.push_back(bound);
    }
    setDims(arg, sizes);
  }
}

/// Emits a run-time check that output `name` has `expected` elements along `dim`.
static void assertSize(ImplicitLocOpBuilder &builder, Value size, Value expected, StringRef name, size_t dim,
                       const Twine &what) {
  Value same = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, size, expected);
  cf::AssertOp::create(
      builder, same,
      ("output '" + name + "': dimension " + Twine(dim) + " is not " + what + ", as the model declares").str());
}

/// `value` with the static sizes of `declared` (checked at run time), or null after a diagnostic if they contradict.
static Value refine(ImplicitLocOpBuilder &builder, const Graph &graph, Value value, Type declared, Dims &sizes,
                    StringRef name) {
  auto type = cast<RankedTensorType>(value.getType());
  auto ranked = dyn_cast<RankedTensorType>(getSignless(declared));
  if (!ranked)
    return value;
  if (!graph.hasElement(value, ranked.getElementType()) || failed(verifyCompatibleShape(ranked, type))) {
    emitError(builder.getLoc()) << "output '" << name << "' is declared as " << ranked << ", but the graph computes "
                                << type << ": correct the declared output, or run ONNX shape inference on the model";
    return {};
  }
  SmallVector<int64_t> shape(type.getShape());
  for (auto [dim, size] : llvm::enumerate(ranked.getShape())) {
    if (ShapedType::isDynamic(size) || !ShapedType::isDynamic(shape[dim]))
      continue;
    Value expected = arith::ConstantIndexOp::create(builder, size);
    assertSize(builder, cast<Value>(sizes[dim]), expected, name, dim, Twine(size));
    shape[dim] = size;
    sizes[dim] = builder.getIndexAttr(size);
  }
  return builder.createOrFold<tensor::CastOp>(type.clone(shape), value);
}

LogicalResult Graph::bindOutputs(func::FuncOp function) {
  Operation *terminator = function.front().getTerminator();
  ImplicitLocOpBuilder builder(function.getLoc(), terminator);
  SmallVector<Value> results(terminator->getOperands());
  terminator->eraseOperands(0, results.size());
  for (auto [index, value] : llvm::enumerate(results)) {
    auto nameOf = dyn_cast_if_present<StringAttr>(function.getResultAttr(index, nameAttr));
    StringRef name = nameOf ? nameOf.getValue() : "";
    builder.setLoc(value.getLoc());
    if (!isa<RankedTensorType>(value.getType()))
      return emitError(value.getLoc()) << "output '" << name << "' must be a ranked tensor, but is " << value.getType();
    Dims sizes = getDims(builder, value);
    bool isUnsignedResult = isUnsigned(value);
    Type small = getSmallType(value);
    value = refine(builder, *this, value, function.getResultTypes()[index], sizes, name);
    if (!value)
      return failure();

    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<StringRef> declared = getDimNames(function.getResultAttr(index, dimsAttr), type.getRank());
    SmallVector<std::string> names;
    for (auto [dim, size] : llvm::enumerate(sizes)) {
      StringRef symbol = getSymbolOf(size);
      Value expected = getSymbol(declared[dim]);
      if (!type.isDynamicDim(dim)) {
        names.push_back(std::to_string(type.getDimSize(dim)));
      } else if (expected && expected != cast<Value>(size)) {
        assertSize(builder, cast<Value>(size), expected, name, dim, "'" + declared[dim] + "'");
        names.push_back(declared[dim].str());
      } else {
        names.push_back(symbol.empty() ? declared[dim].str() : symbol.str());
      }
    }
    SmallVector<StringRef> nameRefs(names.begin(), names.end());
    SmallVector<NamedAttribute> attrs = {builder.getNamedAttr(dimsAttr, builder.getStrArrayAttr(nameRefs)),
                                         builder.getNamedAttr("lutra.output", builder.getUnitAttr())};
    if (nameOf)
      attrs.push_back(builder.getNamedAttr(nameAttr, nameOf));
    if (small)
      attrs.push_back(builder.getNamedAttr("onnx.element",
                                           builder.getStringAttr(getSmallTypeName(small, isUnsignedResult))));
    else if (isUnsignedResult)
      attrs.push_back(builder.getNamedAttr("onnx.unsigned", builder.getUnitAttr()));
    SmallVector<int64_t> strides(type.getRank(), ShapedType::kDynamic);
    if (!strides.empty())
      strides.back() = 1;
    auto layout = StridedLayoutAttr::get(builder.getContext(), ShapedType::kDynamic, strides);
    auto buffer = MemRefType::get(type.getShape(), type.getElementType(), layout);
    unsigned position = function.getNumArguments();
    if (failed(function.insertArgument(position, buffer, builder.getDictionaryAttr(attrs), builder.getLoc())))
      return failure();
    auto store =
        bufferization::MaterializeInDestinationOp::create(builder, TypeRange(), value, function.getArgument(position));
    store.setRestrict(true);
    store.setWritable(true);
  }
  SmallVector<Type> inputs(function.front().getArgumentTypes());
  function.setResAttrsAttr(nullptr);
  function.setFunctionType(FunctionType::get(function.getContext(), inputs, {}));
  return success();
}

} // namespace lutra
