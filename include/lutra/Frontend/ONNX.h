//===- ONNX.h - an .onnx file to the onnx dialect ---------------*- C++ -*-===//
//
// The only way into the compiler for a model. Everything read here is untrusted: a file that is truncated, corrupt or
// hostile gives one diagnostic and a null module, never a crash and never bytes from outside the model's folder.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_FRONTEND_ONNX_H
#define LUTRA_FRONTEND_ONNX_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstddef>
#include <functional>
#include <string>

namespace lutra {

/// What importONNX may accept and where it may look.
struct ONNXImportOptions {
  /// Whether a later stage can compile the operator `opType` of `domain` ("" is the standard domain). Null accepts
  /// every operator. All the nodes that it rejects are listed in one diagnostic, before any tensor is read.
  std::function<bool(llvm::StringRef domain, llvm::StringRef opType)> isSupported;

  /// Empty: external data must be regular files below the model's folder, reached without any symbolic link. Else the
  /// folder within which links are followed, for models that live in a tree of links (a hub's download cache).
  std::string followLinksWithin;

  /// Tensors of at least this many bytes become `dense_resource` blobs, smaller ones `dense` attributes.
  size_t resourceThreshold = 1024;
};

/// Reads the ONNX model at `path` into a module with one function `@main` of `onnx` ops. Large tensors alias the mapped
/// files: the mappings live as long as the blobs, that is as long as `context`. The files must not change meanwhile.
/// Returns null after emitting a diagnostic when the model cannot be imported.
mlir::OwningOpRef<mlir::ModuleOp> importONNX(llvm::StringRef path, mlir::MLIRContext &context,
                                             const ONNXImportOptions &options = {});

} // namespace lutra

#endif // LUTRA_FRONTEND_ONNX_H
