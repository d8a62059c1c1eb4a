//===- EmitProgram.cpp - kernels to a program -----------------------------===//
//
// One instruction per operation, registers and addresses as the operations say: nothing is decided here.
//
//===----------------------------------------------------------------------===//

#include "lib/Target/LTC/LTCTarget.h"

#include "dialects/lmma/Transforms/Passes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lutra;
using ltc::Opcode;

namespace {

ltc::ElementType elementType(Type type) {
  return type.isInteger(8)    ? ltc::ElementType::I8
         : type.isInteger(16) ? ltc::ElementType::I16
         : type.isInteger(32) ? ltc::ElementType::I32
         : type.isF16()       ? ltc::ElementType::F16
                              : ltc::ElementType::F32;
}

class KernelEmitter {
public:
  explicit KernelEmitter(lmma::KernelOp kernel) : kernel(kernel) {}
  FailureOr<ltc::Kernel> emit();

private:
  LogicalResult emit(Block &block);
  LogicalResult emit(Operation *op);
  LogicalResult emit(lmma::ForOp loop);
  unsigned registerOf(Value value);
  ltc::Address address(Value buffer, AffineMap map, ValueRange counters);
  void fill(ltc::Instruction &i, Operation *op);

  lmma::KernelOp kernel;
  ltc::Kernel result;
  Operation *missing = nullptr;
};

} // namespace

unsigned KernelEmitter::registerOf(Value value) {
  std::optional<int64_t> number = lmma::getRegister(value);
  if (!number)
    missing = value.getDefiningOp() ? value.getDefiningOp() : value.getParentBlock()->getParentOp();
  return number.value_or(0);
}

ltc::Address KernelEmitter::address(Value buffer, AffineMap map, ValueRange counters) {
  ltc::Address address;
  address.buffer = cast<BlockArgument>(buffer).getArgNumber();
  for (unsigned index = 0; index < map.getNumResults(); ++index) {
    // The verifier of the operation has seen to it that there is a linear form.
    SmallVector<int64_t> form = *lmma::getLinearForm(map, index);
    ltc::Affine affine;
    affine.constant = form.back();
    for (auto [counter, factor] : llvm::zip(counters, form))
      affine.coefficients[registerOf(counter) % ltc::kLoopRegisters] += factor;
    address.indices.push_back(affine);
  }
  return address;
}

void KernelEmitter::fill(ltc::Instruction &i, Operation *op) {
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](lmma::LoadTableOp load) {
        i.opcode = Opcode::LoadTable;
        i.type = elementType(load.getType().getElement());
        i.tables = load.getType().getTables();
        i.address = address(load.getBuffer(), load.getMap(), load.getIndices());
      })
      .Case([&](lmma::LoadRowsOp load) {
        i.opcode = Opcode::LoadRows;
        i.address = address(load.getBuffer(), load.getMap(), load.getIndices());
      })
      .Case([&](lmma::LoadWeightsOp load) {
        i.opcode = Opcode::LoadWeights;
        i.planes = load.getType().getPlanes();
        i.tables = load.getType().getTables();
        i.pitch = load.getPitch();
        i.address = address(load.getBuffer(), load.getMap(), load.getIndices());
      })
      .Case([&](lmma::LoadColsOp load) {
        i.opcode = Opcode::LoadCols;
        i.type = elementType(load.getMemory());
        i.address = address(load.getBuffer(), load.getMap(), load.getIndices());
      })
      .Case([&](lmma::SetColsOp set) {
        i.opcode = Opcode::SetCols;
        i.value = set.getValue().convertToFloat();
      })
      .Case([&](lmma::ZeroOp zero) {
        i.opcode = Opcode::Zero;
        i.type = elementType(zero.getType().getElement());
        i.value = zero.getNegative() ? -0.0f : 0.0f;
      })
      .Case([&](lmma::MmaOp mma) {
        i.opcode = Opcode::Lmma;
        i.type = elementType(mma.getTable().getType().getElement());
        i.m = mma.getM();
        i.n = mma.getN();
        i.k = mma.getK();
        i.planes = mma.getBits();
        i.src[0] = registerOf(mma.getTable());
        i.src[1] = registerOf(mma.getWeights());
        i.table = mma.getStep();
        i.weightTable = mma.getWeightStep();
        i.plane = mma.getPlane();
      })
      .Case([&](lmma::ShiftOp shift) {
        i.opcode = Opcode::Shift;
        i.src[0] = registerOf(shift.getSource());
        i.plane = shift.getPlane();
      })
      .Case([&](lmma::ScaleOp scale) {
        i.opcode = Opcode::Scale;
        i.type = elementType(scale.getSource().getType().getElement());
        for (auto [index, value] : llvm::enumerate(scale->getOperands().drop_front()))
          i.src[index] = registerOf(value);
      })
      .Case([&](lmma::FmaRowsOp fma) {
        i.opcode = Opcode::FmaRows;
        i.type = elementType(fma.getSource().getType().getElement());
        i.src[0] = registerOf(fma.getSource());
        i.src[1] = registerOf(fma.getScale());
      })
      .Case([&](lmma::FmaColsOp fma) {
        i.opcode = Opcode::FmaCols;
        i.src[0] = registerOf(fma.getSource());
        i.src[1] = registerOf(fma.getAlpha());
      })
      .Case([&](lmma::FmaOuterOp fma) {
        i.opcode = Opcode::FmaOuter;
        i.src[0] = registerOf(fma.getRow());
        i.src[1] = registerOf(fma.getColumn());
      })
      .Case([&](lmma::StoreOp store) {
        i.opcode = Opcode::Store;
        i.dst = registerOf(store.getValue());
        i.address = address(store.getBuffer(), store.getMap(), store.getIndices());
      });
  if (op->getNumResults() == 1)
    i.dst = registerOf(op->getResult(0));
}

