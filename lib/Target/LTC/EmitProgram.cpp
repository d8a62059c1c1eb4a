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
         : type.isBF16()      ? ltc::ElementType::BF16
         : isa<Float8E4M3FNType>(type) ? ltc::ElementType::F8
         : isa<Float8E5M2Type>(type)   ? ltc::ElementType::BF8
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
  void fillMemory(ltc::Instruction &i, Operation *op);
  void fillVector(ltc::Instruction &i, Operation *op);
  template <typename Op>
  void fillMma(ltc::Instruction &i, Op mma);
  void declare(Value value, const Twine &name);

  lmma::KernelOp kernel;
  ltc::Kernel result;
  /// The number of each buffer: the kernel's arguments, then the shared ones.
  llvm::DenseMap<Value, unsigned> buffers;
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
  address.buffer = buffers.lookup(buffer);
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

template <typename Op>
void KernelEmitter::fillMma(ltc::Instruction &i, Op mma) {
  i.opcode = Opcode::Lmma;
  i.type = elementType(mma.getTable().getType().getElement());
  i.weights = !mma.getKind()               ? ltc::WeightKind::Planes
              : *mma.getKind() == "ternary" ? ltc::WeightKind::Ternary
                                            : ltc::WeightKind::FP4;
  i.m = mma.getM();
  i.n = mma.getN();
  i.k = mma.getK();
  i.planes = mma.getBits();
  i.src[0] = registerOf(mma.getTable());
  i.src[1] = registerOf(mma.getWeights());
  i.table = mma.getStep();
  i.weightTable = mma.getWeightStep();
  i.plane = mma.getPlane();
}

void KernelEmitter::fill(ltc::Instruction &i, Operation *op) {
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](lmma::LoadTableOp load) {
        i.opcode = Opcode::LoadTable;
        i.type = elementType(load.getType().getElement());
        i.tables = load.getType().getTables();
        i.pitch = load.getPitch().value_or(0);
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
        fillMma(i, mma);
        i.out = elementType(mma.getAccumulator().getType().getElement());
      })
      .Case([&](lmma::MmaToOp mma) {
        fillMma(i, mma);
        i.out = elementType(mma.getOut());
        i.src[2] = registerOf(mma.getAccumulator());
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
        i.type = elementType(cast<MemRefType>(store.getBuffer().getType()).getElementType());
        i.dst = registerOf(store.getValue());
        i.address = address(store.getBuffer(), store.getMap(), store.getIndices());
      })
      .Default([&](Operation *other) { fillMemory(i, other); });
  if (op->getNumResults() > 0)
    i.dst = registerOf(op->getResult(0));
}

/// Copies, activations, and tables.
void KernelEmitter::fillMemory(ltc::Instruction &i, Operation *op) {
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](lmma::CopyOp copy) {
        i.opcode = Opcode::Copy;
        i.address = address(copy.getTarget(), copy.getTargetMap(), copy.getTargetIndices());
        i.source = address(copy.getSource(), copy.getSourceMap(), copy.getSourceIndices());
        i.sizes.assign(copy.getSizes().begin(), copy.getSizes().end());
        i.token = copy.getToken();
      })
      .Case([&](lmma::WaitOp wait) {
        i.opcode = Opcode::Wait;
        i.token = wait.getToken();
      })
      .Case([&](lmma::LoadActsOp load) {
        i.opcode = Opcode::LoadActs;
        i.type = elementType(cast<MemRefType>(load.getBuffer().getType()).getElementType());
        i.count = load.getCount();
        i.address = address(load.getBuffer(), load.getMap(), load.getIndices());
      })
      .Case([&](lmma::LoadTileOp load) {
        i.opcode = Opcode::LoadTile;
        i.type = elementType(cast<MemRefType>(load.getBuffer().getType()).getElementType());
        i.address = address(load.getBuffer(), load.getMap(), load.getIndices());
      })
      .Case([&](lmma::StoreTableOp store) {
        i.opcode = Opcode::StoreTable;
        i.type = elementType(store.getValue().getType().getElement());
        i.tables = store.getValue().getType().getTables();
        i.pitch = store.getPitch();
        i.dst = registerOf(store.getValue());
        i.address = address(store.getBuffer(), store.getMap(), store.getIndices());
      })
      .Case([&](lmma::StoreRowsOp store) {
        i.opcode = Opcode::StoreRows;
        i.dst = registerOf(store.getValue());
        i.address = address(store.getBuffer(), store.getMap(), store.getIndices());
      })
      .Default([&](Operation *other) { fillVector(i, other); });
}

