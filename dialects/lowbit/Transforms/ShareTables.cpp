//===- ShareTables.cpp - one precompute for equal tables ------------------===//
//
// lowbit-share-tables: see Passes.td. Per activation value, the precomputes of the same table in textual order; each is merged into
// an earlier one that dominates it, or takes over earlier ones that lie in regions of its own block.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Lowbit.h"
#include "dialects/lowbit/Transforms/Passes.h"
#include "dialects/lowbit/Transforms/Remarks.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Dominance.h"
#include "llvm/ADT/MapVector.h"

#define DEBUG_TYPE "lowbit-share-tables"

namespace lutra::lowbit {
#define GEN_PASS_DEF_SHARETABLES
#include "dialects/lowbit/Transforms/Passes.h.inc"
} // namespace lutra::lowbit

using namespace mlir;
using namespace lutra::lowbit;

namespace {
/// A precompute that stays, and the locations of those that were merged into it, its own first.
struct Leader {
  PrecomputeOp op;
  SmallVector<Location> locations;
};

struct ShareTables : lutra::lowbit::impl::ShareTablesBase<ShareTables> {
  using ShareTablesBase::ShareTablesBase;

  void runOnOperation() override {
    llvm::MapVector<Value, SmallVector<PrecomputeOp>> byActivations;
    getOperation()->walk([&](PrecomputeOp op) { byActivations[op.getActivations()].push_back(op); });
    auto &dominance = getAnalysis<DominanceInfo>();
    for (auto &[activations, precomputes] : byActivations) {
      SmallVector<Leader> leaders;
      for (PrecomputeOp op : precomputes)
        merge(op, leaders, dominance);
      for (Leader &leader : leaders)
        report(leader, leaders);
    }
  }

private:
  static bool isEqual(PrecomputeOp a, PrecomputeOp b) {
    return OperationEquivalence::isEquivalentTo(a, b, OperationEquivalence::exactValueMatch, /*markEquivalent=*/nullptr,
                                                OperationEquivalence::IgnoreLocations);
  }

  static void replace(Leader &leader, PrecomputeOp other) {
    other->replaceAllUsesWith(leader.op);
    other.erase();
  }

  static void merge(PrecomputeOp op, SmallVector<Leader> &leaders, DominanceInfo &dominance) {
    for (Leader &leader : leaders)
      if (isEqual(leader.op, op) && dominance.properlyDominates(leader.op.getOperation(), op.getOperation())) {
        leader.locations.push_back(op.getLoc());
        return replace(leader, op);
      }
    // None dominates it. Where its block holds the region of an earlier one, it is computed whenever that block is: it
    // may as well be computed first. What it reads is known there, since the earlier one reads the same.
    Leader taken{op, {op.getLoc()}};
    for (Leader *leader = leaders.begin(); leader != leaders.end();) {
      Operation *around = isEqual(leader->op, op) ? op->getBlock()->findAncestorOpInBlock(*leader->op) : nullptr;
      if (!around) {
        ++leader;
        continue;
      }
      if (around->isBeforeInBlock(op))
        op->moveBefore(around);
      llvm::append_range(taken.locations, leader->locations);
      replace(taken, leader->op);
      leader = leaders.erase(leader);
    }
    leaders.push_back(std::move(taken));
  }

  static void report(Leader &leader, MutableArrayRef<Leader> leaders) {
    if (leader.locations.size() > 1) {
      leader.op->setLoc(FusedLoc::get(leader.op.getContext(), leader.locations));
      remark::passed(leader.op.getLoc(), remarkOf(DEBUG_TYPE, leader.op.getLoc()))
          << remark::reason("{0} equal tables are computed once", leader.locations.size())
          << remark::metric("tables", leader.locations.size());
    }
    for (Leader &other : leaders) {
      if (&other == &leader)
        return;
      if (isEqual(other.op, leader.op))
        remark::missed(leader.op.getLoc(), remarkOf(DEBUG_TYPE, leader.op.getLoc()))
            << remark::reason("an equal table is computed in another branch, and neither is computed before the other");
      else
        remark::missed(leader.op.getLoc(), remarkOf(DEBUG_TYPE, leader.op.getLoc()))
            << remark::reason("the same activations have another table too: {0}, not {1}", text(other.op.getType()),
                              text(leader.op.getType()));
    }
  }

  static std::string text(Type type) {
    std::string result;
    llvm::raw_string_ostream(result) << type;
    return result;
  }
};
} // namespace
