//===- LowbitDialect.cpp - mpGEMM on low-bit weights ----------------------===//
//
// Registration of the dialect's attributes, types and operations.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"

using namespace mlir;
using namespace lutra::lowbit;

#include "dialects/lowbit/IR/LowbitDialect.cpp.inc"

void LowbitDialect::initialize() {
  registerAttributes();
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "dialects/lowbit/IR/LowbitOps.cpp.inc"
      >();
}
