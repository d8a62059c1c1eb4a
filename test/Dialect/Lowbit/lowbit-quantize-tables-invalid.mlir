// RUN: not lutra-opt %s --lowbit-quantize-tables=element=i4 2>&1 | FileCheck %s --check-prefix=NAME
// NAME: Cannot find option named 'i4'
// RUN: not lutra-opt %s --lowbit-quantize-tables="element=f32 scale=table" 2>&1 | FileCheck %s --check-prefix=SCALE
// SCALE: error: lowbit-quantize-tables: scale is for quantized tables, but the entries are floats; take element=i8 or i16
