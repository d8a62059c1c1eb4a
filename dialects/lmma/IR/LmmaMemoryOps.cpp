//===- LmmaMemoryOps.cpp - verifiers of copies, activations and tables ----===//

#include "Access.h"
#include "lutra/Support/OperandSegments.h"

using namespace mlir;
using namespace lutra::lmma;

Type lutra::lmma::tileOf(Type buffer) {
  auto memref = dyn_cast<MemRefType>(buffer);
  const bool isInteger = memref && memref.getElementType().isInteger(32);
  MLIRContext *context = buffer.getContext();
  return AccumulatorType::get(context, isInteger ? Type(IntegerType::get(context, 32)) : Float32Type::get(context));
}

/// The element type of a buffer if it is one of `allowed`; f32 otherwise, which an access then asks for.
static Type elementOf(Value buffer, function_ref<bool(Type)> allowed) {
  auto type = dyn_cast<MemRefType>(buffer.getType());
  return type && allowed(type.getElementType()) ? type.getElementType() : Float32Type::get(buffer.getContext());
}

LogicalResult StoreOp::verify() {
  Type element = elementOf(getBuffer(), [](Type type) { return type.isF16() || type.isInteger(32); });
  return verifyAccess(*this, getBuffer(), getMap(), getIndices(), element, 2, "M x N");
}

LogicalResult LoadTileOp::verify() {
  Type element = elementOf(getBuffer(), [](Type type) { return type.isF16(); });
  return verifyAccess(*this, getBuffer(), getMap(), getIndices(), element, 2, "M x N");
}

LogicalResult LoadActsOp::verify() {
  if (static_cast<int64_t>(getCount()) < 1)
    return emitOpError() << "expected a positive count, but found " << static_cast<int64_t>(getCount()) << " (C2)";
  Type element = elementOf(getBuffer(), [](Type type) {
    return type.isF16() || type.isBF16() || isa<Float8E4M3FNType, Float8E5M2Type>(type) || type.isInteger(8) || type.isInteger(16);
  });
  auto type = dyn_cast<MemRefType>(getBuffer().getType());
  const bool isShared = type && type.getRank() == 1;
  return verifyAccess(*this, getBuffer(), getMap(), getIndices(), element, isShared ? 1 : 2, isShared ? "K" : "M x K");
}

LogicalResult SquaresOp::verify() {
  const int64_t count = getCount();
  return count > 0 ? success() : emitOpError() << "expected a positive count, but found " << count << " (C1)";
}

LogicalResult NormOp::verify() {
  const int64_t count = getCount();
  if (count < 1)
    return emitOpError() << "expected a positive count, but found " << count << " (C1)";
  return getEpsilon().isFinite() ? success() : emitOpError("expected a finite epsilon (C1)");
}

LogicalResult StoreTableOp::verify() {
  if (static_cast<int64_t>(getPitch()) < 8)
    return emitOpError() << "expected a pitch of at least 8, the stored half of a table, but found "
                         << static_cast<int64_t>(getPitch());
  return verifyAccess(*this, getBuffer(), getMap(), getIndices(), getValue().getType().getElement(), 3, "M x G x E");
}

LogicalResult StoreRowsOp::verify() {
  return verifyAccess(*this, getBuffer(), getMap(), getIndices(), Float32Type::get(getContext()), 2, "M x G");
}

LogicalResult SharedOp::verify() {
  auto type = dyn_cast<MemRefType>(getResult().getType());
  if (!type || !isShared(type) || !type.hasStaticShape() || !type.getLayout().isIdentity() || type.getRank() == 0)
    return emitOpError() << "expected a buffer in #lmma.shared of static sizes and identity layout, but found "
                         << getResult().getType() << " (C1)";
  return success();
}

static LogicalResult verifyToken(Operation *op, int64_t token, StringRef constraint) {
  if (token >= 0 && token < kTokens)
    return success();
  return op->emitOpError() << "expected a token of 0 to " << kTokens - 1 << ", but found " << token << " (" << constraint
                           << ")";
}

LogicalResult CopyOp::verify() {
  if (failed(lutra::verifyRequiredOperands(*this, {0, 2})))
    return failure();
  auto source = dyn_cast<MemRefType>(getSource().getType()), target = dyn_cast<MemRefType>(getTarget().getType());
  if (!source || !target || isShared(source) || !isShared(target) ||
      source.getElementType() != target.getElementType() || source.getRank() != target.getRank() ||
      static_cast<int64_t>(getSizes().size()) != source.getRank())
    return emitOpError() << "expected a copy between buffers of the same element type and rank, from DRAM to "
                         << "#lmma.shared, and as many sizes, but found " << getSource().getType() << " to "
                         << getTarget().getType() << " (C1)";
  if (failed(verifyAccess(*this, getSource(), getSourceMap(), getSourceIndices(), source.getElementType(),
                          source.getRank(), "the source")) ||
      failed(verifyAccess(*this, getTarget(), getTargetMap(), getTargetIndices(), source.getElementType(),
                          source.getRank(), "the target")))
    return failure();
  if (llvm::any_of(getSizes(), [](int64_t size) { return size < 1; }))
    return emitOpError("expected positive sizes (C2)");
  return verifyToken(*this, getToken(), "C2");
}

LogicalResult WaitOp::verify() { return verifyToken(*this, getToken(), "C1"); }

static LogicalResult verifyQuantized(Operation *op, Type element) {
  if (element.isInteger(8) || element.isInteger(16))
    return success();
  return op->emitOpError() << "expected entries of i8 or i16, but found " << element << " (C1)";
}

LogicalResult TableScaleOp::verify() { return verifyQuantized(*this, getElement()); }
LogicalResult QuantizeOp::verify() { return verifyQuantized(*this, getType().getElement()); }

LogicalResult SetRowsOp::verify() {
  return getValue().isFinite() ? success() : emitOpError("expected a finite value (C1)");
}
