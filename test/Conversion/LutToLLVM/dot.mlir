// RUN: lutra-opt %s --convert-lut-to-llvm=features=avx512bw,avx512vl,avx512vnni | FileCheck %s --check-prefixes=CHECK,VNNI
// RUN: lutra-opt %s --convert-lut-to-llvm=features=avx512bw,avx512vl | FileCheck %s --check-prefixes=CHECK,AVX512
// RUN: lutra-opt %s --convert-lut-to-llvm=features=avx2 | FileCheck %s --check-prefixes=CHECK,AVX2
// RUN: lutra-opt %s --convert-lut-to-llvm=features=neon,dotprod | FileCheck %s --check-prefixes=CHECK,NEON
// RUN: lutra-opt %s --convert-lut-to-llvm | FileCheck %s --check-prefixes=CHECK,PORTABLE

// CHECK-LABEL: @small
// VNNI: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%arg2, %arg0, %arg1)
// AVX512: %[[PAIRS:.*]] = llvm.call_intrinsic "llvm.x86.avx512.pmaddubs.w.512"(%arg0, %arg1)
// AVX512: llvm.call_intrinsic "llvm.x86.avx512.pmaddw.d.512"(%[[PAIRS]],
// AVX2-COUNT-2: llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
// NEON-COUNT-4: llvm.call_intrinsic "llvm.aarch64.neon.sdot.v4i32.v16i8"
// PORTABLE-NOT: llvm.call_intrinsic
// PORTABLE-COUNT-4: llvm.mul
func.func @small(%w: vector<64xi8>, %a: vector<64xi8>, %acc: vector<16xi32>) -> vector<16xi32> {
  %s = lut.dot %w, %a into %acc {largest = 127 : i64} : vector<64xi8>, vector<16xi32>
  return %s : vector<16xi32>
}

// Two products of 255 and -128 saturate 16 bits, and 255 is no signed byte: the top bit is multiplied by itself.
// CHECK-LABEL: @large
// VNNI: llvm.x86.avx512.vpdpbusd.512
// VNNI-NOT: llvm.call_intrinsic
// AVX512-DAG: %[[LOW:.*]] = llvm.and %arg0, %{{.*}} : vector<64xi8>
// AVX512-DAG: llvm.call_intrinsic "llvm.x86.avx512.pmaddubs.w.512"(%[[LOW]], %arg1)
// AVX512-COUNT-1: llvm.call_intrinsic "llvm.x86.avx512.pmaddubs.w.512"
// AVX2-COUNT-4: llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
// NEON: llvm.call_intrinsic "llvm.aarch64.neon.sdot.v4i32.v16i8"
// NEON: llvm.call_intrinsic "llvm.aarch64.neon.sdot.v4i32.v16i8"
// NEON: llvm.sub
// NEON-COUNT-6: llvm.call_intrinsic "llvm.aarch64.neon.sdot.v4i32.v16i8"
// PORTABLE-NOT: llvm.call_intrinsic
func.func @large(%w: vector<64xi8>, %a: vector<64xi8>, %acc: vector<16xi32>) -> vector<16xi32> {
  %s = lut.dot %w, %a into %acc {largest = 255 : i64} : vector<64xi8>, vector<16xi32>
  return %s : vector<16xi32>
}

// Two products in 16 bits: no instruction for four helps.
// CHECK-LABEL: @short
// VNNI: %[[PAIRS:.*]] = llvm.call_intrinsic "llvm.x86.avx512.pmaddubs.w.512"(%arg0, %arg1)
// VNNI: llvm.add %arg2, %[[PAIRS]] : vector<32xi16>
// AVX2-COUNT-2: llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
// NEON: llvm.call_intrinsic "llvm.aarch64.neon.smull.v8i16"
// NEON: llvm.call_intrinsic "llvm.aarch64.neon.smull.v8i16"
// NEON: llvm.call_intrinsic "llvm.aarch64.neon.addp.v8i16"
// PORTABLE-NOT: llvm.call_intrinsic
// PORTABLE-COUNT-2: llvm.mul
// CHECK-NOT: llvm.mul
func.func @short(%w: vector<64xi8>, %a: vector<64xi8>, %acc: vector<32xi16>) -> vector<32xi16> {
  %s = lut.dot %w, %a into %acc {largest = 127 : i64} : vector<64xi8>, vector<32xi16>
  return %s : vector<32xi16>
}
