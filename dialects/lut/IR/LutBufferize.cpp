//===- LutBufferize.cpp - the structured ops from tensors to buffers ------===//
//
// Each result becomes its output's buffer. The old contents of an output are never read, so no copy into it is needed.
//
//===----------------------------------------------------------------------===//
#include "dialects/lut/IR/Lut.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace lutra::lut;

namespace {
template <typename OpTy>
struct StructuredBufferization : DstBufferizableOpInterfaceExternalModel<StructuredBufferization<OpTy>, OpTy> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand, const AnalysisState &) const {
    return !cast<OpTy>(op).isDpsInit(&operand);
  }

  /// A row of outputs is written after all of the inputs that it needs are read, but the inputs of later rows are not.
  bool bufferizesToElementwiseAccess(Operation *, const AnalysisState &, ArrayRef<OpOperand *>) const { return false; }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter, const BufferizationOptions &options,
                          BufferizationState &state) const {
    SmallVector<Value> buffers;
    for (Value operand : op->getOperands()) {
      FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
      if (failed(buffer))
        return failure();
      buffers.push_back(*buffer);
    }
    OperationState newState(op->getLoc(), op->getName(), buffers, /*types=*/TypeRange{}, op->getAttrs());
    rewriter.setInsertionPoint(op);
    Operation *onBuffers = rewriter.create(newState);
    replaceOpWithBufferizedValues(rewriter, op, SmallVector<Value>(cast<OpTy>(onBuffers).getDpsInits()));
    return success();
  }
};
} // namespace

void lutra::lut::registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, LutDialect *) {
    PrecomputeOp::attachInterface<StructuredBufferization<PrecomputeOp>>(*context);
    MatmulOp::attachInterface<StructuredBufferization<MatmulOp>>(*context);
  });
}
