// A digit of 64 triples: one shuffle, one masked subtraction where a machine has masks, one dot product.
//
// RUN: lutra-opt %s --convert-lut-to-llvm=features=avx512bw,avx512vnni --convert-arith-to-llvm --convert-func-to-llvm --reconcile-unrealized-casts | mlir-translate --mlir-to-llvmir > %t.x86
// RUN: llc %t.x86 -mtriple=x86_64-linux-gnu -mcpu=cascadelake -o - | FileCheck %s --check-prefix=VNNI
// RUN: llc %t.x86 -mtriple=x86_64-linux-gnu -mcpu=icelake-server -o - | FileCheck %s --check-prefix=VNNI
// RUN: lutra-opt %s --convert-lut-to-llvm=features=avx2 --convert-arith-to-llvm --convert-func-to-llvm --reconcile-unrealized-casts | mlir-translate --mlir-to-llvmir | llc -mtriple=x86_64-linux-gnu -mcpu=haswell | FileCheck %s --check-prefix=AVX2
// RUN: lutra-opt %s --convert-lut-to-llvm=features=neon,dotprod --convert-arith-to-llvm --convert-func-to-llvm --reconcile-unrealized-casts | mlir-translate --mlir-to-llvmir | llc -mtriple=aarch64-linux-gnu -mattr=+dotprod | FileCheck %s --check-prefix=NEON

// RUN: lutra-opt %s --convert-lut-to-llvm=features=avx512bw,avx512vnni,avx512vbmi --convert-arith-to-llvm --convert-func-to-llvm --reconcile-unrealized-casts | mlir-translate --mlir-to-llvmir > %t.vbmi
// RUN: llc %t.vbmi -mtriple=x86_64-linux-gnu -mcpu=icelake-server -o - | FileCheck %s --check-prefix=VBMI
// RUN: llc %t.vbmi -mtriple=x86_64-linux-gnu -mcpu=sapphirerapids -o - | FileCheck %s --check-prefix=VBMI
// RUN: llc %t.vbmi -mtriple=x86_64-linux-gnu -mcpu=znver4 -o - | FileCheck %s --check-prefix=VBMI

// VNNI-LABEL: digit:
// VNNI-DAG: vptestnmb {{.*}}, %[[MASK:k[1-7]]]
// VNNI-DAG: vpshufb {{.*}}%zmm
// VNNI: vpsubb {{.*}} {%[[MASK]]}
// VNNI: vpdpbusd
// AVX2-LABEL: digit:
// AVX2: vpshufb {{.*}}%ymm
// AVX2: vpsubb
// AVX2: vpblendvb
// AVX2: vpmaddubsw
// NEON-LABEL: digit:
// NEON-DAG: tbl v{{.*}}.16b
// NEON-DAG: sub v{{.*}}.16b
// NEON: sdot v{{.*}}.4s
func.func @digit(%table: !llvm.ptr, %nibbles: vector<64xi8>, %bits: vector<64xi8>, %codes: vector<64xi8>, %acc: vector<16xi32>) -> vector<16xi32> {
  %greatest = arith.constant dense<4> : vector<64xi8>
  %place = arith.constant dense<4> : vector<64xi8>
  %zero = arith.constant dense<0> : vector<64xi8>
  %t = llvm.load %table : !llvm.ptr -> vector<16xi8>
  %bit = arith.andi %bits, %place : vector<64xi8>
  %negative = arith.cmpi eq, %bit, %zero : vector<64xi8>
  %d = lut.lookup %t[%nibbles] : vector<16xi8>, vector<64xi8>
  %n = arith.subi %greatest, %d : vector<64xi8>
  %c = arith.select %negative, %n, %d : vector<64xi1>, vector<64xi8>
  %s = lut.dot %c, %codes into %acc {largest = 4 : i64} : vector<64xi8>, vector<16xi32>
  return %s : vector<16xi32>
}

// An index of five bits and a table of 64 need no mask and no second instruction.
// VBMI-LABEL: number:
// VBMI: vpternlog
// VBMI: vpermb {{.*}}%zmm
// VBMI-NOT: vpshufb
// VBMI: vpdpbusd
func.func @number(%table: !llvm.ptr, %nibbles: vector<64xi8>, %bits: vector<64xi8>, %codes: vector<64xi8>, %acc: vector<16xi32>) -> vector<16xi32> {
  %low = arith.constant dense<0x0f> : vector<64xi8>
  %high = arith.constant dense<0xf0> : vector<64xi8>
  %t = llvm.load %table : !llvm.ptr -> vector<64xi8>
  %nibble = arith.andi %nibbles, %low : vector<64xi8>
  %bit = arith.andi %bits, %high : vector<64xi8>
  %number = arith.ori %nibble, %bit : vector<64xi8>
  %d = lut.lookup %t[%number] : vector<64xi8>, vector<64xi8>
  %s = lut.dot %d, %codes into %acc {largest = 4 : i64} : vector<64xi8>, vector<16xi32>
  return %s : vector<16xi32>
}
