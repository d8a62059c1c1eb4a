//===- GroupOrder.cpp - groups of columns that are not neighbours ---------===//

#include "lib/Conversion/ONNXToLowbit/GroupOrder.h"

#include "lib/Conversion/ONNXToLowbit/Build.h"
#include "lib/Conversion/ONNXToLowbit/WeightParts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lutra {

FailureOr<std::optional<GroupOrder>> GroupOrder::read(Node &node, unsigned index, int64_t cols, int64_t block,
                                                      int64_t groupCount) {
  RankedTensorType type = node.getInputType(index);
  int64_t padded = llvm::divideCeil(cols, block) * block;
  if (failed(node.requireElement(index, {node.getI32Type()})) || failed(node.requireRank(index, 1)))
    return failure();
  if (type.getDimSize(0) != cols && type.getDimSize(0) != padded)
    return node.error() << "input '" << node.getInputName(index) << "' must have K = " << cols
                        << " elements (or a multiple of the block size, " << padded << "), but is " << type;
  std::optional<SmallVector<int64_t>> given = getConstantInts(node.getInput(index));
  if (!given)
    return node.error() << "input '" << node.getInputName(index)
                        << "' must be a constant (an initializer): weights are packed when the model is compiled";
  bool isPlain = true;
  std::vector<SmallVector<int64_t>> columnsOf(groupCount);
  for (int64_t col = 0; col < cols; ++col) {
    int64_t group = (*given)[col];
    if (group < 0 || group >= groupCount)
      return node.error() << "input '" << node.getInputName(index) << "' must hold groups 0 to " << groupCount - 1
                          << ", but its element " << col << " is " << group;
    isPlain &= group == col / block;
    columnsOf[group].push_back(col);
  }
  if (isPlain)
    return std::optional<GroupOrder>();

  // The group with the emptiest last block comes last, so that most often nothing is padded.
  auto missing = [&](int64_t group) {
    int64_t count = columnsOf[group].size();
    return llvm::divideCeil(count, block) * block - count;
  };
  SmallVector<int64_t> sorted = llvm::to_vector(llvm::seq<int64_t>(0, groupCount));
  llvm::sort(sorted, [&](int64_t a, int64_t b) { return std::pair(missing(a), a) < std::pair(missing(b), b); });
  GroupOrder order;
  for (int64_t group : sorted) {
    // Blocks begin at multiples of the block size.
    order.columns.resize(order.groups.size() * block, -1);
    llvm::append_range(order.columns, columnsOf[group]);
    order.groups.append(llvm::divideCeil(columnsOf[group].size(), block), group);
  }
  return std::optional(std::move(order));
}

Value GroupOrder::permute(Node &node, Value activations) const {
  int64_t count = columns.size();
  SmallVector<int32_t> places(columns.begin(), columns.end());
  auto type = RankedTensorType::get({count}, node.getI32Type());
  ArrayRef<char> bytes(reinterpret_cast<const char *>(places.data()), count * sizeof(int32_t));
  Value table = arith::ConstantOp::create(node, cast<TypedAttr>(createElements(type, bytes, "columns")));
  bool isPadded = llvm::is_contained(columns, -1);
  Type element = cast<RankedTensorType>(activations.getType()).getElementType();
  Dims dims = {node.getDims(activations)[0], node.getIndexAttr(count)};
  return buildGenerate(node, dims, element, [&](ImplicitLocOpBuilder &b, ValueRange at) -> Value {
    Value column = tensor::ExtractOp::create(b, table, at[1]), zero = createScalar(b, b.getI32Type(), 0);
    Value safe = isPadded ? Value(arith::MaxSIOp::create(b, column, zero)) : column;
    Value place = arith::IndexCastOp::create(b, b.getIndexType(), safe);
    Value number = tensor::ExtractOp::create(b, activations, ValueRange{at[0], place});
    if (!isPadded)
      return number;
    Value isColumn = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, column, zero);
    return arith::SelectOp::create(b, isColumn, number, createScalar(b, element, 0));
  });
}

SmallVector<char> GroupOrder::pick(ArrayRef<char> bytes, int64_t rows, int64_t perRow, int64_t size,
                                   ArrayRef<int64_t> places) {
  SmallVector<char> result(rows * places.size() * size, 0);
  char *to = result.data();
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t place : places) {
      if (place >= 0)
        std::copy_n(bytes.data() + (row * perRow + place) * size, size, to);
      to += size;
    }
  return result;
}

} // namespace lutra
