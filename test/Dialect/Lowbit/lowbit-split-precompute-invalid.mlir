// RUN: not lutra-opt %s --lowbit-split-precompute=table=f16 2>&1 | FileCheck %s
// CHECK: Cannot find option named 'f16'
