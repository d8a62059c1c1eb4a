//===- Check.cpp - what must hold before an op is executed ----------------===//
//
// Every family reads its operands without looking back: here is why that is safe.
//
//===----------------------------------------------------------------------===//
#include "Values.h"

using namespace mlir;
using namespace lutra;

/// The kinds of types that values are kept for.
enum class Kind { Scalar, Array, Tables, None, Unsupported };

static Kind kindOf(Type type) {
  if (isa<IndexType, FloatType>(type))
    return Kind::Scalar;
  if (auto integer = dyn_cast<IntegerType>(type))
    return integer.getWidth() <= 64 ? Kind::Scalar : Kind::Unsupported;
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return dtypeOfType(tensor.getElementType()) ? Kind::Array : Kind::Unsupported;
  if (isa<lowbit::TableType>(type))
    return Kind::Tables;
  // Weights are read where they are used; buffers are only written to, as outputs.
  return isa<lowbit::WeightType, BaseMemRefType>(type) ? Kind::None : Kind::Unsupported;
}

LogicalResult lutra::checkOperands(Operation *op, Environment &env) {
  for (auto [i, value] : llvm::enumerate(op->getOperands())) {
    Kind kind = kindOf(value.getType());
    bool holds = kind == Kind::Scalar   ? env.holds<Scalar>(value)
                 : kind == Kind::Array  ? env.holds<Array>(value)
                 : kind == Kind::Tables ? env.holds<Tables>(value)
                                        : kind == Kind::None;
    if (holds)
      continue;
    if (kind == Kind::Unsupported)
      return op->emitError("the interpreter has no values of type ") << value.getType();
    return op->emitError("operand ") << i << " of '" << op->getName() << "' has no value";
  }
  for (Type type : op->getResultTypes())
    if (kindOf(type) == Kind::Unsupported)
      return op->emitError("the interpreter has no values of type ") << type;
  return success();
}
