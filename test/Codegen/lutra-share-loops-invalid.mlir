// RUN: lutra-opt %s --lutra-share-loops --split-input-file --verify-diagnostics

// expected-error @below {{'omp_get_thread_num' is a function of the OpenMP library, declared as '() -> i32'; rename this symbol}}
func.func private @omp_get_thread_num() -> i64
func.func @fill(%n: index, %x: memref<?xf32>, %value: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    memref.store %value, %x[%i] : memref<?xf32>
  }
  return
}

// -----

// expected-error @below {{'omp_get_num_threads' is a function of the OpenMP library}}
memref.global @omp_get_num_threads : memref<1xi32>
func.func @fill(%n: index, %x: memref<?xf32>, %value: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    memref.store %value, %x[%i] : memref<?xf32>
  }
  return
}

// -----

// expected-error @below {{'omp_get_max_threads' is a function of the OpenMP library, declared as '() -> i32'; rename this symbol}}
func.func private @omp_get_max_threads(i32)
func.func private @use(index)
func.func @calls(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    func.call @use(%i) : (index) -> ()
  }
  return
}
