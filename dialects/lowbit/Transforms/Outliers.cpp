//===- Outliers.cpp - what the outliers of a weight add -------------------===//
//
// The constants are laid out with the rows of the weight innermost: the loop that vectorizes runs along N, and the sum
// of each output keeps its order. That, and the conversion of values to f32, copies the outliers, a few hundredths of
// a weight.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/Transforms/Outliers.h"

#include "dialects/lowbit/IR/WeightSource.h"
#include "dialects/lowbit/Transforms/ProductUtils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace lutra::lowbit;

/// Checks that `places` are ascending columns, with -1 for "none" at the end when `mayEnd`. `row` is for the
/// diagnostic.
static LogicalResult checkPlaces(WeightOp weight, ArrayRef<int32_t> places, bool mayEnd, int64_t row) {
  int64_t cols = weight.getType().getCols();
  int32_t last = -1;
  bool ended = false;
  for (int32_t place : places) {
    if (mayEnd && place == -1) {
      ended = true;
      continue;
    }
    if (!ended && place > last && place < cols) {
      last = place;
      continue;
    }
    InFlightDiagnostic diag = weight.emitError() << "outliers must stand in ascending columns 0 to " << cols - 1;
    if (mayEnd)
      diag << ", -1 only at the end";
    diag << ", but ";
    if (mayEnd)
      diag << "in row " << row << " ";
    return diag << place << " comes after " << (ended ? -1 : last);
  }
  return success();
}

/// A constant of `rows` x `cols` elements `fill(r, c)`.
template <typename T>
static Value createConstant(OpBuilder &builder, Location loc, Type element, int64_t rows, int64_t cols, StringRef name,
                            llvm::function_ref<T(int64_t, int64_t)> fill) {
  auto type = RankedTensorType::get({rows, cols}, element);
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(rows * cols * sizeof(T), 64, /*dataIsMutable=*/true);
  T *out = reinterpret_cast<T *>(blob.getMutableData().data());
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < cols; ++c)
      *out++ = fill(r, c);
  return arith::ConstantOp::create(builder, loc, DenseResourceElementsAttr::get(type, name, std::move(blob)));
}

FailureOr<Value> lutra::lowbit::createOutlierSums(OpBuilder &builder, MatmulOp product, WeightOp weight) {
  Location loc = product.getLoc();
  auto format = cast<OutliersAttr>(weight.getType().getFormat());
  const int64_t rows = weight.getType().getRows(), count = format.getCount();
  const bool byColumn = format.getColumns() != 0;
  FailureOr<ComponentElements> places = ComponentElements::bind(weight, byColumn ? "columns" : "indices");
  FailureOr<ComponentElements> values = ComponentElements::bind(weight, "values");
  if (failed(places) || failed(values))
    return failure();
  std::vector<int32_t> ofRow(count);
  for (int64_t n = 0; n < (byColumn ? 1 : rows); ++n) {
    for (int64_t i = 0; i < count; ++i)
      ofRow[i] = places->int32(n * count + i);
    if (failed(checkPlaces(weight, ofRow, /*mayEnd=*/!byColumn, n)))
      return failure();
  }

  Value constants = createConstant<float>(builder, loc, builder.getF32Type(), count, rows, "outlier_values",
                                          [&](int64_t i, int64_t n) { return values->number(n * count + i); });
  Value activations = createFloatActivations(builder, product);
  Value outputs = createZeroOutputs(builder, product);
  SmallVector<utils::IteratorType> iterators{utils::IteratorType::parallel, utils::IteratorType::parallel,
                                             utils::IteratorType::reduction};
  AffineExpr m, n, i;
  bindDims(builder.getContext(), m, n, i);
  MLIRContext *context = builder.getContext();
  auto element = [&](OpBuilder &b, Location loc, Value place) -> Value {
    Value row = linalg::IndexOp::create(b, loc, 0);
    Value column = arith::IndexCastOp::create(b, loc, b.getIndexType(), place);
    return tensor::ExtractOp::create(b, loc, activations, ValueRange{row, column});
  };

  if (byColumn) {
    // The activations of the outlier columns, M x C; then a small dense product.
    auto type = RankedTensorType::get({count}, builder.getI32Type());
    Value columns = arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, ArrayRef(ofRow)));
    SmallVector<OpFoldResult> sizes{getProductRows(builder, product), builder.getIndexAttr(count)};
    Value empty = tensor::EmptyOp::create(builder, loc, sizes, builder.getF32Type());
    AffineExpr row, column;
    bindDims(context, row, column);
    Value gathered = linalg::GenericOp::create(builder, loc, empty.getType(), ValueRange{columns}, ValueRange{empty},
                                               makeMaps(context, {{column}, {row, column}}),
                                               ArrayRef(iterators).take_front(2),
                                               [&](OpBuilder &b, Location loc, ValueRange args) {
                                                 linalg::YieldOp::create(b, loc, element(b, loc, args[0]));
                                               })
                         .getResult(0);
    return linalg::GenericOp::create(builder, loc, outputs.getType(), ValueRange{gathered, constants},
                                     ValueRange{outputs}, makeMaps(context, {{m, i}, {i, n}, {m, n}}),
                                     iterators,
                                     [](OpBuilder &b, Location loc, ValueRange args) {
                                       Value sum = math::FmaOp::create(b, loc, args[0], args[1], args[2]);
                                       linalg::YieldOp::create(b, loc, sum);
                                     })
        .getResult(0);
  }

  Value indices = createConstant<int32_t>(builder, loc, builder.getI32Type(), count, rows, "outlier_indices",
                                          [&](int64_t i, int64_t n) { return places->int32(n * count + i); });
  return linalg::GenericOp::create(
             builder, loc, outputs.getType(), ValueRange{indices, constants}, ValueRange{outputs},
             makeMaps(context, {{i, n}, {i, n}, {m, n}}), iterators,
             [&](OpBuilder &b, Location loc, ValueRange args) {
               // A place that is -1 reads column 0 and adds nothing: not even 0 times an infinity.
               Value zero = arith::ConstantIntOp::create(b, loc, 0, 32);
               Value isNone = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, args[0], zero);
               Value a = element(b, loc, arith::MaxSIOp::create(b, loc, args[0], zero));
               Value sum = math::FmaOp::create(b, loc, a, args[1], args[2]);
               Value kept = arith::SelectOp::create(b, loc, isNone, args[2], sum);
               linalg::YieldOp::create(b, loc, kept);
             })
      .getResult(0);
}
