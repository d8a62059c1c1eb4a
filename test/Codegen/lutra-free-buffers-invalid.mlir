// RUN: lutra-opt %s --allow-unregistered-dialect --lutra-free-buffers --split-input-file --verify-diagnostics

func.func @leaves() -> memref<8xf32> {
  // expected-error@below {{this buffer leaves the block that allocates it, so nothing can free it}}
  %a = memref.alloc() : memref<8xf32>
  // expected-note@below {{it leaves here}}
  return %a : memref<8xf32>
}
