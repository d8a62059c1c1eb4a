//===- Epilogue.cpp - what follows a product, on the device ---------------===//
//
// Each operation becomes one of the vector unit, which rounds it on its own as the host would: bits do not change. exp, erf and tanh
// are the same sequences of operations on both (docs/spec/numerics.md, "Functions").
//
//===----------------------------------------------------------------------===//

#include "Epilogue.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

#include <bit>
#include <cmath>

using namespace mlir;
using namespace lutra;
using namespace lutra::luttolmma;

/// The vector unit's memory: rows of f32 that lie behind each other.
static bool isReadable(Value buffer) {
  auto type = dyn_cast<MemRefType>(buffer.getType());
  return type && type.getElementType().isF32() && type.getRank() > 0 && hasUnitStride(buffer);
}

std::optional<Epilogue> Epilogue::read(Region &region, ValueRange operands, std::string &why) {
  Epilogue result;
  if (region.empty())
    return result;
  llvm::DenseMap<Value, int64_t> numbers;
  for (BlockArgument argument : region.getArguments())
    numbers.try_emplace(argument, argument.getArgNumber());
  for (Value operand : operands) {
    if (!isReadable(operand)) {
      why = "an operand's innermost stride is not 1";
      return std::nullopt;
    }
    result.perColumn.push_back(cast<MemRefType>(operand.getType()).getRank() == 1);
  }
  auto append = [&](Value value, Step step) {
    numbers[value] = 1 + result.perColumn.size() + result.steps.size();
    result.steps.push_back(step);
  };
  // A constant, of the region or from outside of it, becomes a step where it is used first.
  auto numberOf = [&](Value value) -> std::optional<int64_t> {
    FloatAttr constant;
    if (!numbers.contains(value) && matchPattern(value, m_Constant(&constant)) && constant.getValue().isFinite())
      append(value, {Kind::Constant, 0, 0, constant.getValue().convertToFloat()});
    auto found = numbers.find(value);
    return found == numbers.end() ? std::nullopt : std::optional(found->second);
  };
  for (Operation &op : region.front().without_terminator()) {
    if (isa<arith::ConstantOp>(op))
      continue;
    std::optional<Kind> kind = llvm::TypeSwitch<Operation *, std::optional<Kind>>(&op)
                                   .Case([](arith::NegFOp) { return Kind::Negate; })
                                   .Case([](arith::AddFOp) { return Kind::Add; })
                                   .Case([](arith::SubFOp) { return Kind::Sub; })
                                   .Case([](arith::MulFOp) { return Kind::Mul; })
                                   .Case([](arith::DivFOp) { return Kind::Div; })
                                   .Case([](arith::MaximumFOp) { return Kind::Max; })
                                   .Case([](arith::MinimumFOp) { return Kind::Min; })
                                   .Case([](math::ExpOp) { return Kind::Exp; })
                                   .Case([](math::ErfOp) { return Kind::Erf; })
                                   .Case([](math::TanhOp) { return Kind::Tanh; })
                                   .Default(std::nullopt);
    std::optional<int64_t> lhs, rhs;
    if (kind) {
      lhs = numberOf(op.getOperand(0));
      rhs = op.getNumOperands() > 1 ? numberOf(op.getOperand(1)) : 0;
    }
    if (!kind || !lhs || !rhs) {
      why = ("the vector unit has no '" + op.getName().getStringRef() + "'").str();
      return std::nullopt;
    }
    append(op.getResult(0), {*kind, *lhs, *rhs, 0});
  }
  // The last step is the result.
  Value yielded = region.front().getTerminator()->getOperand(0);
  std::optional<int64_t> last = numberOf(yielded);
  if (!last || result.steps.empty() || *last != int64_t(result.perColumn.size() + result.steps.size())) {
    why = "what it yields is not what it computes last";
    return std::nullopt;
  }
  return result;
}

Attribute Epilogue::key(Builder &b) const {
  SmallVector<int64_t> numbers{int64_t(perColumn.size())};
  numbers.append(perColumn.begin(), perColumn.end());
  for (const Step &step : steps)
    numbers.append({int64_t(step.kind), step.lhs, step.rhs, int64_t(std::bit_cast<uint32_t>(step.value))});
  return b.getDenseI64ArrayAttr(numbers);
}

SmallVector<Type> Epilogue::bufferTypes(Builder &b, int64_t columns) const {
  SmallVector<Type> types;
  for (bool isPerColumn : perColumn)
    types.push_back(isPerColumn ? MemRefType::get({columns}, b.getF32Type())
                                : MemRefType::get({ShapedType::kDynamic, columns}, b.getF32Type()));
  return types;
}

int64_t Epilogue::colTiles() const {
  return llvm::count(perColumn, true) + llvm::count_if(steps, [](const Step &step) { return step.kind == Kind::Constant; });
}

Value Epilogue::apply(ImplicitLocOpBuilder &b, ValueRange buffers, Value product, const Index &row,
                      const Index &column) const {
  if (isEmpty())
    return product;
  Type tile = product.getType(), cols = lmma::ColsType::get(b.getContext());
  Values values{product};
  for (auto [isPerColumn, buffer] : llvm::zip_equal(perColumn, buffers)) {
    if (isPerColumn) {
      auto [map, counters] = access(b, {column});
      Value loaded = lmma::LoadColsOp::create(b, cols, buffer, counters, map, TypeAttr::get(b.getF32Type()));
      values.push_back(lmma::SpreadOp::create(b, tile, loaded));
    } else {
      auto [map, counters] = access(b, {row, column});
      values.push_back(lmma::LoadTileOp::create(b, tile, buffer, counters, map));
    }
  }
  for (const Step &step : steps) {
    Value lhs = values[step.lhs], rhs = values[step.rhs];
    auto make = [&]() -> Value {
      switch (step.kind) {
      case Kind::Constant: {
        Value set = lmma::SetColsOp::create(b, cols, b.getF32FloatAttr(step.value));
        return lmma::SpreadOp::create(b, tile, set);
      }
      // -0 - x is -x, for zeros as well.
      case Kind::Negate: return lmma::SubOp::create(b, tile, lmma::ZeroOp::create(b, tile, /*negative=*/true), lhs);
      case Kind::Add: return lmma::AddOp::create(b, tile, lhs, rhs);
      case Kind::Sub: return lmma::SubOp::create(b, tile, lhs, rhs);
      case Kind::Mul: return lmma::MulOp::create(b, tile, lhs, rhs);
      case Kind::Div: return lmma::DivOp::create(b, tile, lhs, rhs);
      case Kind::Max: return lmma::MaxOp::create(b, tile, lhs, rhs);
      case Kind::Min: return lmma::MinOp::create(b, tile, lhs, rhs);
      case Kind::Exp: return lmma::ExpOp::create(b, tile, lhs);
      case Kind::Erf: return lmma::ErfOp::create(b, tile, lhs);
      case Kind::Tanh: return lmma::TanhOp::create(b, tile, lhs);
      }
      llvm_unreachable("unknown kind of step");
    };
    values.push_back(make());
  }
  return values.back();
}
