// RUN: lutra-opt %s --convert-lut-to-loops --canonicalize --split-input-file | FileCheck %s
// RUN: lutra-opt %s --convert-lut-to-loops=accumulator-bits=32 --canonicalize --split-input-file | FileCheck %s --check-prefix=WIDE

!W = !lowbit.weight<128x64, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// Two products of one kind share a function; blocks of 4 rows, then one of 3 or 2 that are left, or a single row. Beside each load of codes is the prefetch of those 4096
// bytes ahead; the scales' (128 bytes of f16: two) come last, in the order of memory.
// CHECK-LABEL: func.func private @lut_matmul
// CHECK-SAME: memref<?x?x?xi8, strided<[?, 128, 1], offset: ?>>
// CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %{{.*}} {
// CHECK:   scf.for %{{.*}} = %{{.*}} to %{{.*}} step %c4 {
// CHECK:     scf.for {{.*}} iter_args({{.*}}) -> ({{vector<16xf32>(, vector<16xf32>){15}[)]}} {
// CHECK:       memref.prefetch %arg3[%{{.*}}], read
// CHECK-NEXT:  %[[CODES:.*]] = vector.load %arg3[%{{.*}}] : memref<?xi8, {{.*}}>, vector<64xi8>
// CHECK:       %[[HIGH:.*]] = arith.shrui %[[CODES]], %{{.*}} : vector<64xi8>
// CHECK:       %[[V:.*]] = lut.lookup %{{.*}}[%[[CODES]]] : vector<16xi8>, vector<64xi8>
// CHECK:       lut.accumulate %[[V]] into %{{.*}} weights [1, 2] : vector<64xi8>, vector<32xi16>
// CHECK:       lut.lookup %{{.*}}[%[[HIGH]]]
// CHECK:       %[[SUM:.*]] = lut.accumulate %{{.*}} into %{{.*}} weights [1, 4] : vector<32xi16>, vector<16xi32>
// CHECK:       arith.sitofp %{{.*}} : vector<16xi32> to vector<16xf32>
// CHECK:       %[[ALPHA:.*]] = arith.extf %{{.*}} : vector<16xf16> to vector<16xf32>
// CHECK:       %[[OFFSET:.*]] = arith.mulf %{{.*}}, %{{.*}} : vector<16xf32>
// CHECK:       %[[SCALED:.*]] = math.fma %{{.*}}, %{{.*}}, %[[OFFSET]]
// CHECK:       math.fma %[[ALPHA]], %[[SCALED]], %{{.*}}
// CHECK-COUNT-2: memref.prefetch %arg3[%{{.*}}], read
// CHECK:       scf.yield
// CHECK:   scf.for %{{.*}} = %{{.*}} to %{{.*}} step %c3 {
// CHECK:     scf.for {{.*}} iter_args({{.*}}) -> ({{vector<16xf32>(, vector<16xf32>){11}[)]}} {
// CHECK:   scf.for %{{.*}} = %{{.*}} to %{{.*}} step %c2 {
// CHECK:     scf.for {{.*}} iter_args({{.*}}) -> ({{vector<16xf32>(, vector<16xf32>){7}[)]}} {
// CHECK:   scf.for %{{.*}} = %{{.*}} to %{{.*}} step %c1 {
// CHECK:     scf.for {{.*}} iter_args({{.*}}) -> ({{vector<16xf32>(, vector<16xf32>){3}[)]}} {
// CHECK:       memref.prefetch %arg3[%{{.*}}], read
// CHECK:     vector.store
// CHECK-NOT: vector.maskedstore
// CHECK-LABEL: func.func @two_products
// CHECK: scf.parallel (%{{.*}}, %{{.*}}) = (%c0, %c0) to (%{{.*}}, %c2) step (%c128, %c1)
// CHECK:   func.call @[[F:lut_matmul[_0-9]*]](
// CHECK: scf.parallel
// CHECK:   func.call @[[F]](

