//===- SymmetrizeTables.cpp - half of each lookup table -------------------===//
//
// lowbit-symmetrize-tables: see Passes.td.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "dialects/lowbit/Transforms/Passes.h"
#include "dialects/lowbit/Transforms/Remarks.h"


#define DEBUG_TYPE "lowbit-symmetrize-tables"

namespace lutra::lowbit {
#define GEN_PASS_DEF_SYMMETRIZETABLES
#include "dialects/lowbit/Transforms/Passes.h.inc"
} // namespace lutra::lowbit

using namespace mlir;
using namespace lutra::lowbit;

namespace {
struct SymmetrizeTables : lutra::lowbit::impl::SymmetrizeTablesBase<SymmetrizeTables> {
  using SymmetrizeTablesBase::SymmetrizeTablesBase;

  void runOnOperation() override {
    getOperation()->walk([](PrecomputeOp op) {
      TableType type = op.getType();
      // Tables of three are halves as they are.
      if (type.getSymmetric() || type.getWidth() != kTableWidth)
        return;
      if (!isOnlyLookedUp(op, DEBUG_TYPE))
        return;
      op.getTable().setType(type.withSymmetric(true));
      remark::passed(op.getLoc(), remarkOf(DEBUG_TYPE, op.getLoc()))
          << remark::reason("every use is a lookup of -1 and +1 planes: 8 of 16 entries are computed");
    });
  }
};
} // namespace
