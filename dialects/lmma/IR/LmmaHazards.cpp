//===- LmmaHazards.cpp - copies and who reads them too early --------------===//
//
// One walk over a kernel with the copies that are on their way. A loop's body begins and ends with the same ones, so that one walk over it
// holds for all iterations: the rule of docs/spec/lmma-isa.md, "What the verifier asks", where IR can still name the operation.
//
//===----------------------------------------------------------------------===//

#include "Access.h"

using namespace mlir;
using namespace lutra::lmma;

namespace {

/// For each shared buffer and token the first copy that has not been waited for.
using Copies = llvm::MapVector<std::pair<Value, int64_t>, Operation *>;

class HazardVerifier {
public:
  LogicalResult check(Block &block);

private:
  LogicalResult check(ForOp loop);
  LogicalResult checkUses(Operation &op);
  /// An error at `op` about the copies into `buffer` that are on their way, but for those with the token `except`.
  LogicalResult checkArrived(Operation &op, Value buffer, int64_t except);

  Copies copies;
};

} // namespace

LogicalResult HazardVerifier::checkArrived(Operation &op, Value buffer, int64_t except) {
  for (auto &[place, copy] : copies) {
    if (place.first != buffer || place.second == except)
      continue;
    InFlightDiagnostic diagnostic = op.emitOpError() << "uses a shared buffer while a copy is on its way there; put 'lmma.wait "
                                                     << place.second << "' before it (C4 of lmma.kernel)";
    diagnostic.attachNote(copy->getLoc()) << "the copy is here";
    return diagnostic;
  }
  return success();
}

LogicalResult HazardVerifier::checkUses(Operation &op) {
  for (Value operand : op.getOperands())
    if (auto type = dyn_cast<MemRefType>(operand.getType()); type && isShared(type))
      if (failed(checkArrived(op, operand, /*except=*/-1)))
        return failure();
  return success();
}

LogicalResult HazardVerifier::check(ForOp loop) {
  const Copies before = copies;
  if (failed(check(loop.getBody().front())))
    return failure();
  auto differs = [](const Copies &some, const Copies &others) {
    return llvm::find_if(some, [&](auto &copy) { return !others.contains(copy.first); });
  };
  if (auto *left = differs(copies, before); left != copies.end())
    return left->second->emitOpError() << "is on its way at the end of the loop's body, but not at its start; wait for token "
                                       << left->first.second << " inside (C4 of lmma.kernel)";
  if (auto *lost = differs(before, copies); lost != before.end())
    return lost->second->emitOpError() << "is waited for in a loop that a copy with token " << lost->first.second
                                       << " into the same buffer must end with (C4 of lmma.kernel)";
  return success();
}

LogicalResult HazardVerifier::check(Block &block) {
  for (Operation &op : block) {
    if (auto loop = dyn_cast<ForOp>(op)) {
      if (failed(check(loop)))
        return failure();
    } else if (auto wait = dyn_cast<WaitOp>(op)) {
      const int64_t token = wait.getToken();
      copies.remove_if([&](auto &copy) { return copy.first.second == token; });
    } else if (auto copy = dyn_cast<CopyOp>(op)) {
      const int64_t token = copy.getToken();
      if (failed(checkArrived(op, copy.getTarget(), token)))
        return failure();
      copies.try_emplace({copy.getTarget(), token}, &op);
    } else if (failed(checkUses(op))) {
      return failure();
    }
  }
  return success();
}

LogicalResult KernelOp::verifyRegions() { return HazardVerifier().check(getBody().front()); }
