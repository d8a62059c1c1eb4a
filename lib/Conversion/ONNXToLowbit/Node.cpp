//===- Node.cpp - one ONNX node under conversion --------------------------===//

#include "lib/Conversion/ONNXToLowbit/Node.h"

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/ONNXToLowbit.h"
#include "lib/Conversion/ONNXToLowbit/SmallTypes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace lutra {

std::string Node::describe() const {
  onnx::NodeOp node = op;
  std::string name = node.getNodeName().empty() ? "" : (" '" + node.getNodeName() + "'").str();
  return "node" + name + " (" + node.getQualifiedOpType() + ")";
}

InFlightDiagnostic Node::error() const { return mlir::emitError(getLoc()) << describe() << ": "; }

/// Splits "name?" and the like into the name and its marker ('\0' when there is none).
static std::pair<StringRef, char> splitMarker(StringRef spec) {
  if (!spec.empty() && StringRef("?!*").contains(spec.back()))
    return {spec.drop_back(), spec.back()};
  return {spec, '\0'};
}

/// Whether `attr` is of the kind that check() was given.
static bool isOfKind(Attribute attr, StringRef kind) {
  if (kind == "i")
    return isa<IntegerAttr>(attr);
  if (kind == "f")
    return isa<FloatAttr>(attr);
  if (kind == "s")
    return isa<StringAttr>(attr);
  if (kind == "is")
    return isa<DenseI64ArrayAttr>(attr);
  if (kind == "fs")
    return isa<DenseF32ArrayAttr>(attr);
  return isa<ElementsAttr>(attr);
}

static StringRef getKindName(StringRef kind) {
  if (kind == "i")
    return "an integer";
  if (kind == "f")
    return "a float";
  if (kind == "s")
    return "a string";
  if (kind == "is")
    return "a list of integers";
  if (kind == "fs")
    return "a list of floats";
  return "a tensor";
}

LogicalResult Node::check(ArrayRef<StringRef> inputs, ArrayRef<StringRef> outputs, ArrayRef<StringRef> attributes) {
  if (recorded) {
    auto toStrings = [](ArrayRef<StringRef> specs) {
      return llvm::map_to_vector(specs, [](StringRef spec) { return spec.str(); });
    };
    recorded->inputs = toStrings(inputs);
    recorded->outputs = toStrings(outputs);
    recorded->attributes = toStrings(attributes);
    return failure();
  }
  for (auto [index, spec] : llvm::enumerate(inputs)) {
    auto [name, marker] = splitMarker(spec);
    inputNames.push_back(name);
    if (marker == '!' && hasInput(index))
      return error() << "input '" << name << "' is not supported: leave it out when exporting the model";
    if ((marker == '\0' || (marker == '*' && index + 1 == inputs.size())) && !hasInput(index))
      return error() << "input '" << name << "' is required, but the node leaves it out";
  }
  bool variadic = !inputs.empty() && inputs.back().ends_with("*");
  for (unsigned index = inputs.size(); variadic && index < getNumInputs(); ++index)
    if (!hasInput(index))
      return error() << "input " << index << " is required, but the node leaves it out";
  if (!variadic && getNumInputs() > inputs.size())
    return error() << "expected at most " << inputs.size() << " inputs, but there are " << getNumInputs();
  for (auto [index, value] : llvm::enumerate(op->getOperands())) {
    if (!isa<RankedTensorType, NoneType>(value.getType()))
      return error() << "the type of input " << index << " is not known";
    auto type = dyn_cast<RankedTensorType>(value.getType());
    bool isPacked = type && type.getElementTypeBitWidth() > 1 && type.getElementTypeBitWidth() < 8;
    if (isPacked && !llvm::is_contained({"Cast", "DequantizeLinear", "GatherBlockQuantized", "Identity",
                                         "QuantizeLinear", "Shape"}, getOpType()))
      return error() << "input " << index << " has elements of type " << type.getElementType()
                     << ", which this operator does not take: cast it before";
  }

  bool variadicOutputs = !outputs.empty() && outputs.back().ends_with("*");
  if (!variadicOutputs && getNumOutputs() > outputs.size())
    return error() << "expected at most " << outputs.size() << " outputs, but there are " << getNumOutputs();
  for (auto [spec, result] : llvm::zip(outputs, op->getResults())) {
    auto [name, marker] = splitMarker(spec);
    if (marker == '!' && !isa<NoneType>(result.getType()) && !result.use_empty())
      return error() << "output '" << name << "' is not supported: export the model without it";
  }

  for (NamedAttribute attr : op.getNodeAttrs()) {
    const StringRef *spec =
        llvm::find_if(attributes, [&](StringRef s) { return s.split(':').first == attr.getName(); });
    if (spec == attributes.end())
      return error() << "attribute '" << attr.getName().getValue() << "' is not supported";
    StringRef kind = splitMarker(spec->split(':').second).first;
    if (!isOfKind(attr.getValue(), kind))
      return error() << "attribute '" << attr.getName().getValue() << "' must be " << getKindName(kind) << ", but is "
                     << attr.getValue();
  }
  for (StringRef spec : attributes)
    if (spec.ends_with("!") && !getAttr(spec.split(':').first))
      return error() << "attribute '" << spec.split(':').first << "' is required, but missing";
  return success();
}

