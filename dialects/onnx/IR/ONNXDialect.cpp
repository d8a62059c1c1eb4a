//===- ONNXDialect.cpp - an ONNX graph as imported ------------------------===//

#include "dialects/onnx/IR/ONNXDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lutra::onnx;

#include "dialects/onnx/IR/ONNXDialect.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/onnx/IR/ONNXTypes.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/onnx/IR/ONNXOps.cpp.inc"

void ONNXDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/onnx/IR/ONNXTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/onnx/IR/ONNXOps.cpp.inc"
      >();
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

/// Whether a value of `type` may flow between nodes.
static bool isGraphType(Type type) { return isa<RankedTensorType, ValueType, NoneType>(type); }

LogicalResult NodeOp::verify() {
  if (getOpType().empty())
    return emitOpError("op_type must not be empty (C1)");
  for (auto [index, type] : llvm::enumerate(getInputs().getTypes()))
    if (!isGraphType(type))
      return emitOpError() << "operand " << index << " must be a ranked tensor, !onnx.value or none, but is " << type
                           << " (C2)";
  for (auto [index, type] : llvm::enumerate(getResultTypes()))
    if (!isGraphType(type))
      return emitOpError() << "result " << index << " must be a ranked tensor, !onnx.value or none, but is " << type
                           << " (C3)";
  for (Region &branch : getBranches()) {
    auto yield = branch.hasOneBlock() && branch.front().mightHaveTerminator()
                     ? dyn_cast<YieldOp>(branch.front().getTerminator())
                     : YieldOp();
    if (!yield || branch.getNumArguments() != 0 || yield.getNumOperands() != getNumResults())
      return emitOpError() << "branch " << branch.getRegionNumber()
                           << " must be one block without arguments that ends in onnx.yield of " << getNumResults()
                           << " values (C4)";
  }
  return success();
}

void NodeOp::build(OpBuilder &builder, OperationState &state, TypeRange outputs, StringRef opType, StringRef nodeName,
                   StringRef domain, int64_t version, DictionaryAttr nodeAttrs, ValueRange inputs, unsigned branches) {
  state.addTypes(outputs);
  state.addOperands(inputs);
  Properties &properties = state.getOrAddProperties<Properties>();
  properties.setOpType(builder.getStringAttr(opType));
  properties.setNodeName(builder.getStringAttr(nodeName));
  properties.setDomain(builder.getStringAttr(domain));
  properties.setVersion(builder.getI64IntegerAttr(version));
  properties.setNodeAttrs(nodeAttrs);
  for (unsigned i = 0; i < branches; ++i)
    state.addRegion();
}

Value NodeOp::getOptionalInput(unsigned index) {
  if (index >= getInputs().size() || isa<NoneType>(getInputs()[index].getType()))
    return {};
  return getInputs()[index];
}

std::string NodeOp::getQualifiedOpType() {
  return getDomain().empty() ? getOpType().str() : (getDomain() + "." + getOpType()).str();
}
