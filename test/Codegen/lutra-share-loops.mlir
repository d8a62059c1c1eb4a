// RUN: lutra-opt %s --lutra-share-loops --canonicalize --split-input-file | FileCheck %s
// RUN: lutra-opt %s --lutra-share-loops --convert-scf-to-openmp --canonicalize --split-input-file | FileCheck %s --check-prefix=ALL

// A thread of n takes count / n iterations, and one more when its number is below count mod n. Iterations are a function of the first and the one behind the last:
// one thread, or one iteration, runs them without a region.
// CHECK-DAG: func.func private @omp_get_thread_num() -> i32
// CHECK-DAG: func.func private @omp_get_num_threads() -> i32
// CHECK-DAG: func.func private @omp_get_max_threads() -> i32
// CHECK-LABEL: func.func @fill(
// CHECK-SAME: %[[N:.*]]: index, %[[X:.*]]: memref<?xf32>, %[[VALUE:.*]]: f32
// CHECK: %[[COUNT:.*]] = arith.maxsi %[[N]], %c0 : index
// CHECK: %[[MOST:.*]] = call @omp_get_max_threads()
// CHECK: %[[MAX:.*]] = arith.index_cast %[[MOST]] : i32 to index
// CHECK: %[[ALONE:.*]] = arith.cmpi eq, %[[MAX]], %c1
// CHECK: %[[SINGLE:.*]] = arith.cmpi sle, %[[COUNT]], %c1
// CHECK: %[[EITHER:.*]] = arith.ori %[[ALONE]], %[[SINGLE]]
// CHECK: scf.if %[[EITHER]] {
// CHECK:   func.call @fill_part(%c0, %[[COUNT]], {{.*}}%[[X]]
// CHECK: } else {
// CHECK: omp.parallel {
// CHECK:   %[[NUMBER:.*]] = {{(func\.)?}}call @omp_get_thread_num()
// CHECK:   %[[T:.*]] = arith.index_cast %[[NUMBER]] : i32 to index
// CHECK:   %[[THREADS:.*]] = {{(func\.)?}}call @omp_get_num_threads()
// CHECK:   %[[OF:.*]] = arith.index_cast %[[THREADS]] : i32 to index
// CHECK:   %[[SHARE:.*]] = arith.divui %[[COUNT]], %[[OF]]
// CHECK:   %[[REST:.*]] = arith.remui %[[COUNT]], %[[OF]]
// CHECK:   %[[BEFORE:.*]] = arith.muli %[[T]], %[[SHARE]]
// CHECK:   %[[LONGER:.*]] = arith.minui %[[T]], %[[REST]]
// CHECK:   %[[FIRST:.*]] = arith.addi %[[BEFORE]], %[[LONGER]]
// CHECK:   %[[LAST:.*]] = arith.addi
// CHECK:   func.call @fill_part(%[[FIRST]], %[[LAST:.*]], {{.*}}%[[X]]
// CHECK:   omp.terminator
// CHECK: func.func private @fill_part(%[[FROM:[a-z0-9]+]]: index, %[[TO:[a-z0-9]+]]: index
// CHECK:   scf.for %[[I:.*]] = %[[FROM]] to %[[TO]] step %c1 {
// CHECK:     memref.store %{{.*}}, %{{.*}}[%[[I]]]
func.func @fill(%n: index, %x: memref<?xf32>, %value: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    memref.store %value, %x[%i] : memref<?xf32>
  }
  return
}

// -----

// Two dimensions are one range, the last runs fastest: 3 times 5 iterations, (2, 4, 6) by (0, 8, ..., 32). What an iteration takes of
// the stack, the thread takes once.
// CHECK-LABEL: func.func @nest(
// CHECK: omp.parallel {
// CHECK:   arith.divui %c15
// CHECK:   %[[OWN:.*]] = memref.alloca()
// CHECK:   scf.for %[[I:.*]] = %{{.*}} to %{{.*}} step %c1 {
// CHECK:     %[[COLUMN:.*]] = arith.remui %[[I]], %c5
// CHECK:     %[[ROW:.*]] = arith.divui %[[I]], %c5
// CHECK:     %[[Y:.*]] = arith.muli %[[COLUMN]], %c8
// CHECK:     %[[X:.*]] = arith.muli %[[ROW]], %c2
// CHECK:     %[[X2:.*]] = arith.addi %[[X]], %c2
// CHECK-NOT: memref.alloca
// CHECK:     memref.store %[[X2]], %[[OWN]]
// CHECK:     func.call @use(%[[OWN]], %[[Y]])
// A loop in an iteration is of one thread.
// ALL-LABEL: func.func @nest(
// ALL-COUNT-1: omp.parallel
// ALL-NOT: omp.parallel
// ALL: return
func.func private @use(memref<1xindex>, index)
func.func @nest() {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c7 = arith.constant 7 : index
  %c8 = arith.constant 8 : index
  %c33 = arith.constant 33 : index
  scf.parallel (%i, %j) = (%c2, %c0) to (%c7, %c33) step (%c2, %c8) {
    %own = memref.alloca() : memref<1xindex>
    memref.store %i, %own[%c0] : memref<1xindex>
    func.call @use(%own, %j) : (memref<1xindex>, index) -> ()
  }
  return
}

