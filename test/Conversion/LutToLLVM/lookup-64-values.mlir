// Tables of 64 bytes by value, where no instruction looks them up: four parts, chosen by bits 4 and 5 of an index.
//
// DEFINE: %{features} =
// DEFINE: %{run} = lutra-opt %s --convert-lut-to-llvm=features=%{features} --convert-vector-to-scf --convert-scf-to-cf \
// DEFINE:   --convert-vector-to-llvm --convert-arith-to-llvm --convert-index-to-llvm --convert-cf-to-llvm \
// DEFINE:   --convert-func-to-llvm --reconcile-unrealized-casts | mlir-runner -e main --entry-point-result=void \
// DEFINE:   --shared-libs=%llvm_libs/libmlir_c_runner_utils.so | FileCheck %s
//
// RUN: %{run}
// REDEFINE: %{features} = avx2
// RUN: %if avx2 %{ %{run} %}
// REDEFINE: %{features} = avx512bw
// RUN: %if avx512bw %{ %{run} %}

func.func @main() {
  %t = arith.constant dense<[-117, -80, -43, -6, 31, 68, 105, -114, -77, -40, -3, 34, 71, 108, -111, -74, -37, 0, 37, 74, 111, -108, -71, -34, 3, 40, 77, 114, -105, -68, -31, 6, 43, 80, 117, -102, -65, -28, 9, 46, 83, 120, -99, -62, -25, 12, 49, 86, 123, -96, -59, -22, 15, 52, 89, 126, -93, -56, -19, 18, 55, 92, -127, -90]> : vector<64xi8>
  // Indices count modulo 64: 64 is 0, -1 is 63.
  %i = arith.constant dense<[0, 63, 64, -1, 117, -49, -82, -94, -118, 77, 20, -98, -15, 56, 13, -40, -74, 6, -19, -115, 5, 11, -29, -44, 30, 20, 62, -84, 44, 70, -1, -37, -2, 114, 15, -83, 25, -125, 21, 31, -29, 83, 88, 19, 92, 103, -46, -9, 28, 4, -106, -87, -105, 108, 15, 113, 47, -54, -28, -94, 83, -25, 97, 13]> : vector<64xi8>
  %ot, %oi = func.call @opaque(%t, %i) : (vector<64xi8>, vector<64xi8>) -> (vector<64xi8>, vector<64xi8>)
  %v = lut.lookup %ot[%oi] : vector<64xi8>, vector<64xi8>
  // CHECK: ( -117, -90, -117, -90, 52, -74, 49, 117, -3, 108, 111, -31, -96, -93, 108, 3, 89, 105, 12, 108, 68, 34, -102, 111, -31, 111, -127, -25, -25, 105, -90, 114, -127, -59, -74, 12, 40, -6, -108, 6, -102, 74, 3, 74, -105, 46, 37, 126, -105, 31, -71, 120, -34, -25, -74, -96, 86, -3, -65, 117, 74, 46, 80, 108 )
  vector.print %v : vector<64xi8>
  return
}

// Kept apart so that nothing is folded.
func.func private @opaque(%a: vector<64xi8>, %b: vector<64xi8>) -> (vector<64xi8>, vector<64xi8>) attributes {passthrough = ["noinline"]} {
  return %a, %b : vector<64xi8>, vector<64xi8>
}
