// RUN: not lutra-opt %s --lowbit-select-strategy=rates=bandwidth:20 2>&1 | FileCheck %s
// RUN: not lutra-opt %s --lowbit-select-strategy=rows=0 2>&1 | FileCheck %s --check-prefix=ROWS
// RUN: not lutra-opt %s --lowbit-select-strategy=rates=int8-rate:400 2>&1 | FileCheck %s --check-prefix=ALONE
// RUN: not lutra-opt %s --lowbit-select-strategy=rates=lookup-rates:7 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not lutra-opt %s --lowbit-select-strategy=rates=unpack-rate:-7 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not lutra-opt %s --lowbit-select-strategy=rates=unpack-rate 2>&1 | FileCheck %s --check-prefix=NUMBER
// RUN: not lutra-opt %s --lowbit-select-strategy='rates=bandwidth:20,lookup-rate:100,table-rate:10,fma-rate:50 by-rows' 2>&1 | FileCheck %s --check-prefix=ROWS8
// RUN: not lutra-opt %s --lowbit-select-strategy='prefer-int8 prefer-dense' 2>&1 | FileCheck %s --check-prefix=BOTH

// CHECK: error: lowbit-select-strategy: rates: lookup-rate must be a positive number, but is not given
// ROWS: error: lowbit-select-strategy: rows must be positive, but is 0
// ALONE: error: lowbit-select-strategy: rates: bandwidth must be a positive number, but is not given
// NAME: error: lowbit-select-strategy: rates: expected NAME:VALUE with a name of bandwidth, panel-rows, triple-panel-rows, lookup-rate, {{.*}}, dense-call-rate, but found 'lookup-rates:7'
// NEGATIVE: error: lowbit-select-strategy: rates: unpack-rate must be a positive number, but is '-7'
// NUMBER: error: lowbit-select-strategy: rates: unpack-rate must be a positive number, but is ''
// ROWS8: error: lowbit-select-strategy: by-rows chooses between lut and int8, and needs int8-rate, but no prefer-int8 or prefer-dense
// BOTH: error: lowbit-select-strategy: prefer-int8 and prefer-dense exclude each other
