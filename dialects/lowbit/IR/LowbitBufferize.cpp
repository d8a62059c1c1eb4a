//===- LowbitBufferize.cpp - lowbit.attention from tensors to buffers -----===//
//
// A destination-style op: each result becomes its output's buffer. The outputs' old contents are never read (rows below
// the new ones come from `past`), so bufferization needs no copy into them.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace lutra::lowbit;

namespace {
struct AttentionBufferization : DstBufferizableOpInterfaceExternalModel<AttentionBufferization, AttentionOp> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand, const AnalysisState &) const {
    return !cast<AttentionOp>(op).isDpsInit(&operand);
  }

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
    replaceOpWithBufferizedValues(rewriter, op, cast<AttentionOp>(onBuffers).getDpsInits());
    return success();
  }
};
} // namespace

void lutra::lowbit::registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry) {
  registry.addExtension(
      +[](MLIRContext *context, LowbitDialect *) { AttentionOp::attachInterface<AttentionBufferization>(*context); });
}
