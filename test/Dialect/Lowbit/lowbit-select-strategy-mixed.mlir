// Lookups that take longer where the weight lies for products of codes as well: they alone are better than a choice by rows then.
// RUN: lutra-opt %s --lowbit-select-strategy='rates=bandwidth:1e3,lookup-rate:100,table-rate:1e9,fma-rate:1,few-rate:60,int8-rate:160 by-rows' | FileCheck %s --check-prefix=ROWS
// RUN: lutra-opt %s --lowbit-select-strategy='rates=bandwidth:1e3,lookup-rate:100,table-rate:1e9,fma-rate:1,lookup-mixed-rate:50,few-rate:60,int8-rate:160 by-rows' | FileCheck %s

!Three = !lowbit.weight<256x128, #lowbit.bipolar<planes = 3, group = 32, zeta = -1.0 : f32>>
!Four = !lowbit.weight<256x128, #lowbit.bipolar<planes = 4, group = 32, zeta = -1.0 : f32>>

// ROWS-LABEL: func @three
// ROWS: scf.if
// CHECK-LABEL: func @three
// CHECK-NOT: scf.if
// CHECK: {strategy = #lowbit.strategy<lut>}
func.func @three(%x: tensor<?x128xf32>, %w: !Three) -> tensor<?x256xf32> {
  %y = lowbit.matmul %x, %w : tensor<?x128xf32>, !Three -> tensor<?x256xf32>
  return %y : tensor<?x256xf32>
}

// Four planes lie in one way.
// ROWS-LABEL: func @four
// ROWS: scf.if
// CHECK-LABEL: func @four
// CHECK: scf.if
func.func @four(%x: tensor<?x128xf32>, %w: !Four) -> tensor<?x256xf32> {
  %y = lowbit.matmul %x, %w : tensor<?x128xf32>, !Four -> tensor<?x256xf32>
  return %y : tensor<?x256xf32>
}
