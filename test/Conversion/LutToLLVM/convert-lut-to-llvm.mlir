// RUN: lutra-opt %s --convert-lut-to-llvm=features=avx512bw,avx512vl | FileCheck %s --check-prefixes=CHECK,AVX512
// RUN: lutra-opt %s --convert-lut-to-llvm=features=avx512bw,avx512vl,avx512vnni | FileCheck %s --check-prefixes=CHECK,VNNI
// RUN: lutra-opt %s --convert-lut-to-llvm=features=+avx2,+fma,+a-feature-of-tomorrow | FileCheck %s --check-prefixes=CHECK,AVX2
// RUN: lutra-opt %s --convert-lut-to-llvm=features=neon,dotprod | FileCheck %s --check-prefixes=CHECK,NEON
// RUN: lutra-opt %s --convert-lut-to-llvm | FileCheck %s --check-prefixes=CHECK,PORTABLE

// CHECK-LABEL: @bytes
// AVX512: %[[I:.*]] = llvm.and %arg1, %{{.*}} : vector<64xi8>
// AVX512: %[[T:.*]] = llvm.shufflevector %arg0, %arg0 [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0,
// AVX512: llvm.call_intrinsic "llvm.x86.avx512.pshuf.b.512"(%[[T]], %[[I]])
// VNNI: llvm.x86.avx512.pshuf.b.512
// AVX2-COUNT-2: llvm.call_intrinsic "llvm.x86.avx2.pshuf.b"
// NEON-COUNT-4: llvm.call_intrinsic "llvm.aarch64.neon.tbl1.v16i8"
// PORTABLE-NOT: llvm.call_intrinsic
func.func @bytes(%t: vector<16xi8>, %i: vector<64xi8>) -> vector<64xi8> {
  %v = lut.lookup %t[%i] : vector<16xi8>, vector<64xi8>
  return %v : vector<64xi8>
}

// CHECK-LABEL: @floats
// AVX512: llvm.call_intrinsic "llvm.x86.avx512.permvar.sf.512"(%arg0, %arg1)
// AVX2-COUNT-2: llvm.call_intrinsic "llvm.x86.avx2.permps"
// AVX2: llvm.select
// AVX2-COUNT-2: llvm.call_intrinsic "llvm.x86.avx2.permps"
// NEON-NOT: llvm.call_intrinsic
// PORTABLE-NOT: llvm.call_intrinsic
func.func @floats(%t: vector<16xf32>, %i: vector<16xi32>) -> vector<16xf32> {
  %v = lut.lookup %t[%i] : vector<16xf32>, vector<16xi32>
  return %v : vector<16xf32>
}

// CHECK-LABEL: @pairs
// AVX512: llvm.call_intrinsic "llvm.x86.avx512.pmaddubs.w.512"(%{{.*}}, %arg0)
// AVX512: llvm.call_intrinsic "llvm.x86.avx512.pmaddw.d.512"
// AVX2-COUNT-2: llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
// AVX2-COUNT-2: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// PORTABLE: llvm.bitcast %arg0 : vector<64xi8> to vector<32xi16>
// PORTABLE: llvm.shl
// PORTABLE: llvm.ashr
// PORTABLE: llvm.ashr
// PORTABLE: llvm.mul
func.func @pairs(%v: vector<64xi8>, %half: vector<32xi16>, %acc: vector<16xi32>) -> vector<16xi32> {
  %h = lut.accumulate %v into %half weights [1, 2] : vector<64xi8>, vector<32xi16>
  %s = lut.accumulate %h into %acc weights [1, 4] : vector<32xi16>, vector<16xi32>
  return %s : vector<16xi32>
}

// CHECK-LABEL: @quads
// AVX512: llvm.x86.avx512.pmaddubs.w.512
// AVX512: llvm.x86.avx512.pmaddw.d.512
// VNNI: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%arg1, %{{.*}}, %arg0)
// NEON-COUNT-4: llvm.call_intrinsic "llvm.aarch64.neon.sdot.v4i32.v16i8"
// PORTABLE-NOT: llvm.call_intrinsic
func.func @quads(%v: vector<64xi8>, %acc: vector<16xi32>) -> vector<16xi32> {
  %s = lut.accumulate %v into %acc weights [1, 2, 4, 8] : vector<64xi8>, vector<16xi32>
  return %s : vector<16xi32>
}

// Weights of 128 are not a signed byte, and sums of 255 and 255 saturate vpmaddubsw: neither instruction is used.
// CHECK-LABEL: @large_weights
// NEON-NOT: llvm.call_intrinsic
// AVX512-NOT: llvm.call_intrinsic
// VNNI: llvm.x86.avx512.vpdpbusd.512
// CHECK: return
func.func @large_weights(%v: vector<64xi8>, %acc: vector<16xi32>) -> vector<16xi32> {
  %s = lut.accumulate %v into %acc weights [255, 255, 0, 128] : vector<64xi8>, vector<16xi32>
  return %s : vector<16xi32>
}

// CHECK-LABEL: @halfs
// AVX512: arith.extf
// AVX2: llvm.bitcast %{{.*}} : vector<16xf16> to vector<16xi16>
// AVX2-NOT: arith.extf
// NEON: arith.extf
// PORTABLE: llvm.bitcast %{{.*}} : vector<16xf16> to vector<16xi16>
// CHECK: return
func.func @halfs(%h: vector<16xf16>) -> vector<16xf32> {
  %f = arith.extf %h : vector<16xf16> to vector<16xf32>
  return %f : vector<16xf32>
}
