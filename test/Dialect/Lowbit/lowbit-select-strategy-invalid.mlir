// RUN: not lutra-opt %s --lowbit-select-strategy=bandwidth=20 2>&1 | FileCheck %s
// RUN: not lutra-opt %s --lowbit-select-strategy=rows=0 2>&1 | FileCheck %s --check-prefix=ROWS
// RUN: not lutra-opt %s --lowbit-select-strategy=int8-rate=400 2>&1 | FileCheck %s --check-prefix=INT8
// RUN: not lutra-opt %s --lowbit-select-strategy=unpack-rate=7 2>&1 | FileCheck %s --check-prefix=UNPACK
// RUN: not lutra-opt %s --lowbit-select-strategy='bandwidth=20 lookup-rate=100 table-rate=10 fma-rate=50 by-rows' 2>&1 | FileCheck %s --check-prefix=ROWS8

// UNPACK: error: lowbit-select-strategy: unpack-rate is a rate like the others and comes with them, but is 7.000000e+00
// ROWS8: error: lowbit-select-strategy: by-rows chooses between lut and int8, and needs int8-rate, but no prefer-int8 or prefer-dense
// RUN: not lutra-opt %s --lowbit-select-strategy='prefer-int8 prefer-dense' 2>&1 | FileCheck %s --check-prefix=BOTH
// BOTH: error: lowbit-select-strategy: prefer-int8 and prefer-dense exclude each other
// INT8: error: lowbit-select-strategy: int8-rate is a rate like the others and comes with them, but is 4.000000e+02
// CHECK: error: lowbit-select-strategy: bandwidth, lookup-rate, table-rate and fma-rate must all be positive, or none be given, but are 2.000000e+01, 0.000000e+00, 0.000000e+00 and 0.000000e+00
// ROWS: error: lowbit-select-strategy: rows must be positive, but is 0
