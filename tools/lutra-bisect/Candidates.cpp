//===- Candidates.cpp - the values of a function that can be looked at ----===//
#include "Candidates.h"

#include "lutra/Interpreter/Interpreter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace lutra;

Operation &lutra::opAt(func::FuncOp function, unsigned place) { return *std::next(function.front().begin(), place); }

/// What a fresh tensor holds is nobody's value.
static bool isUninitialized(Operation *op) { return isa<tensor::EmptyOp, bufferization::AllocTensorOp>(op); }

/// The candidates that computing `op` reads, through ops whose results are none.
static void collectReads(Operation *op, Block *block, const llvm::DenseMap<Value, unsigned> &numbers,
                         llvm::SmallSetVector<unsigned, 8> &reads, llvm::DenseSet<Operation *> &seen) {
  if (!seen.insert(op).second)
    return;
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands()) {
      if (auto it = numbers.find(operand); it != numbers.end())
        reads.insert(it->second);
      else if (Operation *producer = operand.getDefiningOp(); producer && producer->getBlock() == block)
        collectReads(producer, block, numbers, reads, seen);
    }
  });
}

FailureOr<std::vector<Candidate>> lutra::findCandidates(func::FuncOp function, ArrayRef<NpyArray> inputs,
                                                        const lowbit::TableKind &tables) {
  Block *block = &function.front();
  llvm::MapVector<Value, SmallVector<int64_t, 4>> shapes;
  InterpreterOptions options;
  options.tables = tables;
  options.observe = [&](Value value, const NpyArray &array) {
    if (value.getParentBlock() == block && !isUninitialized(value.getDefiningOp()))
      shapes[value] = array.shape;
  };
  if (failed(interpret(function, inputs, options)))
    return failure();

  llvm::DenseMap<Operation *, unsigned> places;
  for (auto [place, op] : llvm::enumerate(*block))
    places[&op] = place;
  std::vector<Candidate> candidates;
  llvm::DenseMap<Value, unsigned> numbers;
  for (auto &[value, shape] : shapes) {
    auto result = cast<OpResult>(value);
    Candidate candidate{{places[result.getOwner()], result.getResultNumber()}, shape, {}};
    llvm::SmallSetVector<unsigned, 8> reads;
    llvm::DenseSet<Operation *> seen;
    collectReads(result.getOwner(), block, numbers, reads, seen);
    candidate.reads.assign(reads.begin(), reads.end());
    numbers[value] = candidates.size();
    candidates.push_back(std::move(candidate));
  }
  return candidates;
}

/// Whether the ops can be the same one in two modules. Locations count only where places do not tell.
static bool correspond(Operation &a, Operation &b, bool byLocation) {
  return a.getName() == b.getName() && a.getResultTypes() == b.getResultTypes() &&
         (!byLocation || a.getLoc() == b.getLoc());
}

std::vector<ValueId> lutra::matchCandidates(func::FuncOp function, func::FuncOp other,
                                            std::vector<Candidate> &candidates) {
  Block &left = function.front(), &right = other.front();
  bool samePlaces = left.getOperations().size() == right.getOperations().size();
  for (auto [a, b] : llvm::zip(left, right))
    samePlaces &= a.getName() == b.getName();
  // Place in `function` to place in `other`.
  llvm::DenseMap<unsigned, unsigned> places;
  unsigned next = 0;
  for (auto [place, op] : llvm::enumerate(left)) {
    if (samePlaces) {
      places[place] = place;
      continue;
    }
    auto at = std::next(right.begin(), next);
    for (unsigned found = next; at != right.end(); ++at, ++found)
      if (correspond(op, *at, /*byLocation=*/true)) {
        places[place] = found;
        next = found + 1;
        break;
      }
  }
  std::vector<ValueId> ids;
  std::vector<Candidate> kept;
  std::vector<int> renumbered(candidates.size(), -1);
  for (auto [number, candidate] : llvm::enumerate(candidates)) {
    auto place = places.find(candidate.id.op);
    if (place == places.end() || candidate.id.result >= opAt(other, place->second).getNumResults())
      continue;
    renumbered[number] = kept.size();
    ids.push_back({place->second, candidate.id.result});
    kept.push_back(candidate);
  }
  for (Candidate &candidate : kept) {
    llvm::SmallVector<unsigned> reads;
    for (unsigned read : candidate.reads)
      if (renumbered[read] >= 0)
        reads.push_back(renumbered[read]);
    candidate.reads = std::move(reads);
  }
  candidates = std::move(kept);
  return ids;
}

/// A tensor of static shape with the value's elements, which arrays of the runtime can have.
static Value asArray(ImplicitLocOpBuilder &b, Value value, ArrayRef<int64_t> shape) {
  if (getElementTypeOrSelf(value.getType()).isIndex()) {
    Type wide = b.getI64Type();
    if (auto type = dyn_cast<RankedTensorType>(value.getType()))
      wide = type.clone(wide);
    value = arith::IndexCastOp::create(b, wide, value);
  }
  if (!isa<RankedTensorType>(value.getType()))
    return tensor::FromElementsOp::create(b, RankedTensorType::get({}, value.getType()), value);
  auto type = cast<RankedTensorType>(value.getType());
  return b.createOrFold<tensor::CastOp>(RankedTensorType::get(shape, type.getElementType()), value);
}

OwningOpRef<ModuleOp> lutra::probe(ModuleOp module, ArrayRef<ValueId> ids, ArrayRef<ArrayRef<int64_t>> shapes) {
  OwningOpRef<ModuleOp> copy = module.clone();
  auto function = copy->lookupSymbol<func::FuncOp>("main");
  SmallVector<Value> values;
  for (ValueId id : ids)
    values.push_back(opAt(function, id.op).getResult(id.result));
  for (auto [number, value, shape] : llvm::enumerate(values, shapes)) {
    ImplicitLocOpBuilder b(value.getLoc(), function.front().getTerminator());
    Value array = asArray(b, value, shape);
    SmallVector<int64_t> strides(shape.size(), ShapedType::kDynamic);
    if (!strides.empty())
      strides.back() = 1;
    auto layout = StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic, strides);
    auto buffer = MemRefType::get(shape, cast<RankedTensorType>(array.getType()).getElementType(), layout);
    NamedAttribute attrs[] = {b.getNamedAttr("lutra.output", b.getUnitAttr()),
                              b.getNamedAttr("onnx.name", b.getStringAttr("bisect.probe" + Twine(number)))};
    unsigned position = function.getNumArguments();
    if (failed(function.insertArgument(position, buffer, b.getDictionaryAttr(attrs), b.getLoc())))
      return {};
    auto store =
        bufferization::MaterializeInDestinationOp::create(b, TypeRange(), array, function.getArgument(position));
    store.setRestrict(true);
    store.setWritable(true);
  }
  return copy;
}
