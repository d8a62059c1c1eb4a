//===- Epilogue.cpp - the epilogue of a product, on vectors of outputs ----===//
//
// The verifier admits element-wise ops and constants only (lowbit::isEpilogueOp), so that each of them on a vector of outputs
// computes, lane by lane, what it computes on one.
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLoops/Kernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutloops;

/// `op` on vectors of `lanes` lanes; a constant in each lane.
static void cloneOnVectors(ImplicitLocOpBuilder &b, Operation &op, int64_t lanes, IRMapping &mapping) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto type = VectorType::get({lanes}, constant.getType());
    auto splat = DenseElementsAttr::get(type, cast<TypedAttr>(constant.getValue()));
    mapping.map(constant.getResult(), arith::ConstantOp::create(b, splat).getResult());
    return;
  }
  Operation *onVectors = b.clone(op, mapping);
  onVectors->setLoc(b.getLoc());
  for (auto [scalar, vector] : llvm::zip_equal(op.getResults(), onVectors->getResults())) {
    vector.setType(VectorType::get({lanes}, scalar.getType()));
    mapping.map(scalar, vector);
  }
}

Value lutloops::applyEpilogue(ImplicitLocOpBuilder &b, const Epilogue &epilogue, Value product, Value row, Value column,
                              Value mask) {
  if (epilogue.region->empty())
    return product;
  Block &block = epilogue.region->front();
  auto type = cast<VectorType>(product.getType());
  IRMapping mapping;
  mapping.map(block.getArgument(0), product);
  for (auto [buffer, argument] : llvm::zip_equal(epilogue.buffers, block.getArguments().drop_front())) {
    SmallVector<Value> indices{column};
    if (cast<MemRefType>(buffer.getType()).getRank() == 2)
      indices.insert(indices.begin(), row);
    if (argument.use_empty())
      continue;
    Value loaded = mask ? vector::MaskedLoadOp::create(b, type, buffer, indices, mask,
                                                       splatFloat(b, type.getNumElements(), 0.0f))
                              .getResult()
                        : vector::LoadOp::create(b, type, buffer, indices).getResult();
    mapping.map(argument, loaded);
  }
  // Canonicalization moves constants out of the region: those are cloned when they are met.
  for (Operation &op : block) {
    for (Value operand : op.getOperands())
      if (!mapping.contains(operand))
        cloneOnVectors(b, *operand.getDefiningOp(), type.getNumElements(), mapping);
    if (&op != block.getTerminator())
      cloneOnVectors(b, op, type.getNumElements(), mapping);
  }
  return mapping.lookup(block.getTerminator()->getOperand(0));
}

Attribute lutloops::getEpilogueKey(Region &epilogue) {
  Builder b(epilogue.getContext());
  SmallVector<Attribute> key;
  if (epilogue.empty())
    return b.getArrayAttr(key);
  llvm::DenseMap<Value, int64_t> numbers;
  for (Value argument : epilogue.getArguments())
    numbers.try_emplace(argument, numbers.size());
  for (Operation &op : epilogue.front()) {
    SmallVector<int64_t> operands;
    for (Value operand : op.getOperands()) {
      // A constant from outside counts with its value.
      if (auto constant = operand.getDefiningOp<arith::ConstantOp>(); constant && numbers.try_emplace(operand, numbers.size()).second)
        key.push_back(constant.getValue());
      operands.push_back(numbers.lookup(operand));
    }
    for (Value result : op.getResults()) {
      numbers.try_emplace(result, numbers.size());
      key.push_back(TypeAttr::get(result.getType()));
    }
    key.append({op.getName().getIdentifier(), op.getAttrDictionary(), b.getDenseI64ArrayAttr(operands)});
  }
  return b.getArrayAttr(key);
}
