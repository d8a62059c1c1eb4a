//===- LutBufferize.cpp - the structured ops from tensors to buffers ------===//
#include "dialects/lowbit/IR/StructuredBufferization.h"
#include "dialects/lut/IR/Lut.h"

using namespace mlir;
using namespace lutra::lut;

void lutra::lut::registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, LutDialect *) {
    PrecomputeOp::attachInterface<lowbit::StructuredBufferization<PrecomputeOp>>(*context);
    PrepareCodesOp::attachInterface<lowbit::StructuredBufferization<PrepareCodesOp>>(*context);
    IntegerMatmulOp::attachInterface<lowbit::StructuredBufferization<IntegerMatmulOp>>(*context);
    MatmulOp::attachInterface<lowbit::StructuredBufferization<MatmulOp>>(*context);
  });
}
