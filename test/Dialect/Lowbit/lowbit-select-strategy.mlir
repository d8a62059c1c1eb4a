// RUN: lutra-opt %s --lowbit-select-strategy | FileCheck %s
// RUN: lutra-opt %s --lowbit-select-strategy='rates=bandwidth:20,lookup-rate:100,table-rate:10,fma-rate:50,number-rate:10' | FileCheck %s --check-prefix=FACTS
// RUN: lutra-opt %s --lowbit-select-strategy='rates=bandwidth:20,lookup-rate:100,table-rate:10,fma-rate:50,number-rate:10 rows=512' | FileCheck %s --check-prefix=PREFILL
// RUN: lutra-opt %s --lowbit-select-strategy='rates=bandwidth:20,lookup-rate:100,table-rate:10,fma-rate:50,number-rate:10' -Rpass=lowbit-select -Rpass-missed=lowbit-select -Rpass-analysis=lowbit-select -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lutra-opt %s --lowbit-select-strategy='rates=bandwidth:20,lookup-rate:100,table-rate:10,fma-rate:50,number-rate:10,int8-rate:400,unpack-rate:100,code-rate:10 rows=512' -Rpass-analysis=lowbit-select 2>&1 | FileCheck %s --check-prefix=INT8
// RUN: lutra-opt %s --lowbit-select-strategy=prefer-int8 -Rpass=lowbit-select 2>&1 | FileCheck %s --check-prefix=PREFER

!planes = !lowbit.weight<1536x576, #lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>>

// One activation row is bound by the bytes of the weights. Packed: 1536 * 18 groups * (4 planes * 4 bytes + 4 of alpha) = 552960 bytes, 27.6 us;
// tables: 144 * 8 / 10 = 0.1 us. Dense: 1536 * 576 (1 / 50 + 1 / 10) = 106.2 us. With 512 rows: 512 * 1536 * 144 * 4 / 100 = 4.5 ms of lookups
// against 512 * 1536 * 576 / 50 = 9.1 ms.
// REMARK: [Analysis] lowbit-select-strategy {{.*}} Remark="predicted: lut 27.8 us, dense 106.2 us", dense-ns=106168, lut-ns=27763
// REMARK: [Passed] lowbit-select-strategy {{.*}} Reason="lut: predicted to be the fastest"
// CHECK-LABEL: func @decode
// CHECK: lowbit.matmul {{.*}} {strategy = #lowbit.strategy<lut>}
// FACTS-LABEL: func @decode
// FACTS: {strategy = #lowbit.strategy<lut>}
// PREFILL-LABEL: func @decode
// PREFILL: {strategy = #lowbit.strategy<lut>}
// With a rate for bytes: 512 * 1536 * 576 / 400 = 1132.5 us, 4 * 1536 * 576 / 100 = 35.4 us to unpack, 512 * 576 / 10 = 29.5 us to quantize.
// INT8: Remark="predicted: lut {{.*}} us, dense {{.*}} us, int8 1197.3 us"
// INT8-LABEL: func @decode
// INT8: {strategy = #lowbit.strategy<int8>}
// PREFER: Reason="int8: integer activations are asked for"
// PREFER-LABEL: func @decode
// PREFER: {strategy = #lowbit.strategy<int8>}
func.func @decode(%a: tensor<?x576xf32>, %w: !planes) -> tensor<?x1536xf32> {
  %y = lowbit.matmul %a, %w : tensor<?x576xf32>, !planes -> tensor<?x1536xf32>
  return %y : tensor<?x1536xf32>
}

// Eight planes take twice the lookups: with many rows, multiplying is faster. A dynamic M counts as `rows`.
// CHECK-LABEL: func @eight_planes
// CHECK: {strategy = #lowbit.strategy<lut>}
// FACTS-LABEL: func @eight_planes
// FACTS: {strategy = #lowbit.strategy<lut>}
// PREFILL-LABEL: func @eight_planes
// PREFILL: {strategy = #lowbit.strategy<dense>}
// An alpha for each plane: no integer codes.
// INT8-LABEL: func @eight_planes
// INT8: {strategy = #lowbit.strategy<dense>}
func.func @eight_planes(%a: tensor<?x576xf32>, %w: !lowbit.weight<1536x576, #lowbit.bcq<planes = 8, group = 64>>) -> tensor<?x1536xf32> {
  %y = lowbit.matmul %a, %w : tensor<?x576xf32>, !lowbit.weight<1536x576, #lowbit.bcq<planes = 8, group = 64>> -> tensor<?x1536xf32>
  return %y : tensor<?x1536xf32>
}

// What cannot be looked up is dense, facts or not.
// REMARK: Reason="dense: the weight has no bit planes to look up, its format is #lowbit.uniform<bits = 4, group = 32>"
// PREFER-LABEL: func @no_planes
// PREFER: {strategy = #lowbit.strategy<dense>}
// CHECK-LABEL: func @no_planes
// CHECK: {strategy = #lowbit.strategy<dense>}
func.func @no_planes(%a: tensor<?x64xf32>, %w: !lowbit.weight<8x64, #lowbit.uniform<bits = 4, group = 32>>) -> tensor<?x8xf32> {
  %y = lowbit.matmul %a, %w : tensor<?x64xf32>, !lowbit.weight<8x64, #lowbit.uniform<bits = 4, group = 32>> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// A strategy that is there stays.
// REMARK: [Missed] {{.*}} Reason="the product already states dense"
// CHECK-LABEL: func @given
// CHECK: {strategy = #lowbit.strategy<dense>}
func.func @given(%a: tensor<?x576xf32>, %w: !planes) -> tensor<?x1536xf32> {
  %y = lowbit.matmul %a, %w {strategy = #lowbit.strategy<dense>} : tensor<?x576xf32>, !planes -> tensor<?x1536xf32>
  return %y : tensor<?x1536xf32>
}
