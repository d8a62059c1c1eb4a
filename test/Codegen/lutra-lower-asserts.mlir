// RUN: lutra-opt %s --lutra-lower-asserts --canonicalize | FileCheck %s

// The first check that fails is kept; equal messages are one entry of the list.

// CHECK: module attributes {lutra.checks = ["index out of range", "shapes differ"]}
// CHECK: memref.global @lutra_status : memref<2xi32> = dense<0>
// CHECK-LABEL: func.func @kernel(
// CHECK-SAME: %[[A:.*]]: i1, %[[B:.*]]: i1
// CHECK-DAG: %[[ONE:.*]] = arith.constant 1 : i32
// CHECK-DAG: %[[TWO:.*]] = arith.constant 2 : i32
// CHECK-DAG: %[[NONE:.*]] = arith.constant 0 : i32
// CHECK: scf.if
// CHECK: %[[STATUS:.*]] = memref.get_global @lutra_status
// CHECK: %[[OLD:.*]] = memref.load %[[STATUS]]
// CHECK: %[[FIRST:.*]] = arith.cmpi eq, %[[OLD]], %[[NONE]]
// CHECK: %[[NEW:.*]] = arith.select %[[FIRST]], %[[ONE]], %[[OLD]]
// CHECK: memref.store %[[NEW]], %[[STATUS]]
// CHECK: scf.if
// CHECK: arith.select %{{.*}}, %[[TWO]]
// CHECK: scf.if
// CHECK: arith.select %{{.*}}, %[[ONE]]
// CHECK-NOT: cf.assert
func.func @kernel(%a: i1, %b: i1) {
  cf.assert %a, "index out of range"
  cf.assert %b, "shapes differ"
  cf.assert %b, "index out of range"
  return
}

// When a check at the head fails, nothing behind the head runs; a check behind it is reported and passed.

// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[A:.*]]: i1, %[[B:.*]]: i1
// CHECK-COUNT-2: scf.if
// CHECK: %[[BOTH:.*]] = arith.andi %[[A]], %[[B]]
// CHECK: cf.cond_br %[[BOTH]], ^[[REST:.*]], ^[[EXIT:.*]]
// CHECK: ^[[REST]]:
// CHECK-NEXT: memref.store
// CHECK: scf.if
// CHECK: ^[[EXIT]]:
// CHECK-NEXT: return
func.func @main(%a: i1, %b: i1, %m: memref<i1>) {
  cf.assert %a, "index out of range"
  cf.assert %b, "shapes differ"
  memref.store %a, %m[] : memref<i1>
  cf.assert %b, "shapes differ"
  return
}
