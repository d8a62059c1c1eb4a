// RUN: not lutra-opt %s --lowbit-tile-elongated=rows=0 2>&1 | FileCheck %s

// CHECK: lowbit-tile-elongated: rows, accumulators, l1-bytes and l2-bytes must be positive, but are 0, 8, 32768 and 1048576
