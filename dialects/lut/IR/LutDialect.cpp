//===- LutDialect.cpp - lookup-table products, tile by tile ---------------===//
#include "dialects/lut/IR/Lut.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace lutra::lut;

#include "dialects/lut/IR/LutDialect.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/lut/IR/LutOps.cpp.inc"

void LutDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/lut/IR/LutOps.cpp.inc"
      >();
}

Operation *LutDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type, Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}
