// Triples by tables of 64 entries give what they give by tables of 16 and the sign beside: one row, several rows, and a panel.
//
// DEFINE: %{loops} =
// DEFINE: %{run} = lutra-opt %s --convert-lut-to-loops='%{loops}' --lower-affine --convert-scf-to-cf --expand-strided-metadata --lower-affine \
// DEFINE:   --convert-lut-to-llvm --convert-vector-to-scf --convert-scf-to-cf --convert-vector-to-llvm --convert-math-to-llvm --finalize-memref-to-llvm --convert-arith-to-llvm \
// DEFINE:   --convert-index-to-llvm --convert-cf-to-llvm --convert-func-to-llvm --reconcile-unrealized-casts | mlir-runner -e main --entry-point-result=void \
// DEFINE:   --shared-libs=%llvm_libs/libmlir_c_runner_utils.so
//
// REDEFINE: %{loops} = accumulator-bits=32 lookup-entries=16
// RUN: %{run} > %t.16
// REDEFINE: %{loops} = accumulator-bits=32 lookup-entries=64
// RUN: %{run} > %t.64
// RUN: diff %t.16 %t.64
// RUN: FileCheck %s < %t.64

!W = !lowbit.weight<70x64, #lowbit.packed<#lowbit.bipolar<planes = 2, group = 32, zeta = 1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16, triples = true>>>

// Three lines of outputs for each number of rows.
// CHECK-COUNT-9: ( {{-?[0-9]}}
func.func @main() {
  %w = memref.alloc() {alignment = 64 : i64} : memref<2304xi8>
  call @rows_1(%w) : (memref<2304xi8>) -> ()
  call @rows_3(%w) : (memref<2304xi8>) -> ()
  call @rows_13(%w) : (memref<2304xi8>) -> ()
  return
}

func.func private @rows_1(%w: memref<2304xi8>) {
  %p = memref.alloc() : memref<2x1x32xi8>
  %b = memref.alloc() : memref<2x1xi32>
  %z = memref.alloc() : memref<2x1xf32>
  %o = memref.alloc() : memref<1x70xf32>
  %dp = memref.cast %p : memref<2x1x32xi8> to memref<2x?x32xi8>
  %db = memref.cast %b : memref<2x1xi32> to memref<2x?xi32>
  %dz = memref.cast %z : memref<2x1xf32> to memref<2x?xf32>
  %do = memref.cast %o : memref<1x70xf32> to memref<?x70xf32>
  call @fill(%dp, %db, %dz, %w) : (memref<2x?x32xi8>, memref<2x?xi32>, memref<2x?xf32>, memref<2304xi8>) -> ()
  lut.integer_matmul ins(%p, %b, %z, %z, %w : memref<2x1x32xi8>, memref<2x1xi32>, memref<2x1xf32>, memref<2x1xf32>, memref<2304xi8>)
      outs(%o : memref<1x70xf32>) {weight = !W}
  call @print(%do) : (memref<?x70xf32>) -> ()
  return
}

func.func private @rows_3(%w: memref<2304xi8>) {
  %p = memref.alloc() : memref<2x3x32xi8>
  %b = memref.alloc() : memref<2x3xi32>
  %z = memref.alloc() : memref<2x3xf32>
  %o = memref.alloc() : memref<3x70xf32>
  %dp = memref.cast %p : memref<2x3x32xi8> to memref<2x?x32xi8>
  %db = memref.cast %b : memref<2x3xi32> to memref<2x?xi32>
  %dz = memref.cast %z : memref<2x3xf32> to memref<2x?xf32>
  %do = memref.cast %o : memref<3x70xf32> to memref<?x70xf32>
  call @fill(%dp, %db, %dz, %w) : (memref<2x?x32xi8>, memref<2x?xi32>, memref<2x?xf32>, memref<2304xi8>) -> ()
  lut.integer_matmul ins(%p, %b, %z, %z, %w : memref<2x3x32xi8>, memref<2x3xi32>, memref<2x3xf32>, memref<2x3xf32>, memref<2304xi8>)
      outs(%o : memref<3x70xf32>) {weight = !W}
  call @print(%do) : (memref<?x70xf32>) -> ()
  return
}

func.func private @rows_13(%w: memref<2304xi8>) {
  %p = memref.alloc() : memref<2x13x32xi8>
  %b = memref.alloc() : memref<2x13xi32>
  %z = memref.alloc() : memref<2x13xf32>
  %o = memref.alloc() : memref<13x70xf32>
  %dp = memref.cast %p : memref<2x13x32xi8> to memref<2x?x32xi8>
  %db = memref.cast %b : memref<2x13xi32> to memref<2x?xi32>
  %dz = memref.cast %z : memref<2x13xf32> to memref<2x?xf32>
  %do = memref.cast %o : memref<13x70xf32> to memref<?x70xf32>
  call @fill(%dp, %db, %dz, %w) : (memref<2x?x32xi8>, memref<2x?xi32>, memref<2x?xf32>, memref<2304xi8>) -> ()
  lut.integer_matmul ins(%p, %b, %z, %z, %w : memref<2x13x32xi8>, memref<2x13xi32>, memref<2x13xf32>, memref<2x13xf32>, memref<2304xi8>)
      outs(%o : memref<13x70xf32>) {weight = !W}
  call @print(%do) : (memref<?x70xf32>) -> ()
  return
}

func.func private @fill(%p: memref<2x?x32xi8>, %b: memref<2x?xi32>, %z: memref<2x?xf32>, %w: memref<2304xi8>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c32 = arith.constant 32 : index
  %bytes = arith.constant 2304 : index
  %scale = arith.constant 0.5 : f32
  %prime = arith.constant 37 : index
  %rows = memref.dim %p, %c1 : memref<2x?x32xi8>
  // All nibbles and bits; as halves these bytes are small numbers.
  scf.for %i = %c0 to %bytes step %c1 {
    %n = arith.muli %i, %prime : index
    %v = arith.index_cast %n : index to i32
    %mask = arith.constant 0x3b : i32
    %m = arith.andi %v, %mask : i32
    %byte = arith.trunci %m : i32 to i8
    memref.store %byte, %w[%i] : memref<2304xi8>
  }
  scf.for %g = %c0 to %c2 step %c1 {
    scf.for %r = %c0 to %rows step %c1 {
      %sum = arith.index_cast %r : index to i32
      memref.store %sum, %b[%g, %r] : memref<2x?xi32>
      memref.store %scale, %z[%g, %r] : memref<2x?xf32>
      scf.for %k = %c0 to %c32 step %c1 {
        %at = arith.addi %k, %r : index
        %n = arith.muli %at, %prime : index
        %v = arith.index_cast %n : index to i32
        %byte = arith.trunci %v : i32 to i8
        memref.store %byte, %p[%g, %r, %k] : memref<2x?x32xi8>
      }
    }
  }
  return
}

func.func private @print(%o: memref<?x70xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %c48 = arith.constant 48 : index
  %rows = memref.dim %o, %c0 : memref<?x70xf32>
  %last = arith.subi %rows, %c1 : index
  %first16 = vector.load %o[%c0, %c0] : memref<?x70xf32>, vector<16xf32>
  vector.print %first16 : vector<16xf32>
  %middle = vector.load %o[%last, %c32] : memref<?x70xf32>, vector<16xf32>
  vector.print %middle : vector<16xf32>
  %end = vector.load %o[%last, %c48] : memref<?x70xf32>, vector<22xf32>
  vector.print %end : vector<22xf32>
  return
}
