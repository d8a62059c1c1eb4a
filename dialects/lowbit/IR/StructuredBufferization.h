//===- StructuredBufferization.h - destination-style ops --------*- C++ -*-===//
//
// The bufferization of our destination-style ops, of every dialect: each result becomes its output's buffer. The old contents of an
// output are never read, so no copy into it is needed.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_IR_STRUCTUREDBUFFERIZATION_H
#define LUTRA_DIALECTS_LOWBIT_IR_STRUCTUREDBUFFERIZATION_H

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "mlir/IR/PatternMatch.h"

namespace lutra::lowbit {

/// The model of an op whose operands are all tensors and that overwrites its outputs.
template <typename OpTy>
struct StructuredBufferization
    : mlir::bufferization::DstBufferizableOpInterfaceExternalModel<StructuredBufferization<OpTy>, OpTy> {
  bool bufferizesToMemoryRead(mlir::Operation *op, mlir::OpOperand &operand,
                              const mlir::bufferization::AnalysisState &) const {
    return !mlir::cast<OpTy>(op).isDpsInit(&operand);
  }

  /// An output is written after the inputs that it needs are read, but the inputs of later outputs are not.
  bool bufferizesToElementwiseAccess(mlir::Operation *, const mlir::bufferization::AnalysisState &,
                                     mlir::ArrayRef<mlir::OpOperand *>) const {
    return false;
  }

  mlir::LogicalResult bufferize(mlir::Operation *op, mlir::RewriterBase &rewriter,
                                const mlir::bufferization::BufferizationOptions &options,
                                mlir::bufferization::BufferizationState &state) const {
    llvm::SmallVector<mlir::Value> buffers;
    for (mlir::Value operand : op->getOperands()) {
      mlir::FailureOr<mlir::Value> buffer = mlir::bufferization::getBuffer(rewriter, operand, options, state);
      if (failed(buffer))
        return mlir::failure();
      buffers.push_back(*buffer);
    }
    mlir::OperationState onBuffers(op->getLoc(), op->getName(), buffers, /*types=*/mlir::TypeRange{}, op->getAttrs());
    // An epilogue works on elements: it stays what it is.
    for (unsigned region = 0; region < op->getNumRegions(); ++region)
      onBuffers.addRegion();
    rewriter.setInsertionPoint(op);
    mlir::Operation *created = rewriter.create(onBuffers);
    for (auto [from, to] : llvm::zip_equal(op->getRegions(), created->getRegions()))
      rewriter.inlineRegionBefore(from, to, to.begin());
    mlir::bufferization::replaceOpWithBufferizedValues(
        rewriter, op, llvm::SmallVector<mlir::Value>(mlir::cast<OpTy>(created).getDpsInits()));
    return mlir::success();
  }
};

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_IR_STRUCTUREDBUFFERIZATION_H
