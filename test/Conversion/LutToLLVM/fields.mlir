// Fields of words, and tables of 128 entries: an instruction each with AVX-512 VBMI, shifts and halves of the table elsewhere.
//
// RUN: lutra-opt %s --convert-lut-to-llvm=features=avx512bw,avx512vbmi | FileCheck %s
// RUN: lutra-opt %s --convert-lut-to-llvm=features=avx512bw | FileCheck %s --check-prefix=SHIFTS

// CHECK-LABEL: func.func @fields(
// CHECK-SAME: %[[SOURCE:.*]]: vector<64xi8>, %[[PLACES:.*]]: vector<64xi8>
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.pmultishift.qb.512"(%[[PLACES]], %[[SOURCE]])
// SHIFTS-LABEL: func.func @fields(
// SHIFTS-COUNT-8: llvm.intr.fshr
// SHIFTS-NOT: lut.fields
func.func @fields(%source: vector<64xi8>, %places: vector<64xi8>) -> vector<64xi8> {
  %f = lut.fields %source at %places : vector<64xi8>
  return %f : vector<64xi8>
}

// CHECK-LABEL: func.func @lookup(
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"
// SHIFTS-LABEL: func.func @lookup(
// SHIFTS-COUNT-8: llvm.call_intrinsic "llvm.x86.avx512.pshuf.b.512"
// SHIFTS-COUNT-7: llvm.select
func.func @lookup(%table: vector<128xi8>, %indices: vector<64xi8>) -> vector<64xi8> {
  %v = lut.lookup %table[%indices] : vector<128xi8>, vector<64xi8>
  return %v : vector<64xi8>
}
