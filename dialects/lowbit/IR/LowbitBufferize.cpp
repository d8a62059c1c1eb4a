//===- LowbitBufferize.cpp - lowbit.attention from tensors to buffers -----===//
//
// Rows below the new ones come from `past`: `present`'s old contents are never read.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "dialects/lowbit/IR/StructuredBufferization.h"

using namespace mlir;
using namespace lutra::lowbit;

void lutra::lowbit::registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, LowbitDialect *) {
    AttentionOp::attachInterface<StructuredBufferization<AttentionOp>>(*context);
  });
}