LogicalResult KernelEmitter::emit(lmma::ForOp loop) {
  auto bound = [](lmma::BoundAttr attr) { return ltc::Bound{attr.getConstant(), attr.getMultiple()}; };
  ltc::Instruction begin;
  begin.opcode = Opcode::Loop;
  begin.dst = registerOf(loop.getCounter());
  begin.lower = bound(loop.getLower());
  begin.upper = bound(loop.getUpper());
  begin.step = loop.getStep();
  result.code.push_back(begin);
  if (failed(emit(loop.getBody().front())))
    return failure();
  ltc::Instruction end;
  end.opcode = Opcode::End;
  result.code.push_back(end);
  return success();
}

LogicalResult KernelEmitter::emit(Operation *op) {
  if (auto loop = dyn_cast<lmma::ForOp>(op))
    return emit(loop);
  if (isa<lmma::YieldOp>(op))
    return success();
  if (!isa<lmma::LmmaDialect>(op->getDialect()))
    return op->emitError() << "'" << op->getName() << "' is not an instruction of the LUT tensor core";
  ltc::Instruction i;
  fill(i, op);
  result.code.push_back(std::move(i));
  if (missing)
    return missing->emitOpError() << "has no register; run lmma-allocate-registers before";
  return success();
}

LogicalResult KernelEmitter::emit(Block &block) {
  for (Operation &op : block)
    if (failed(emit(&op)))
      return failure();
  return success();
}

FailureOr<ltc::Kernel> KernelEmitter::emit() {
  result.name = kernel.getSymName().str();
  static constexpr const char *kProductBuffers[] = {"entries", "scales", "sums", "weights", "out"};
  const bool isProduct = kernel.getBody().getNumArguments() == std::size(kProductBuffers);
  for (auto [index, type] : llvm::enumerate(kernel.getFunctionType().getInputs())) {
    auto memref = cast<MemRefType>(type);
    ltc::Buffer buffer;
    buffer.name = isProduct ? kProductBuffers[index] : "b" + std::to_string(index);
    buffer.type = elementType(memref.getElementType());
    for (int64_t size : memref.getShape())
      buffer.shape.push_back(ShapedType::isDynamic(size) ? ltc::kDynamicRows : size);
    result.buffers.push_back(std::move(buffer));
  }
  if (failed(emit(kernel.getBody().front())))
    return failure();
  if (llvm::Error error = result.matchLoops())
    return kernel.emitOpError() << llvm::toString(std::move(error));
  return std::move(result);
}

FailureOr<ltc::Program> lutra::emitProgram(ModuleOp module) {
  ltc::Program program;
  for (auto kernel : module.getOps<lmma::KernelOp>()) {
    FailureOr<ltc::Kernel> emitted = KernelEmitter(kernel).emit();
    if (failed(emitted))
      return failure();
    program.kernels.push_back(std::move(*emitted));
  }
  return program;
}
