//===- LmmaDialect.cpp - instructions of a LUT tensor core ----------------===//

#include "dialects/lmma/IR/Lmma.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lutra::lmma;

#include "dialects/lmma/IR/LmmaDialect.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/lmma/IR/LmmaAttributes.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/lmma/IR/LmmaTypes.cpp.inc"

void LmmaDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/lmma/IR/LmmaAttributes.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/lmma/IR/LmmaTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/lmma/IR/LmmaOps.cpp.inc"
      >();
}

LogicalResult TableType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t tables, Type element) {
  if (tables < 1)
    return emitError() << "expected at least 1 table, but found " << tables;
  if (!element.isInteger(8) && !element.isInteger(16) && !element.isF16() && !element.isF32() && !element.isBF16() &&
      !isa<Float8E4M3FNType, Float8E5M2Type>(element))
    return emitError() << "expected entries of i8, i16, f16, bf16, f8E4M3FN, f8E5M2 or f32, but found " << element;
  return success();
}

LogicalResult WeightsType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t planes, int64_t tables) {
  if (planes < 1 || planes > 8)
    return emitError() << "expected 1 to 8 planes, but found " << planes;
  if (tables < 1 || tables % 2 != 0)
    return emitError() << "expected a positive, even number of tables, since a byte holds the codes of two, but found "
                       << tables;
  return success();
}

LogicalResult AccumulatorType::verify(function_ref<InFlightDiagnostic()> emitError, Type element) {
  if (!element.isInteger(32) && !element.isF32())
    return emitError() << "expected accumulators of i32 or f32, but found " << element;
  return success();
}