// -----

// Reductions are left to upstream's conversion; a module without other loops declares nothing.
// CHECK-NOT: omp_get_thread_num
// CHECK-LABEL: func.func @sum(
// CHECK: scf.parallel
// CHECK: scf.reduce
func.func @sum(%n: index, %x: memref<?xf32>) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %total = scf.parallel (%i) = (%c0) to (%n) step (%c1) init (%zero) -> f32 {
    %v = memref.load %x[%i] : memref<?xf32>
    scf.reduce(%v : f32) {
    ^bb0(%a: f32, %b: f32):
      %s = arith.addf %a, %b : f32
      scf.reduce.return %s : f32
    }
  }
  return %total : f32
}

// -----

// A loop of calls is there twice: one thread, or one iteration, runs it without a region.
// CHECK-DAG: func.func private @omp_get_max_threads() -> i32
// CHECK-LABEL: func.func @calls(
// CHECK-SAME: %[[N:.*]]: index
// CHECK: %[[COUNT:.*]] = arith.maxsi %[[N]], %c0 : index
// CHECK: %[[MOST:.*]] = call @omp_get_max_threads()
// CHECK: %[[THREADS:.*]] = arith.index_cast %[[MOST]] : i32 to index
// CHECK: %[[ALONE:.*]] = arith.cmpi eq, %[[THREADS]], %c1
// CHECK: %[[SINGLE:.*]] = arith.cmpi sle, %[[COUNT]], %c1
// CHECK: %[[EITHER:.*]] = arith.ori %[[ALONE]], %[[SINGLE]]
// CHECK: scf.if %[[EITHER]] {
// CHECK:   scf.for %[[I:.*]] = %c0 to %[[COUNT]] step %c1 {
// CHECK:     func.call @use(%[[I]])
// CHECK: } else {
// CHECK:   omp.parallel {
// CHECK:     func.call @use(
func.func private @use(index)
func.func @calls(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    func.call @use(%i) : (index) -> ()
  }
  return
}

// -----

// An iteration that loops is not: it is there once, as a function.
// CHECK-LABEL: func.func @loops(
// CHECK: scf.if
// CHECK:   func.call @loops_part(
// CHECK: omp.parallel
// CHECK:   func.call @loops_part(
// CHECK: func.func private @loops_part(
// CHECK: scf.for
// CHECK:   scf.for
// CHECK:     func.call @use(
func.func private @use(index)
func.func @loops(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    scf.for %j = %c0 to %n step %c1 {
      func.call @use(%j) : (index) -> ()
    }
  }
  return
}

// -----

// Calls that do a range of work are one for each thread: from the begin of its first iteration's range to the end of its last one's. The end's bound is
// kept. Other operands are as they were.
// CHECK-LABEL: func.func @ranges(
// CHECK-SAME: %[[N:.*]]: index, %[[X:.*]]: index
// CHECK: scf.if
// CHECK-NOT: scf.for
// CHECK:   call @do(%{{.*}}, %[[X]])
// CHECK-NOT: scf.for
// CHECK: } else {
// CHECK:   omp.parallel {
// CHECK:     %[[LONGER:.*]] = arith.minui
// CHECK:     %[[FIRST:.*]] = arith.addi %{{.*}}, %[[LONGER]]
// CHECK:     arith.addi %[[FIRST]]
// CHECK:     %[[LAST:.*]] = arith.addi
// CHECK-NOT: scf.for
// CHECK:     %[[BEGIN:.*]] = arith.muli %[[FIRST]], %c8
// CHECK:     %[[BEFORE:.*]] = arith.subi %[[LAST]], %c1
// CHECK:     %[[PLACE:.*]] = arith.muli %[[BEFORE]], %c8
// CHECK:     %[[NEXT:.*]] = arith.addi %[[PLACE]], %c8
// CHECK:     %[[END:.*]] = arith.minui %[[NEXT]], %[[N]]
// CHECK:     func.call @do(%[[BEGIN]], %[[END]], %[[X]])
// CHECK:     omp.terminator
func.func private @do(index, index, index)
func.func @ranges(%n: index, %x: index) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c8) {
    %next = arith.addi %i, %c8 : index
    %end = arith.minui %next, %n : index
    func.call @do(%i, %end, %x) {lutra.range = 0 : i64} : (index, index, index) -> ()
  }
  return
}