SmallVector<Value> Node::getInputs() { return op.getInputs(); }

bool Node::isOnlyReturned(unsigned index) const {
  onnx::NodeOp node = op;
  if (index >= node->getNumResults() || !node->getResult(index).hasOneUse())
    return false;
  return isa<func::ReturnOp>(*node->getResult(index).getUsers().begin());
}

StringRef Node::getInputName(unsigned index) const {
  return inputNames.empty() ? StringRef() : index < inputNames.size() ? inputNames[index] : inputNames.back();
}

RankedTensorType Node::getInputType(unsigned index) { return cast<RankedTensorType>(getInput(index).getType()); }

int64_t Node::getInt(StringRef name, int64_t defaultValue) {
  auto attr = dyn_cast_if_present<IntegerAttr>(getAttr(name));
  return attr ? attr.getInt() : defaultValue;
}

float Node::getFloat(StringRef name, float defaultValue) {
  auto attr = dyn_cast_if_present<FloatAttr>(getAttr(name));
  return attr ? static_cast<float>(attr.getValueAsDouble()) : defaultValue;
}

StringRef Node::getString(StringRef name, StringRef defaultValue) {
  auto attr = dyn_cast_if_present<StringAttr>(getAttr(name));
  return attr ? attr.getValue() : defaultValue;
}

std::optional<SmallVector<int64_t>> Node::getInts(StringRef name) {
  auto attr = dyn_cast_if_present<DenseI64ArrayAttr>(getAttr(name));
  return attr ? std::optional(SmallVector<int64_t>(attr.asArrayRef())) : std::nullopt;
}

LogicalResult Node::requireInt(StringRef name, int64_t only) {
  int64_t value = getInt(name, only);
  if (value == only)
    return success();
  return error() << "attribute '" << name << "' = " << value << " is not supported: only " << only << " is";
}

LogicalResult Node::requireElement(unsigned index, ArrayRef<Type> allowed) {
  Value value = getInput(index);
  if (!value)
    return success();
  Type element = getInputType(index).getElementType();
  if (llvm::is_contained(allowed, element) && !isUnsigned(value))
    return success();
  InFlightDiagnostic diagnostic = error();
  diagnostic << "input '" << getInputName(index) << "' must be ";
  llvm::interleave(
      allowed, [&](Type type) { diagnostic << type; }, [&] { diagnostic << " or "; });
  diagnostic << ", but its elements are " << (isUnsigned(value) ? "u" : "") << element;
  if (element.isF16() || element.isBF16())
    diagnostic << ": export the model with float32 activations";
  return diagnostic;
}

LogicalResult Node::requireNumber(unsigned index, bool allowBool) {
  if (!getInput(index))
    return success();
  Type element = getInputType(index).getElementType();
  bool isInteger = element.isInteger() && element.getIntOrFloatBitWidth() >= 8;
  if (element.isF32() || isInteger || (allowBool && element.isInteger(1)))
    return success();
  return error() << "input '" << getInputName(index) << "' must be f32 or integers of 8 to 64 bits"
                 << (allowBool ? " or bool" : "") << ", but its elements are " << element;
}

LogicalResult Node::requireRank(unsigned index, int64_t rank) {
  if (!hasInput(index) || getInputType(index).getRank() == rank)
    return success();
  return error() << "input '" << getInputName(index) << "' must have " << rank << " dimensions, but is "
                 << getInputType(index);
}

LogicalResult Node::requireShape(unsigned index, ArrayRef<int64_t> shape) {
  if (!hasInput(index) || succeeded(verifyCompatibleShape(getInputType(index).getShape(), shape)))
    return success();
  InFlightDiagnostic diagnostic = error();
  diagnostic << "input '" << getInputName(index) << "' must have shape [";
  llvm::interleaveComma(shape, diagnostic,
                        [&](int64_t size) { ShapedType::isDynamic(size) ? diagnostic << "?" : diagnostic << size; });
  return diagnostic << "], but is " << getInputType(index);
}

