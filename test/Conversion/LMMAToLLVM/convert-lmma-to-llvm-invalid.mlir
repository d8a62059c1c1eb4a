// RUN: lutra-opt %s --convert-lmma-to-llvm --allow-unregistered-dialect --verify-diagnostics

lmma.kernel @k(%b: memref<64xi8>) {}

%b = "test.buffer"() : () -> memref<64xi8>
// expected-error @+1 {{expected to stand in a function}}
lmma.launch @k(%b) : memref<64xi8>
