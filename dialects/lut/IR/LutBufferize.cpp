//===- LutBufferize.cpp - the structured ops from tensors to buffers ------===//
#include "dialects/lowbit/IR/StructuredBufferization.h"
#include "dialects/lut/IR/Lut.h"

using namespace mlir;
using namespace lutra::lut;

void lutra::lut::registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, LutDialect *) {
    PrecomputeOp::attachInterface<lowbit::StructuredBufferization<PrecomputeOp>>(*context);
    NormPrecomputeOp::attachInterface<lowbit::StructuredBufferization<NormPrecomputeOp>>(*context);
    PrepareCodesOp::attachInterface<lowbit::StructuredBufferization<PrepareCodesOp>>(*context);
    DenseMatmulOp::attachInterface<lowbit::StructuredBufferization<DenseMatmulOp>>(*context);
    IntegerMatmulOp::attachInterface<lowbit::StructuredBufferization<IntegerMatmulOp>>(*context);
    QuantizeOp::attachInterface<lowbit::StructuredBufferization<QuantizeOp>>(*context);
    MatmulOp::attachInterface<lowbit::StructuredBufferization<MatmulOp>>(*context);
  });
}
