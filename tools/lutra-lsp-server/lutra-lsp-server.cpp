//===- lutra-lsp-server.cpp - a language server for Lutra's IR ------------===//
//
// Gives an editor definitions, hovers, completion and diagnostics for .mlir files with Lutra's dialects.
//
//===----------------------------------------------------------------------===//
#include "lutra/InitAll.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  lutra::registerEverything(registry);
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