// With 32 bits, four bytes are added at once and there are no 16-bit lanes.
// WIDE-LABEL: func.func private @lut_matmul
// WIDE: lut.accumulate %{{.*}} into %{{.*}} weights [1, 2, 4, 8] : vector<64xi8>, vector<16xi32>
// WIDE-NOT: vector<32xi16>
// WIDE-LABEL: func.func @two_products
func.func @two_products(%e: memref<?x2x128xi8>, %s: memref<?x2xf32>, %z: memref<?x2xf32>, %w: memref<4608xi8>,
                        %v: memref<4608xi8, strided<[1], offset: 64>>, %o: memref<?x128xf32>, %p: memref<?x128xf32, strided<[500, 1]>>) {
  lut.matmul ins(%e, %s, %z, %w : memref<?x2x128xi8>, memref<?x2xf32>, memref<?x2xf32>, memref<4608xi8>)
      outs(%o : memref<?x128xf32>) {weight = !W, tile = #lowbit.tile<m = 4, n = 64, k = 64>}
  lut.matmul ins(%e, %s, %z, %v : memref<?x2x128xi8>, memref<?x2xf32>, memref<?x2xf32>, memref<4608xi8, strided<[1], offset: 64>>)
      outs(%p : memref<?x128xf32, strided<[500, 1]>>) {weight = !W, tile = #lowbit.tile<m = 4, n = 64, k = 64>}
  return
}

// -----

!W = !lowbit.weight<70x32, #lowbit.packed<#lowbit.bipolar<planes = 3, group = 32>, #lowbit.layout<rows = 64, alpha = f32, zeta = i8>>>

// Planes 0 and 1 are neighbouring bytes, plane 2 has rows r and r + 32 as neighbours; both add to the same 16-bit lanes.
// Rows past the 70th are not stored: 6 of the last tile's first 16 are.
// CHECK-LABEL: func.func private @lut_matmul
// CHECK-DAG: vector.constant_mask [6] : vector<16xi1>
// CHECK: lut.accumulate %{{.*}} into %{{.*}} weights [1, 2] : vector<64xi8>, vector<32xi16>
// CHECK: lut.accumulate %{{.*}} into %{{.*}} weights [4, 0] : vector<64xi8>, vector<32xi16>
// CHECK: lut.accumulate %{{.*}} into %{{.*}} weights [0, 4] : vector<64xi8>, vector<32xi16>
// CHECK: arith.extsi %{{.*}} : vector<16xi16> to vector<16xi32>
// CHECK: arith.sitofp %{{.*}} : vector<16xi8> to vector<16xf32>
// CHECK: scf.if
// CHECK:   vector.store
// CHECK: } else {
// CHECK:   vector.maskedstore
// CHECK-LABEL: func.func @three_planes
// One activation row: pieces along N only.
// CHECK: scf.parallel (%{{.*}}) = (%c0) to (%c2) step (%c1)
// WIDE-LABEL: func.func @three_planes
func.func @three_planes(%e: memref<1x1x128xi8>, %s: memref<1x1xf32>, %z: memref<1x1xf32>, %w: memref<2176xi8>, %o: memref<1x70xf32>) {
  lut.matmul ins(%e, %s, %z, %w : memref<1x1x128xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<2176xi8>)
      outs(%o : memref<1x70xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<64x2048, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 2048, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// A long group: 16-bit lanes add at most 86 tables of 3 * 127, so 43 pairs, before they are emptied into 32 bits.
// CHECK-LABEL: func.func private @lut_matmul
// CHECK: scf.for %[[FIRST:.*]] = %c0 to %c215 step %c43 iter_args({{.*}}) -> (vector<16xi32>
// CHECK:   %[[END:.*]] = arith.addi %[[FIRST]], %c43
// CHECK:   scf.for %{{.*}} = %[[FIRST]] to %[[END]] step %c1 iter_args({{.*}}) -> (vector<32xi16>
// CHECK: scf.for %{{.*}} = %c215 to %c256 step %c1 iter_args({{.*}}) -> (vector<32xi16>
// Three rows and two.
// CHECK-COUNT-2: scf.for %{{.*}} = %c0 to %c215 step %c43 iter_args({{.*}}) -> (vector<16xi32>
// A single row: straight lines of 8 vectors, so 2 pairs, and the one that is left.
// CHECK: scf.for %[[FIRST:.*]] = %c0 to %c215 step %c43 iter_args({{.*}}) -> (vector<16xi32>
// CHECK:   %[[END:.*]] = arith.addi %[[FIRST]], %c42
// CHECK:   scf.for %{{.*}} = %[[FIRST]] to %[[END]] step %c2 iter_args({{.*}}) -> (vector<32xi16>
// CHECK-LABEL: func.func @long_group
// WIDE-LABEL: func.func private @lut_matmul
// WIDE: scf.for %{{.*}} = %c0 to %c256 step %c1 iter_args({{.*}}) -> (vector<16xi32>
// WIDE-LABEL: func.func @long_group
func.func @long_group(%e: memref<1x1x8192xi8>, %s: memref<1x1xf32>, %z: memref<1x1xf32>, %w: memref<65664xi8>, %o: memref<1x64xf32>) {
  lut.matmul ins(%e, %s, %z, %w : memref<1x1x8192xi8>, memref<1x1xf32>, memref<1x1xf32>, memref<65664xi8>)
      outs(%o : memref<1x64xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<64x16, #lowbit.packed<#lowbit.bcq<planes = 2, group = 16>, #lowbit.layout<rows = 64, alpha = f16, zeta = f16>>>

// BCQ from f32 tables: each plane by itself, then y = fma(alpha_p, sum_p, y) and fma(beta, asum, y).
// CHECK-LABEL: func.func private @lut_matmul
// CHECK: lut.lookup %{{.*}}[%{{.*}}] : vector<16xf32>, vector<16xi32>
// CHECK: arith.addf
// CHECK-NOT: arith.sitofp
// CHECK: math.fma
// CHECK-LABEL: func.func @bcq_floats
// WIDE-LABEL: func.func @bcq_floats
func.func @bcq_floats(%e: memref<2x1x64xf32>, %s: memref<2x1xf32>, %z: memref<2x1xf32>, %w: memref<640xi8>, %o: memref<2x64xf32>) {
  lut.matmul ins(%e, %s, %z, %w : memref<2x1x64xf32>, memref<2x1xf32>, memref<2x1xf32>, memref<640xi8>)
      outs(%o : memref<2x64xf32>) {weight = !W}
  return
}

// -----

// Quantized: half of each table is computed, the other half is its negative. The group of 12 ends in a padded pair.
// CHECK-LABEL: func.func private @lut_precompute
// CHECK-DAG: arith.constant 1.270000e+02 : f32
// CHECK: vector.load %arg0[%{{.*}}, %{{.*}}] : {{.*}}, vector<8xf32>
// CHECK: vector.load %arg0[%{{.*}}, %{{.*}}] : {{.*}}, vector<4xf32>
// CHECK: vector.reduction <maxui>
// CHECK: arith.divf
// CHECK: vector.shuffle %{{.*}}, %{{.*}} [23, 22, 21, 20, 19, 18, 17, 16, 0, 1, 2, 3, 4, 5, 6, 7, 31, 30, 29, 28, 27, 26, 25, 24, 8, 9, 10, 11, 12, 13, 14, 15] : vector<16xi8>, vector<16xi8>
// CHECK-LABEL: func.func @tables
// CHECK: scf.parallel
// CHECK:   func.call @lut_precompute
// In a loop over rows that is parallel already there is no other.
// CHECK: scf.forall
// CHECK-NOT: scf.parallel
// CHECK:   func.call @lut_precompute
// WIDE-LABEL: func.func @tables
func.func @tables(%a: memref<?x12xf32>, %e: memref<?x1x64xi8>, %s: memref<?x1xf32>, %z: memref<?x1xf32>, %m: index) {
  lut.precompute ins(%a : memref<?x12xf32>) outs(%e, %s, %z : memref<?x1x64xi8>, memref<?x1xf32>, memref<?x1xf32>) {group = 12 : i64}
  scf.forall (%i) in (%m) {
    lut.precompute ins(%a : memref<?x12xf32>) outs(%e, %s, %z : memref<?x1x64xi8>, memref<?x1xf32>, memref<?x1xf32>) {group = 12 : i64}
  }
  return
}

// -----

!W = !lowbit.weight<64x32, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// A scale per row: the bytes of i8 tables as ever, and one scale for all groups. The largest magnitude of a row is known before its
// entries are: two loops over the groups.
// CHECK-LABEL: func.func private @lut_matmul
// CHECK: lut.lookup %{{.*}}[%{{.*}}] : vector<16xi8>, vector<64xi8>
// CHECK: memref.load %arg1[%{{.*}}, %c0]
// CHECK-LABEL: func.func private @lut_precompute
// CHECK: scf.for %{{.*}} iter_args
// CHECK: vector.reduction <maxui>
// CHECK: memref.store %{{.*}}, %arg2[%{{.*}}, %c0]
// CHECK: scf.for
// CHECK-LABEL: func.func @scale_per_row
// WIDE-LABEL: func.func @scale_per_row
func.func @scale_per_row(%a: memref<2x32xf32>, %e: memref<2x2x64xi8>, %s: memref<2x1xf32>, %z: memref<2x2xf32>, %w: memref<1280xi8>,
                         %o: memref<2x64xf32>) {
  lut.precompute ins(%a : memref<2x32xf32>) outs(%e, %s, %z : memref<2x2x64xi8>, memref<2x1xf32>, memref<2x2xf32>) {group = 16 : i64}
  lut.matmul ins(%e, %s, %z, %w : memref<2x2x64xi8>, memref<2x1xf32>, memref<2x2xf32>, memref<1280xi8>) outs(%o : memref<2x64xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<64x32, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// A scale per table: entries are looked up as f32, and each table's sum of planes is scaled by itself.
// CHECK-LABEL: func.func private @lut_matmul
// CHECK: %[[TABLE:.*]] = arith.sitofp %{{.*}} : vector<16xi8> to vector<16xf32>
// CHECK: lut.lookup %[[TABLE]][%{{.*}}] : vector<16xf32>, vector<16xi32>
// CHECK: memref.load %arg1[
// CHECK: math.fma
// CHECK-LABEL: func.func private @lut_precompute
// CHECK-COUNT-2: vector.reduction <maxui>
// CHECK-LABEL: func.func @scale_per_table
// WIDE-LABEL: func.func @scale_per_table
func.func @scale_per_table(%a: memref<2x32xf32>, %e: memref<2x2x64xi8>, %s: memref<2x8xf32>, %z: memref<2x2xf32>, %w: memref<1280xi8>,
                           %o: memref<2x64xf32>) {
  lut.precompute ins(%a : memref<2x32xf32>) outs(%e, %s, %z : memref<2x2x64xi8>, memref<2x8xf32>, memref<2x2xf32>) {group = 16 : i64}
  lut.matmul ins(%e, %s, %z, %w : memref<2x2x64xi8>, memref<2x8xf32>, memref<2x2xf32>, memref<1280xi8>) outs(%o : memref<2x64xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<64x32, #lowbit.packed<#lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// Tables of codes in i16: entries are exact, their scales handed on; lookups in 32-bit integers.
// CHECK-LABEL: func.func private @lut_matmul
// CHECK: arith.extsi %{{.*}} : vector<16xi16> to vector<16xi32>
// CHECK: lut.lookup %{{.*}}[%{{.*}}] : vector<16xi32>, vector<16xi32>
// CHECK: arith.addi
// CHECK: arith.shli
// CHECK-LABEL: func.func private @lut_precompute
// CHECK: arith.sitofp %{{.*}} : vector<8xi8> to vector<8xf32>
// CHECK-NOT: arith.divf
// CHECK: vector.reduction <add>
// CHECK: memref.load %arg1[%{{.*}}, %c0]
// CHECK-LABEL: func.func @codes
// WIDE-LABEL: func.func @codes
func.func @codes(%a: memref<2x32xi8>, %q: memref<2x1xf32>, %e: memref<2x2x64xi16>, %s: memref<2x1xf32>, %z: memref<2x2xf32>,
                 %w: memref<1280xi8>, %o: memref<2x64xf32>) {
  lut.precompute ins(%a, %q : memref<2x32xi8>, memref<2x1xf32>) outs(%e, %s, %z : memref<2x2x64xi16>, memref<2x1xf32>, memref<2x2xf32>)
      {group = 16 : i64}
  lut.matmul ins(%e, %s, %z, %w : memref<2x2x64xi16>, memref<2x1xf32>, memref<2x2xf32>, memref<1280xi8>) outs(%o : memref<2x64xf32>) {weight = !W}
  return
}

// -----

!W = !lowbit.weight<64x32768, #lowbit.packed<#lowbit.bipolar<planes = 8, group = 32768, zeta = -1.0 : f32>, #lowbit.layout<rows = 64, alpha = f16>>>

// Long groups of i16 entries: the planes fit 32 bits, their weighted sum does not. Halves are rounded when they are stored.
// CHECK-LABEL: func.func private @lut_matmul
// CHECK: arith.sitofp %{{.*}} : vector<16xi32> to vector<16xf64>
// CHECK: arith.truncf %{{.*}} : vector<16xf64> to vector<16xf32>
// CHECK-LABEL: func.func private @lut_precompute
// CHECK: arith.truncf %{{.*}} : vector<16xf32> to vector<16xf16>
// CHECK-LABEL: func.func @long_group_i16
// WIDE-LABEL: func.func @long_group_i16
func.func @long_group_i16(%a: memref<1x16xf32>, %f: memref<1x1x64xf16>, %t: memref<1x1xf32>, %e: memref<1x1x131072xi16>, %s: memref<1x1xf32>,
                          %z: memref<1x1xf32>, %w: memref<2097280xi8>, %o: memref<1x64xf32>) {
  lut.precompute ins(%a : memref<1x16xf32>) outs(%f, %t, %z : memref<1x1x64xf16>, memref<1x1xf32>, memref<1x1xf32>) {group = 16 : i64}
  lut.matmul ins(%e, %s, %z, %w : memref<1x1x131072xi16>, memref<1x1xf32>, memref<1x1xf32>, memref<2097280xi8>) outs(%o : memref<1x64xf32>) {weight = !W}
  return
}