FailureOr<OpFoldResult> Node::unify(OpFoldResult a, OpFoldResult b, const Twine &what) {
  if (isEqualConstantIntOrValue(a, b))
    return a;
  std::optional<int64_t> staticA = getConstantIntValue(a), staticB = getConstantIntValue(b);
  if (staticA && staticB)
    return error() << what << " must agree, but they are " << *staticA << " and " << *staticB;
  Value same = arith::CmpIOp::create(*this, arith::CmpIPredicate::eq, toValue(a), toValue(b));
  assertThat(same, what + " must agree");
  return staticB ? b : a;
}

void Node::assertThat(Value condition, const Twine &message) {
  cf::AssertOp::create(*this, condition, describe() + ": " + message.str());
}

Value Node::toValue(OpFoldResult size) {
  if (auto value = dyn_cast<Value>(size))
    return value;
  return arith::ConstantIndexOp::create(*this, *getConstantIntValue(size));
}

Value Node::refine(Value value, ArrayRef<OpFoldResult> dims) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  for (auto [size, dim] : llvm::zip(shape, dims))
    if (std::optional<int64_t> known = getConstantIntValue(dim))
      size = *known;
  if (ArrayRef(shape) == type.getShape())
    return value;
  Value result = tensor::CastOp::create(*this, type.clone(shape), value);
  setDims(result, dims);
  return result;
}

LogicalResult Node::widenHalves(ArrayRef<unsigned> kept) {
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = dyn_cast<RankedTensorType>(operand.get().getType());
    if (!type || !(type.getElementType().isF16() || type.getElementType().isBF16()))
      continue;
    if (llvm::is_contained(kept, operand.getOperandNumber()))
      continue;
    auto element = cast<FloatType>(type.getElementType());
    if (narrow && narrow != element)
      return error() << "inputs are of both " << narrow << " and " << element << ": they must have one type";
    narrow = element;
    if (auto constant = dyn_cast_if_present<DenseElementsAttr>(getConstant(operand.get()))) {
      DenseElementsAttr wide = constant.mapValues(getF32Type(), [](const APFloat &number) {
        APFloat result = number;
        bool losesInfo;
        result.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &losesInfo);
        return result.bitcastToAPInt();
      });
      operand.set(arith::ConstantOp::create(*this, cast<TypedAttr>(Attribute(wide))));
      continue;
    }
    FailureOr<Value> wide =
        buildElementwise(*this, operand.get(), getF32Type(), [](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
          return arith::ExtFOp::create(b, b.getF32Type(), x[0]);
        });
    if (failed(wide))
      return failure();
    if (const QuantizedConstant *constant = getQuantized(operand.get()))
      setQuantized(*wide, QuantizedConstant(*constant));
    operand.set(*wide);
  }
  return success();
}

LogicalResult Node::unpackSmallConstants() {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<RankedTensorType>(operand.get().getType()))
      continue;
    FailureOr<Value> codes = buildCodes(*this, operand.get());
    if (failed(codes))
      return failure();
    operand.set(*codes);
  }
  return success();
}

LogicalResult Node::setOutput(unsigned index, Value value, std::optional<bool> isUnsignedOutput, bool isRounded) {
  if (isRounded && narrow && cast<RankedTensorType>(value.getType()).getElementType().isF32()) {
    FailureOr<Value> rounded =
        buildElementwise(*this, value, narrow, [&](ImplicitLocOpBuilder &b, ValueRange x) -> Value {
          return arith::TruncFOp::create(b, narrow, x[0]);
        });
    if (failed(rounded))
      return failure();
    value = *rounded;
  }
  auto type = cast<RankedTensorType>(value.getType());
  auto isUnsignedSource = [&](Value input) {
    auto from = dyn_cast<RankedTensorType>(input.getType());
    return from && from.getElementType() == type.getElementType() && isUnsigned(input);
  };
  if (isUnsignedOutput ? *isUnsignedOutput : llvm::any_of(op.getInputs(), isUnsignedSource))
    setUnsigned(value);
  if (!isUnsignedOutput && !getSmallType(value) && type.getElementType().isInteger(8))
    for (Value input : op.getInputs())
      if (Type small = getSmallType(input))
        setSmallType(value, small);
  if (index >= getNumOutputs())
    return success();
  OpResult output = op->getResult(index);
  if (auto declared = dyn_cast<RankedTensorType>(output.getType()))
    if (declared.getRank() != type.getRank() || !graph.hasElement(value, declared.getElementType()) ||
        failed(verifyCompatibleShape(declared, type)))
      return error() << "output " << index << " is declared as " << declared << ", but its inputs make it " << type
                     << ": run ONNX shape inference on the model, or remove the wrong value_info";
  output.replaceAllUsesWith(value);
  return success();
}

} // namespace lutra
