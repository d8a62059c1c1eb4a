// A single token's products with codes on machines with and without instructions for them: the passes that follow, to LLVM's dialect.
// DEFINE: %{llvm} = lutra-opt %s --convert-lowbit-to-loops --lutra-lower-asserts --canonicalize --cse --lutra-approximate-math --convert-scf-to-openmp --fold-memref-alias-ops --lutra-expand-reshapes --expand-strided-metadata --lower-affine
// RUN: %{llvm} --lutra-convert-to-llvm=features=avx512f,avx512bw,avx512vnni | FileCheck %s --check-prefix=VNNI --implicit-check-not=pmaddubs
// RUN: %{llvm} --lutra-convert-to-llvm=features=avx2,fma | FileCheck %s --check-prefix=AVX2 --implicit-check-not=vpdpbusd
// RUN: %{llvm} --lutra-convert-to-llvm=features=neon,dotprod | FileCheck %s --check-prefix=NEON
// RUN: %{llvm} --lutra-convert-to-llvm | FileCheck %s --check-prefix=ANY --implicit-check-not=llvm.x86 --implicit-check-not=lut.dot

// VNNI: "llvm.x86.avx512.vpdpbusd.512"
// AVX2: "llvm.x86.avx2.pmadd.ub.sw"
// AVX2: "llvm.x86.avx2.pmadd.wd"
// NEON: "llvm.aarch64.neon.sdot.v4i32.v16i8"
// ANY:  llvm.ashr %{{.*}} : vector<16xi32>
// ANY:  llvm.mul %{{.*}} : vector<16xi32>
!c = memref<1x1x?x36xi8>
func.func @token(%q: memref<1x?x64xf32>, %kv: memref<1x?x64xf32>, %k: !c, %v: !c, %len: memref<1xi32>, %total: memref<i32>) {
  lowbit.attention ins(%q, %kv, %kv, %k, %v, %len, %total : memref<1x?x64xf32>, memref<1x?x64xf32>, memref<1x?x64xf32>, !c, !c, memref<1xi32>, memref<i32>)
    outs(%q, %k, %v : memref<1x?x64xf32>, !c, !c)
    {num_heads = 1 : i64, kv_heads = 1 : i64, scale = 0.125 : f32, softcap = 0.0 : f32, window = -1 : i64, interleaved = false, cache_bits = 4 : i64, cache_group = 32 : i64}
  return
}
