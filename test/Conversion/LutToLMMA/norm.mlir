// RUN: lutra-opt %s --convert-lut-to-lmma="device-tables=true" --split-input-file | FileCheck %s
// RUN: lutra-opt %s --convert-lut-to-lmma --split-input-file | FileCheck %s --check-prefix=HOST

// Two rows at a time: the squares of whole rows, then each group's activations times the row's factor and the weight.

// CHECK-LABEL: func.func @norm
// CHECK: lmma.launch @norm_tables_200_i8_g64(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}) : memref<?x200xf32>, memref<200xf32>, memref<?x4x256xi8>, memref<?x4xf32>, memref<?x4xf32>
// CHECK: lmma.kernel @norm_tables_200_i8_g64(%[[X:.*]]: memref<?x200xf32>, %[[W:.*]]: memref<200xf32>, %[[E:.*]]: memref<?x4x256xi8>, {{.*}}) attributes
// CHECK-SAME: lmma.buffer_names = ["activations", "norm", "entries", "scales", "sums"]
// CHECK: lmma.for %[[M:.*]] = 0 to rows(1) step 2
// CHECK:   %[[A:.*]] = lmma.load_acts %[[X]][%[[M]], 0] count 64
// CHECK:   %[[S:.*]] = lmma.squares %[[A]] count 64{{$}}
// CHECK:   lmma.load_acts %[[X]][%[[M]], 64] count 64
// CHECK:   lmma.load_acts %[[X]][%[[M]], 128] count 64
// CHECK:   lmma.squares {{.*}} count 64 into
// CHECK:   lmma.squares {{.*}} count 64 into
// CHECK:   lmma.load_acts %[[X]][%[[M]], 192] count 8
// CHECK:   %[[D:.*]] = lmma.squares {{.*}} count 8 into
// CHECK:   %[[R:.*]] = lmma.norm %[[D]] count 200 epsilon 9.765625E-4
// CHECK:   lmma.load_acts %[[W]][0] count 64 : memref<200xf32>
// CHECK:   %[[T:.*]] = lmma.scale_acts %{{.*}}, %[[R]]
// CHECK:   %[[Y:.*]] = lmma.mul_acts %[[T]], %{{.*}}
// CHECK:   lmma.amax %[[Y]]
// CHECK:   lmma.quantize %[[Y]]

// Without tables on the device, the norm is the host's too.
// HOST-LABEL: func.func @norm
// HOST: %[[Q:.*]] = memref.alloc(%{{.*}}) : memref<?xf64>
// HOST: %[[Y:.*]] = memref.alloc(%{{.*}}) : memref<?x200xf32>
// HOST: linalg.fill {{.*}} outs(%[[Q]]
// HOST: linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]
// HOST: linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]
// HOST: math.sqrt {{.*}} : f64
// HOST: lut.precompute ins(%[[Y]] : memref<?x200xf32>)
// HOST-DAG: memref.dealloc %[[Y]]
// HOST-DAG: memref.dealloc %[[Q]]
func.func @norm(%x: memref<?x200xf32>, %w: memref<200xf32>, %e: memref<?x4x256xi8>, %s: memref<?x4xf32>, %z: memref<?x4xf32>) {
  lut.norm_precompute ins(%x, %w : memref<?x200xf32>, memref<200xf32>) outs(%e, %s, %z : memref<?x4x256xi8>, memref<?x4xf32>, memref<?x4xf32>)
      {epsilon = 0.0009765625 : f32, group = 64 : i64}
  return
}

// -----

// A group of more activations than a register holds is loaded for its scale and once more for its tables, normalized each time.
// CHECK-LABEL: lmma.kernel @norm_tables_256_i8_g256
// CHECK: lmma.norm
// CHECK: lmma.for
// CHECK: lmma.for
// CHECK: lmma.mul_acts
// CHECK: lmma.amax
// CHECK: lmma.for
// CHECK: lmma.mul_acts
// CHECK: lmma.quantize
func.func @long(%x: memref<4x256xf32>, %w: memref<256xf32>, %e: memref<4x1x1024xi8>, %s: memref<4x1xf32>, %z: memref<4x1xf32>) {
  lut.norm_precompute ins(%x, %w : memref<4x256xf32>, memref<256xf32>) outs(%e, %s, %z : memref<4x1x1024xi8>, memref<4x1xf32>, memref<4x1xf32>)
      {epsilon = 0.0 : f32, group = 256 : i64}
  return
}
