//===- LowerAsserts.cpp - run-time checks become a status -----------------===//
//
// The first check that fails wins: the status is written only while it is zero. Checks inside parallel loops may race for
// being first; each of them is a true report. Checks at the head of @main, before anything is allocated or written, are
// about the inputs' sizes: no loop is entered when one of them fails.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"

namespace lutra {
#define GEN_PASS_DEF_LOWERASSERTS
#include "lib/Codegen/Passes.h.inc"
} // namespace lutra

using namespace mlir;

namespace {
struct LowerAsserts : lutra::impl::LowerAssertsBase<LowerAsserts> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    OpBuilder builder(module.getBodyRegion());
    auto statusType = MemRefType::get({2}, builder.getI32Type());
    if (!module.lookupSymbol(lutra::codegen::kStatusName)) {
      auto zero = DenseElementsAttr::get(RankedTensorType::get({2}, builder.getI32Type()), builder.getI32IntegerAttr(0));
      memref::GlobalOp::create(builder, module.getLoc(), lutra::codegen::kStatusName, StringAttr(), statusType, zero,
                               /*constant=*/false, /*alignment=*/IntegerAttr());
    }

    llvm::MapVector<StringAttr, int32_t> messages;
    if (auto known = module->getAttrOfType<ArrayAttr>(lutra::codegen::kChecksAttr))
      for (StringAttr message : known.getAsRange<StringAttr>())
        messages.insert({message, static_cast<int32_t>(messages.size())});

    endAfterFailedHead(module);
    SmallVector<cf::AssertOp> asserts;
    module.walk([&](cf::AssertOp op) { asserts.push_back(op); });
    for (cf::AssertOp op : asserts) {
      auto [entry, isNew] = messages.insert({op.getMsgAttr(), static_cast<int32_t>(messages.size())});
      lower(op, entry->second + 1, statusType);
    }
    SmallVector<Attribute> texts;
    for (auto &[message, index] : messages)
      texts.push_back(message);
    module->setAttr(lutra::codegen::kChecksAttr, builder.getArrayAttr(texts));
  }

  /// Branches to a return behind the checks at the head of @main when one of them fails.
  static void endAfterFailedHead(ModuleOp module) {
    auto function = module.lookupSymbol<func::FuncOp>("main");
    if (!function || function.isExternal() || !function.getResultTypes().empty())
      return;
    SmallVector<cf::AssertOp> head;
    for (Operation &op : function.front()) {
      if (auto check = dyn_cast<cf::AssertOp>(op))
        head.push_back(check);
      else if (op.hasTrait<OpTrait::IsTerminator>() || !(isMemoryEffectFree(&op) || hasSingleEffect<MemoryEffects::Read>(&op)))
        break;
    }
    if (head.empty())
      return;
    OpBuilder builder(module.getContext());
    builder.setInsertionPointAfter(head.back());
    Location loc = head.back().getLoc();
    Value allHold = head.front().getArg();
    for (cf::AssertOp check : ArrayRef(head).drop_front())
      allHold = arith::AndIOp::create(builder, loc, allHold, check.getArg());
    Block *before = head.back()->getBlock();
    Block *rest = before->splitBlock(builder.getInsertionPoint());
    Block *exit = builder.createBlock(&function.getBody(), function.getBody().end());
    func::ReturnOp::create(builder, loc);
    builder.setInsertionPointToEnd(before);
    cf::CondBranchOp::create(builder, loc, allHold, rest, exit);
  }

  void lower(cf::AssertOp op, int32_t code, MemRefType statusType) {
    OpBuilder builder(op);
    Location loc = op.getLoc();
    Value isTrue = arith::ConstantIntOp::create(builder, loc, 1, 1);
    Value failed = arith::XOrIOp::create(builder, loc, op.getArg(), isTrue);
    auto report = scf::IfOp::create(builder, loc, failed, /*withElseRegion=*/false);
    builder.setInsertionPointToStart(report.thenBlock());
    Value status = memref::GetGlobalOp::create(builder, loc, statusType, lutra::codegen::kStatusName);
    Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
    Value present = memref::LoadOp::create(builder, loc, status, zero);
    Value none = arith::ConstantIntOp::create(builder, loc, 0, 32);
    Value mine = arith::ConstantIntOp::create(builder, loc, code, 32);
    Value isFirst = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, present, none);
    Value first = arith::SelectOp::create(builder, loc, isFirst, mine, present);
    memref::StoreOp::create(builder, loc, first, status, zero);
    op.erase();
  }
};
} // namespace