/// Instructions of the vector unit that are no part of a product.
void KernelEmitter::fillVector(ltc::Instruction &i, Operation *op) {
  auto reduce = [&](auto sum, Opcode first, Opcode more) {
    i.opcode = sum.getStart() ? more : first;
    i.src[0] = registerOf(sum.getActs());
    i.tables = sum.getTables();
    i.first = sum.getFirst();
  };
  auto tables = [&](auto make, Opcode opcode) {
    i.opcode = opcode;
    i.type = elementType(make.getType().getElement());
    i.src[0] = registerOf(make.getActs());
    i.tables = make.getType().getTables();
    i.first = make.getFirst();
  };
  auto unary = [&](Opcode opcode) {
    i.opcode = opcode;
    i.src[0] = registerOf(op->getOperand(0));
  };
  auto binary = [&](Opcode opcode) {
    i.opcode = opcode;
    i.src[0] = registerOf(op->getOperand(0));
    i.src[1] = registerOf(op->getOperand(1));
  };
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](lmma::AsumOp sum) { reduce(sum, Opcode::Sum, Opcode::SumMore); })
      .Case([&](lmma::AmaxOp amax) { reduce(amax, Opcode::Amax, Opcode::AmaxMore); })
      .Case([&](lmma::TableScaleOp scale) {
        i.opcode = Opcode::TableScale;
        i.type = elementType(scale.getElement());
        i.src[0] = registerOf(scale.getInverse());
        i.src[1] = registerOf(scale.getAmax());
      })
      .Case([&](lmma::PrecomputeOp make) { tables(make, Opcode::Precompute); })
      .Case([&](lmma::QuantizeOp make) {
        tables(make, Opcode::Quantize);
        i.src[1] = registerOf(make.getInverse());
      })
      .Case([&](lmma::SetRowsOp set) {
        i.opcode = Opcode::SetRows;
        i.value = set.getValue().convertToFloat();
      })
      .Case([&](lmma::SquaresOp squares) {
        i.opcode = squares.getStart() ? Opcode::SquaresMore : Opcode::Squares;
        i.src[0] = registerOf(squares.getActs());
        i.count = squares.getCount();
      })
      .Case([&](lmma::NormOp norm) {
        i.opcode = Opcode::Norm;
        i.src[0] = registerOf(norm.getSums());
        i.count = norm.getCount();
        i.value = norm.getEpsilon().convertToFloat();
      })
      .Case([&](lmma::SpreadOp spread) {
        i.opcode = Opcode::Spread;
        i.src[0] = registerOf(spread.getColumns());
      })
      .Case([&](lmma::ExpOp) { unary(Opcode::Exp); })
      .Case([&](lmma::ErfOp) { unary(Opcode::Erf); })
      .Case([&](lmma::TanhOp) { unary(Opcode::Tanh); })
      .Case([&](lmma::MulActsOp) { binary(Opcode::MulActs); })
      .Case([&](lmma::ScaleActsOp) { binary(Opcode::ScaleActs); })
      .Case([&](lmma::MulRowsOp) { binary(Opcode::MulRows); })
      .Case([&](lmma::AddOp) { binary(Opcode::Add); })
      .Case([&](lmma::SubOp) { binary(Opcode::Sub); })
      .Case([&](lmma::MulOp) { binary(Opcode::Mul); })
      .Case([&](lmma::DivOp) { binary(Opcode::Div); })
      .Case([&](lmma::MaxOp) { binary(Opcode::Max); })
      .Case([&](lmma::MinOp) { binary(Opcode::Min); });
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
  if (isa<lmma::YieldOp, lmma::SharedOp, lmma::BlockColumnOp>(op))
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

void KernelEmitter::declare(Value value, const Twine &name) {
  auto memref = cast<MemRefType>(value.getType());
  ltc::Buffer buffer;
  buffer.name = name.str();
  buffer.type = elementType(memref.getElementType());
  buffer.space = memref.getMemorySpace() ? ltc::MemorySpace::Shared : ltc::MemorySpace::Dram;
  for (int64_t size : memref.getShape())
    buffer.shape.push_back(ShapedType::isDynamic(size) ? ltc::kDynamicRows : size);
  buffers[value] = result.buffers.size();
  result.buffers.push_back(std::move(buffer));
}

FailureOr<ltc::Kernel> KernelEmitter::emit() {
  result.name = kernel.getSymName().str();
  // A product's buffers have their names without saying so.
  static constexpr const char *kProductBuffers[] = {"entries", "scales", "sums", "weights", "out"};
  const bool isProduct = kernel.getBody().getNumArguments() == std::size(kProductBuffers);
  auto names = kernel->getAttrOfType<ArrayAttr>(lmma::LmmaDialect::kBufferNamesAttr);
  for (auto [index, argument] : llvm::enumerate(kernel.getBody().getArguments())) {
    if (names && index < names.size())
      declare(argument, cast<StringAttr>(names[index]).getValue());
    else
      declare(argument, isProduct ? Twine(kProductBuffers[index]) : "b" + Twine(index));
  }
  for (auto [index, shared] : llvm::enumerate(kernel.getBody().getOps<lmma::SharedOp>()))
    declare(shared.getResult(), "s" + Twine(index));
  if (std::optional<ArrayRef<int64_t>> grid = kernel.getGrid()) {
    result.grid.columns = (*grid)[0];
    result.grid.rows = (*grid)[1];
    result.grid.swizzle = (*grid)[2];
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