// -----

// Of two dimensions the inner one is merged: a call for each value of the outer one that the thread's part touches.
// CHECK-LABEL: func.func @outer(
// CHECK: omp.parallel {
// CHECK:   %[[FROM:.*]] = arith.divui %[[FIRST:.*]], %c5
// CHECK:   %[[TO:.*]] = arith.ceildivui %[[LAST:.*]], %c5
// CHECK:   scf.for %[[I:.*]] = %[[FROM]] to %[[TO]] step %c1 {
// CHECK:     %[[BEGIN:.*]] = arith.muli %[[I]], %c5
// CHECK:     %[[END:.*]] = arith.addi %[[BEGIN]], %c5
// CHECK:     arith.maxui %[[BEGIN]], %[[FIRST]]
// CHECK:     arith.minui %[[END]], %[[LAST]]
// CHECK-COUNT-1: func.call @do(
// CHECK-NOT: func.call @do(
func.func private @do(index, index, index)
func.func @outer(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c5 = arith.constant 5 : index
  scf.parallel (%i, %j) = (%c0, %c0) to (%n, %c5) step (%c1, %c1) {
    %next = arith.addi %j, %c1 : index
    func.call @do(%j, %next, %i) {lutra.range = 0 : i64} : (index, index, index) -> ()
  }
  return
}

// -----

// Loops of such calls that may run at the same time are one range in one region: 9 iterations, then 3. One thread runs them one after the other.
// CHECK-LABEL: func.func @together(
// CHECK: scf.if
// CHECK-NEXT: func.call @do(%c0, %c9, %c0)
// CHECK-NEXT: func.call @do(%c0, %c3, %c1)
// CHECK-NEXT: } else {
// CHECK: omp.parallel {
// CHECK:   arith.divui %c12
// CHECK:   %[[FIRST:.*]] = arith.addi
// CHECK:   %[[TO:.*]] = arith.minui %[[LAST:.*]], %c9
// CHECK:   %[[HAS:.*]] = arith.cmpi ult, %[[FIRST]], %[[TO]]
// CHECK:   scf.if %[[HAS]] {
// CHECK:     func.call @do({{.*}}, %c0)
// CHECK:   %[[FROM2:.*]] = arith.maxui %[[FIRST]], %c9
// CHECK:   %[[TO2:.*]] = arith.minui %[[LAST]], %c12
// CHECK:   %[[HAS2:.*]] = arith.cmpi ult, %[[FROM2]], %[[TO2]]
// CHECK:   scf.if %[[HAS2]] {
// CHECK:     arith.subi %[[FROM2]], %c9
// CHECK:     arith.addi %[[TO2]], %c-9
// CHECK:     func.call @do({{.*}}, %c1)
// CHECK-NOT: omp.parallel
// CHECK: return
func.func private @do(index, index, index)
func.func @together() {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c9 = arith.constant 9 : index
  scf.parallel (%i) = (%c0) to (%c9) step (%c1) {
    %next = arith.addi %i, %c1 : index
    func.call @do(%i, %next, %c0) {lutra.range = 0 : i64, lutra.with_next} : (index, index, index) -> ()
  }
  scf.parallel (%i) = (%c0) to (%c3) step (%c1) {
    %next = arith.addi %i, %c1 : index
    func.call @do(%i, %next, %c1) {lutra.range = 0 : i64} : (index, index, index) -> ()
  }
  return
}

// -----

// Not where something happens between them.
// CHECK-LABEL: func.func @between(
// CHECK: omp.parallel
// CHECK: memref.store
// CHECK: omp.parallel
func.func private @do(index, index)
func.func @between(%x: memref<index>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  scf.parallel (%i) = (%c0) to (%c9) step (%c1) {
    %next = arith.addi %i, %c1 : index
    func.call @do(%i, %next) {lutra.range = 0 : i64, lutra.with_next} : (index, index) -> ()
  }
  memref.store %c0, %x[] : memref<index>
  scf.parallel (%i) = (%c0) to (%c9) step (%c1) {
    %next = arith.addi %i, %c1 : index
    func.call @do(%i, %next) {lutra.range = 0 : i64} : (index, index) -> ()
  }
  return
}

// -----

// An iteration that does something else, too, stays an iteration.
// CHECK-LABEL: func.func @beside(
// CHECK: scf.for %[[I:.*]] =
// CHECK:   memref.store %[[I]]
// CHECK:   func.call @do(%[[I]]
func.func private @do(index, index)
func.func @beside(%n: index, %x: memref<?xindex>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    memref.store %i, %x[%i] : memref<?xindex>
    %next = arith.addi %i, %c1 : index
    func.call @do(%i, %next) {lutra.range = 0 : i64} : (index, index) -> ()
  }
  return
}
