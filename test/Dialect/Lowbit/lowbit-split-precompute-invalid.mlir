// RUN: not lutra-opt %s --lowbit-split-precompute=table=f64 2>&1 | FileCheck %s --check-prefix=NAME
// NAME: Cannot find option named 'f64'
// RUN: not lutra-opt %s --lowbit-split-precompute="table=f16 scale=row" 2>&1 | FileCheck %s --check-prefix=SCALE
// SCALE: error: lowbit-split-precompute: scale is for quantized tables; take table=i8 or i16
