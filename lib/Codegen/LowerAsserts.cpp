//===- LowerAsserts.cpp - run-time checks become a status -----------------===//
//
// The first check that fails wins: the status is written only while it is zero. Checks inside parallel loops may race for
// being first; each of them is a true report.
//
//===----------------------------------------------------------------------===//
#include "lutra/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
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
