// A single token reads what all heads' keys and values begin with before anything else, side by side, where one thread runs: as many bytes as the option says, as there are, or a part of
// 256 KiB. Without the option nothing is read.
//
// RUN: lutra-opt %s --convert-lowbit-to-loops=head-bytes=1024 --canonicalize --cse | FileCheck %s
// RUN: lutra-opt %s --convert-lowbit-to-loops=head-bytes=1000000 --canonicalize --cse | FileCheck %s --check-prefix=MOST
// RUN: lutra-opt %s --convert-lowbit-to-loops | FileCheck %s --check-prefix=NONE
// RUN: not lutra-opt %s --convert-lowbit-to-loops=head-bytes=-1 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: lutra-opt %s --convert-lowbit-to-loops=head-bytes=1024 --lutra-share-loops --canonicalize --cse | FileCheck %s --check-prefix=SHARED
//
// NEGATIVE: error: convert-lowbit-to-loops: option 'head-bytes' must not be negative, but is -1
// NONE-NOT: llvm.load

!cache = memref<?x2x?x64xf32, strided<[?, ?, ?, 1], offset: ?>>
!half = memref<?x6x?x32xf16, strided<[?, ?, ?, 1], offset: ?>>

// CHECK-LABEL: func private @attention(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: memref<?x?x128xf32>, {{.*}} %[[LEN:[a-z0-9]+]]: memref<?xi32>, %{{.*}}: memref<i32>, %{{.*}}: memref<?x?x128xf32>, %[[K:[a-z0-9]+]]: memref<{{.*}}>, %[[V:[a-z0-9]+]]: memref<
// CHECK:         %[[TOKENS:.*]] = memref.dim %[[Q]], %c1
// CHECK:         %[[SINGLE:.*]] = arith.cmpi eq, %[[TOKENS]], %c1
// CHECK:         scf.if %[[SINGLE]] {
// CHECK:           memref.extract_strided_metadata %[[K]]
// CHECK:           memref.extract_strided_metadata %[[V]]
// CHECK:           scf.for %[[BATCH:.*]] = %c0 to
// CHECK:             memref.load %[[LEN]][%[[BATCH]]]
// CHECK:             scf.for %[[AT:.*]] = %c0{{.*}} to %{{.*}} step %c64
// CHECK-COUNT-4:       llvm.load volatile %{{.*}} : !llvm.ptr -> i8
// CHECK-NOT:           llvm.load
// CHECK:         } {lutra.alone}
// CHECK:         cf.assert
// MOST:          arith.constant 65536 : index
// SHARED:        func private @attention(
// SHARED:        %[[ONE_TOKEN:.*]] = arith.cmpi eq, %{{.*}}, %c1
// SHARED:        %[[COUNT:.*]] = call @omp_get_max_threads()
// SHARED:        %[[THREADS:.*]] = arith.index_cast %[[COUNT]] : i32 to index
// SHARED:        %[[ALONE:.*]] = arith.cmpi eq, %[[THREADS]], %c1
// SHARED:        %[[BOTH:.*]] = arith.andi %[[ONE_TOKEN]], %[[ALONE]]
// SHARED:        scf.if %[[BOTH]] {
// SHARED-NOT:    lutra.alone
// SHARED:        cf.assert
func.func @main(%q: memref<?x?x128xf32>, %kv: memref<?x?x128xf32>, %c: !cache, %len: memref<?xi32>, %total: memref<i32>) {
  lowbit.attention ins(%q, %kv, %kv, %c, %c, %len, %total : memref<?x?x128xf32>, memref<?x?x128xf32>, memref<?x?x128xf32>, !cache, !cache, memref<?xi32>, memref<i32>)
    outs(%q, %c, %c : memref<?x?x128xf32>, !cache, !cache)
    {num_heads = 2 : i64, kv_heads = 2 : i64, scale = 0.125 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false}
  return
}

// Heads in turns of at most four, evenly; behind a window nothing.
// CHECK-LABEL: func private @attention_0(
// CHECK:         scf.if
// CHECK:           %[[END:.*]] = arith.minsi
// CHECK:           %[[SEEN:.*]] = arith.subi %[[END]], %c100
// CHECK:           arith.maxsi %[[SEEN]], %c0
// CHECK:             scf.for
// CHECK-COUNT-6:       llvm.load volatile
// CHECK:             scf.for
// CHECK-COUNT-6:       llvm.load volatile
// CHECK-NOT:           llvm.load
// CHECK:         } {lutra.alone}
func.func @windowed(%q: memref<?x?x192xf32>, %c: !half, %len: memref<?xi32>, %total: memref<i32>) {
  lowbit.attention ins(%q, %q, %q, %c, %c, %len, %total : memref<?x?x192xf32>, memref<?x?x192xf32>, memref<?x?x192xf32>, !half, !half, memref<?xi32>, memref<i32>)
    outs(%q, %c, %c : memref<?x?x192xf32>, !half, !half)
    {num_heads = 6 : i64, kv_heads = 6 : i64, scale = 0.125 : f32, softcap = 0.0 : f32, window = 100 : i64, interleaved = false}
  return
}
