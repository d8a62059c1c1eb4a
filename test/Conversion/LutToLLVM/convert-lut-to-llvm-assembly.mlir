// RUN: lutra-opt %s --convert-lut-to-llvm=features=avx512bw,avx512vnni --convert-func-to-llvm --reconcile-unrealized-casts | mlir-translate --mlir-to-llvmir | llc -mtriple=x86_64-linux-gnu -mcpu=cascadelake | FileCheck %s --check-prefix=VNNI
// RUN: lutra-opt %s --convert-lut-to-llvm=features=avx512bw --convert-func-to-llvm --reconcile-unrealized-casts | mlir-translate --mlir-to-llvmir | llc -mtriple=x86_64-linux-gnu -mcpu=skylake-avx512 | FileCheck %s --check-prefix=AVX512
// RUN: lutra-opt %s --convert-lut-to-llvm=features=avx2 --convert-func-to-llvm --reconcile-unrealized-casts | mlir-translate --mlir-to-llvmir | llc -mtriple=x86_64-linux-gnu -mcpu=haswell | FileCheck %s --check-prefix=AVX2
// RUN: lutra-opt %s --convert-lut-to-llvm=features=neon,dotprod --convert-func-to-llvm --reconcile-unrealized-casts | mlir-translate --mlir-to-llvmir | llc -mtriple=aarch64-linux-gnu -mattr=+dotprod | FileCheck %s --check-prefix=NEON
// RUN: lutra-opt %s --convert-lut-to-llvm --convert-func-to-llvm --reconcile-unrealized-casts | mlir-translate --mlir-to-llvmir | llc -mtriple=x86_64-linux-gnu -mcpu=x86-64 -o /dev/null
// RUN: lutra-opt %s --convert-lut-to-llvm --convert-func-to-llvm --reconcile-unrealized-casts | mlir-translate --mlir-to-llvmir | llc -mtriple=aarch64-linux-gnu -o /dev/null

// A lookup of 64 four-bit indices and the sum of its planes: one mask, one shuffle, one dot product.
// VNNI-LABEL: step:
// VNNI-DAG: vbroadcasti32x4
// VNNI-DAG: vpand
// VNNI: vpshufb %zmm
// VNNI: vpdpbusd
// VNNI-NEXT: {{retq|vmovdqa64}}
// AVX512-LABEL: step:
// AVX512: vpshufb %zmm
// AVX512: vpmaddubsw
// AVX512: vpmaddwd
// AVX512: vpaddd
// AVX2-LABEL: step:
// AVX2: vpshufb {{.*}}%ymm
// AVX2: vpmaddubsw {{.*}}%ymm
// AVX2-NOT: %zmm
// NEON-LABEL: step:
// NEON: tbl v{{.*}}.16b
// NEON: sdot v{{.*}}.4s
func.func @step(%table: !llvm.ptr, %codes: vector<64xi8>, %acc: vector<16xi32>) -> vector<16xi32> {
  %t = llvm.load %table : !llvm.ptr -> vector<16xi8>
  %v = lut.lookup %t[%codes] : vector<16xi8>, vector<64xi8>
  %s = lut.accumulate %v into %acc weights [1, 2, 4, 8] : vector<64xi8>, vector<16xi32>
  return %s : vector<16xi32>
}
