//===- LowbitDialect.cpp - mpGEMM on low-bit weights ----------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "mlir/IR/DialectImplementation.h"
using namespace mlir;
using namespace lutra::lowbit;
#include "dialects/lowbit/IR/LowbitDialect.cpp.inc"
#include "dialects/lowbit/IR/LowbitAttrInterfaces.cpp.inc"
#include "dialects/lowbit/IR/LowbitEnums.cpp.inc"
