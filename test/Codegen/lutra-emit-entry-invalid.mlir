// RUN: lutra-opt %s --lutra-emit-entry --verify-diagnostics

// expected-error@below {{expected @_mlir_ciface_main: lutra-emit-entry runs after lutra-convert-to-llvm}}
module {
}
