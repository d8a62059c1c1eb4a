//===- ImportContext.h - what every part of one import shares ---*- C++ -*-===//
#ifndef LUTRA_LIB_FRONTEND_ONNX_IMPORTCONTEXT_H
#define LUTRA_LIB_FRONTEND_ONNX_IMPORTCONTEXT_H

#include "lutra/Frontend/ONNX.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <memory>
#include <string>

namespace lutra::frontend {

/// `name` in quotes, with what could confuse a terminal escaped: names come from an untrusted file.
inline std::string quoted(llvm::StringRef name) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << '\'';
  llvm::printEscapedString(name, os);
  os << '\'';
  return text;
}

/// The context, the file's name for diagnostics, and the options of one import.
struct ImportContext {
  mlir::MLIRContext &context;
  llvm::StringRef path;
  const ONNXImportOptions &options;

  /// An error about the file as a whole or one of its tensors: "<path>: ...".
  mlir::InFlightDiagnostic error() const { return mlir::emitError(mlir::UnknownLoc::get(&context)) << path << ": "; }

  /// An error about the node at `loc`.
  mlir::InFlightDiagnostic error(mlir::Location loc) const { return mlir::emitError(loc) << path << ": "; }

  /// The location of a node or tensor: its name.
  mlir::Location nameLoc(llvm::StringRef name) const {
    return mlir::NameLoc::get(mlir::StringAttr::get(&context, name));
  }
};

} // namespace lutra::frontend

#endif // LUTRA_LIB_FRONTEND_ONNX_IMPORTCONTEXT_H
