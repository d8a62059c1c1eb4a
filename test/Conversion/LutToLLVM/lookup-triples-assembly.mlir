// 64 triples of a table of three: one shuffle, one mask made of eight bytes of signs, one masked subtraction, and three instructions that add to rows of 16 bits.
//
// RUN: lutra-opt %s --convert-lut-to-llvm=features=avx512bw --convert-vector-to-llvm --convert-arith-to-llvm --convert-func-to-llvm --reconcile-unrealized-casts | mlir-translate --mlir-to-llvmir | llc -mtriple=x86_64-linux-gnu -mcpu=skylake-avx512 | FileCheck %s --check-prefix=AVX512
// RUN: lutra-opt %s --convert-lut-to-llvm=features=avx2 --convert-vector-to-llvm --convert-arith-to-llvm --convert-func-to-llvm --reconcile-unrealized-casts | mlir-translate --mlir-to-llvmir | llc -mtriple=x86_64-linux-gnu -mcpu=haswell | FileCheck %s --check-prefix=AVX2
// RUN: lutra-opt %s --convert-lut-to-llvm=features=neon --convert-vector-to-llvm --convert-arith-to-llvm --convert-func-to-llvm --reconcile-unrealized-casts | mlir-translate --mlir-to-llvmir | llc -mtriple=aarch64-linux-gnu | FileCheck %s --check-prefix=NEON

// AVX512-LABEL: triples:
// AVX512-DAG: vpbroadcastq (%{{.*}}), %zmm
// AVX512-DAG: vptestnmb {{.*}}, %[[MASK:k[1-7]]]
// AVX512-DAG: vpshufb {{.*}}%zmm
// AVX512: vpsubb {{.*}} {%[[MASK]]}
// AVX512-DAG: vpsrlw $8
// AVX512-DAG: vpaddw
// AVX512-DAG: vpaddw
// AVX512: retq
// AVX2-LABEL: triples:
// AVX2-DAG: vpbroadcastq (%{{.*}}), %ymm
// AVX2-DAG: vpshufb {{.*}}%ymm
// AVX2-DAG: vpcmpeqb
// AVX2-DAG: vpsrlw $8
// AVX2: retq
// NEON-LABEL: triples:
// NEON-DAG: tbl v{{.*}}.16b
// NEON-DAG: {{cmeq|cmtst}} v{{.*}}.16b
// NEON-DAG: usra v{{.*}}.8h
// NEON: ret
func.func @triples(%table: !llvm.ptr, %signs: !llvm.ptr, %nibbles: vector<64xi8>, %all: vector<32xi16>, %odd: vector<32xi16>) -> (vector<32xi16>, vector<32xi16>) {
  %zero = arith.constant dense<0> : vector<64xi8>
  %eight = arith.constant dense<8> : vector<32xi16>
  %bits = arith.constant dense<[1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4, 4, 8, 8, 8, 8, 8, 8, 8, 8,
    16, 16, 16, 16, 16, 16, 16, 16, 32, 32, 32, 32, 32, 32, 32, 32, 64, 64, 64, 64, 64, 64, 64, 64, -128, -128, -128, -128, -128, -128, -128, -128]> : vector<64xi8>
  %t = llvm.load %table : !llvm.ptr -> vector<16xi8>
  %word = llvm.load %signs : !llvm.ptr -> i64
  %words = vector.broadcast %word : i64 to vector<8xi64>
  %bytes = vector.bitcast %words : vector<8xi64> to vector<64xi8>
  %own = arith.andi %bytes, %bits : vector<64xi8>
  %negative = arith.cmpi eq, %own, %zero : vector<64xi8>
  %found = lut.lookup %t[%nibbles] : vector<16xi8>, vector<64xi8>
  %negated = arith.subi %zero, %found : vector<64xi8>
  %value = arith.select %negative, %negated, %found : vector<64xi1>, vector<64xi8>
  %pairs = vector.bitcast %value : vector<64xi8> to vector<32xi16>
  %a = arith.addi %all, %pairs : vector<32xi16>
  %upper = arith.shrui %pairs, %eight : vector<32xi16>
  %o = arith.addi %odd, %upper : vector<32xi16>
  return %a, %o : vector<32xi16>, vector<32xi16>
}
