//===- Kernel.h - what the emitters of the loop bodies share ----*- C++ -*-===//
#ifndef LUTRA_CONVERSION_LUTTOLOOPS_KERNEL_H
#define LUTRA_CONVERSION_LUTTOLOOPS_KERNEL_H

#include "dialects/lut/IR/Lut.h"
#include "lib/Conversion/LutToLoops/GroupLayout.h"
#include "lib/Conversion/LutToLoops/LutToLoops.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/SymbolTable.h"

namespace lutra::lutloops {

/// The operands of a product as the arguments of its function.
struct MatmulBuffers {
  mlir::Value entries, scales, sums, weights, out;
};

/// What a product does to its outputs before it stores them: the op's region, and its operands as arguments of the function.
struct Epilogue {
  mlir::Region *region;
  llvm::SmallVector<mlir::Value> buffers;
};

/// The epilogue of 16 neighbouring outputs `product` of `row` from `column` on; `mask` says which of them there are (null: all).
mlir::Value applyEpilogue(mlir::ImplicitLocOpBuilder &b, const Epilogue &epilogue, mlir::Value product, mlir::Value row,
                          mlir::Value column, mlir::Value mask);

/// An attribute that two epilogues share when they compute the same.
mlir::Attribute getEpilogueKey(mlir::Region &epilogue);

/// How far ahead the weights of several activation rows and a tile are asked for at least, if at all, about a group: their lines are used together or out of order, long
/// before the hardware's prefetcher would bring the next (1024x4096 in groups of 128 on Zen 4, 4 rows looked up: 100 us, and 144 with 512 bytes).
inline constexpr int64_t kGroupAheadBytes = 4096;

/// A block of activation rows times the rows of some tiles, in one group. Sums and products of a block are numbered by cells, the tiles of
/// the first activation row first.
struct GroupBlock {
  const GroupLayout &layout;
  const ConvertLutToLoopsOptions &options;
  MatmulBuffers buffers;
  /// The entries of the tables, and which of them share a scale.
  lowbit::TableKind kind;
  /// The activation rows of the block.
  llvm::SmallVector<mlir::Value> rows;
  /// The group, and its byte offset in each tile. Several tiles are read side by side, as a stream each.
  mlir::Value group;
  llvm::SmallVector<mlir::Value> offsets;

  int64_t getCells() const { return rows.size() * offsets.size(); }

  /// Asks for the vector of codes or scales that lies `prefetch-bytes` (of several tiles: `stream-prefetch-bytes`) behind byte `offset` of the weights, and
  /// for several activation rows and one tile at least `kGroupAheadBytes`. Side by side with the loads: prefetches in one burst would fill the line fill buffers, and the
  /// loads would wait for one. They cross pages, which the hardware's prefetcher does not.
  void prefetch(mlir::ImplicitLocOpBuilder &b, mlir::Value offset) const;

  /// Whether weights are asked for at all, and asks for the vector at byte `place` of them.
  bool asksAhead() const { return options.prefetchBytes > 0 && options.streamPrefetchBytes > 0; }
  void ask(mlir::ImplicitLocOpBuilder &b, mlir::Value place) const;
};

/// Sums of looked-up entries, f32: `[cell][output][16 rows of the tile]`. There is one output, the planes
/// weighted by their powers of two, or one per plane where each has its own alpha.
using GroupSums = llvm::SmallVector<llvm::SmallVector<llvm::SmallVector<mlir::Value>>>;

/// Whether the tables of `kind` are looked up byte by byte: i8 entries that are summed over a group. The others are widened to
/// lanes of 32 bits.
inline bool isByteKind(lowbit::TableKind kind) {
  return kind.element == lowbit::TableElement::I8 && kind.scale != lowbit::TableScale::Table;
}

/// Emits the sums for the rows [begin, begin + count) of the tile, by bytes or by lanes of 32 bits. `begin` and `count` are multiples
/// of the layout's block of rows (of 16 for lanes). Lanes are summed of one tile only.
GroupSums emitByteSums(mlir::ImplicitLocOpBuilder &b, const GroupBlock &block, int64_t begin, int64_t count);
GroupSums emitLaneSums(mlir::ImplicitLocOpBuilder &b, const GroupBlock &block, int64_t begin, int64_t count);

/// The same of a single plane, in groups of whole quads of pairs, for all rows of the tile: where an instruction looks up in four tables at once.
GroupSums emitQuadSums(mlir::ImplicitLocOpBuilder &b, const GroupBlock &block);
bool canSumQuads(const GroupBlock &block);

/// The same of codes that lie in quads. `begin` and `count` are multiples of 16.
GroupSums emitRowQuadSums(mlir::ImplicitLocOpBuilder &b, const GroupBlock &block, int64_t begin, int64_t count);

/// The same for tables of three activations: half of what a group's weights make of them, in units of the scale. `begin` and `count` are multiples of 32.
GroupSums emitTripleSums(mlir::ImplicitLocOpBuilder &b, const GroupBlock &block, int64_t begin, int64_t count);

/// The same where such tables are looked up four at a time: of codes in `quads`.
GroupSums emitTripleQuadSums(mlir::ImplicitLocOpBuilder &b, const GroupBlock &block, int64_t begin, int64_t count);

/// The same for tables with a scale each: the sums of scale times entries, which follow the scale of the table. They start from `offsets`,
/// `[cell][16 rows of the tile]`, where planes are weighted by powers of two, and from nothing where each has its own alpha.
GroupSums emitScaledSums(mlir::ImplicitLocOpBuilder &b, const GroupBlock &block, int64_t begin, int64_t count,
                         llvm::ArrayRef<llvm::SmallVector<mlir::Value>> offsets);

/// A scalar of a matrix in each of 16 lanes.
mlir::Value loadSplat(mlir::ImplicitLocOpBuilder &b, mlir::Value buffer, mlir::Value row, mlir::Value column);

/// Straight-line code uses at most this many vectors of codes, counted once for each activation row that they are looked up for. In longer
/// code the scheduler moves prefetches far from their places, which halves what they bring, and keeps indices of several rows in memory.
inline constexpr int64_t kMaxUnrolledVectors = 8;

/// The pairs of tables that a straight line takes in, when each uses `quarters` / 4 vectors of codes for each of `rows` activation rows.
inline int64_t getUnrolledPairs(int64_t quarters, int64_t rows) {
  return std::max<int64_t>(4 * kMaxUnrolledVectors / (quarters * rows), 1);
}

/// Calls `body(pair, accumulators)` for the table pairs first, ..., first + count - 1, in straight lines of `unrolled` pairs at most,
/// and gives back the last accumulators.
llvm::SmallVector<mlir::Value>
forEachPair(mlir::ImplicitLocOpBuilder &b, mlir::Value first, int64_t count, int64_t unrolled,
            llvm::ArrayRef<mlir::Value> accumulators,
            llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, llvm::ArrayRef<mlir::Value>)> body);

/// `begin + factor * value + constant` as an index.
mlir::Value affine(mlir::ImplicitLocOpBuilder &b, mlir::Value begin, int64_t factor, mlir::Value value, int64_t constant);

/// `lanes` elements of `type` from byte `offset` of `bytes`.
mlir::Value loadBytes(mlir::ImplicitLocOpBuilder &b, mlir::Value bytes, mlir::Value offset, mlir::Type type,
                      int64_t lanes);

/// 16 stored values of type i8, f16 or f32 at byte `offset`, as f32.
mlir::Value loadAsFloat(mlir::ImplicitLocOpBuilder &b, mlir::Value bytes, mlir::Value offset, mlir::Type stored);

/// The zetas (betas) of 16 rows of a tile from `row` on, in the group at byte `groupOffset` of `weights`, as f32. With `sixteens`,
/// from `row` + 16 `sixteens` on.
mlir::Value loadZetas(mlir::ImplicitLocOpBuilder &b, mlir::Value weights, mlir::Value groupOffset, const GroupLayout &layout,
                      int64_t row, mlir::Value sixteens = {});

mlir::Value constantIndex(mlir::ImplicitLocOpBuilder &b, int64_t value);
/// A vector constant with every lane `value`.
mlir::Value splatInt(mlir::ImplicitLocOpBuilder &b, int64_t lanes, unsigned bits, int64_t value);
mlir::Value splatFloat(mlir::ImplicitLocOpBuilder &b, int64_t lanes, float value);

/// For each row from `rows[0]` to `rows[1]` and each group of its `cols` columns, `body(row, index, columns of the group)`; `rest` columns
/// are the last group's when it is not whole.
void forEachGroup(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange rows, mlir::Value cols, int64_t group, int64_t rest,
                  llvm::function_ref<void(mlir::Value, mlir::Value, int64_t)> body);

/// Stores one row's part of a tile in `out`, 16 columns at a time: `numbers(part, column, mask)` gives those from `part` of the tile on, which is `column` of `out`;
/// the mask, where there is one, leaves out the columns past the weight's rows. `lastColumns` exist of the last tile; 0: all of them.
void storeTile(mlir::ImplicitLocOpBuilder &b, mlir::Value out, mlir::Value row, mlir::Value tile, int64_t lastColumns,
               llvm::function_ref<mlir::Value(int64_t, mlir::Value, mlir::Value)> numbers);

/// The private functions of a module, one per kind of op.
class KernelFunctions {
public:
  KernelFunctions(mlir::ModuleOp module, const ConvertLutToLoopsOptions &options)
      : module(module), symbols(module), options(options) {}

  /// Replaces the op by a parallel loop of calls, making the function when it is the first of its kind.
  llvm::LogicalResult lower(lut::PrecomputeOp op);
  llvm::LogicalResult lower(lut::MatmulOp op);
  llvm::LogicalResult lower(lut::PrepareCodesOp op);
  llvm::LogicalResult lower(lut::IntegerMatmulOp op);
  llvm::LogicalResult lower(lut::DenseMatmulOp op);
  llvm::LogicalResult lower(lut::QuantizeOp op);

  /// Behind each call of a function of products, asks for the first `head-bytes` of each stream of the products that the next such call in the block computes.
  void askForNextProducts();

private:
  /// Where the streams of a product begin: the number of its function's argument that has the weights, and the bytes from one stream to the next.
  struct StreamStarts {
    unsigned weights;
    int64_t streams, distance;
  };
  /// Remembers the streams of `op` for its function, if the weights are an argument of that.
  void noteStreams(lut::MatmulOp op, int64_t streams, int64_t distance);
  void askBehind(mlir::func::CallOp call, mlir::Value weights, const StreamStarts &start);
  /// The function that asks for the first `bytes` of as many streams, on the weights and the bytes from one stream to the next.
  mlir::func::FuncOp getAsking(mlir::MemRefType weights, int64_t streams, int64_t bytes);
  /// Calls the function of a product of `rows` rows (0: a few, known at run time) without a panel, for all tiles in parallel.
  void callFew(mlir::ImplicitLocOpBuilder &b, lut::IntegerMatmulOp op, mlir::ValueRange buffers, const GroupLayout &layout, int64_t rows);
  /// The function named after `prefix` for `key`; `emit` fills a new one's entry block.
  mlir::func::FuncOp getOrCreate(mlir::Location loc, llvm::StringRef prefix, mlir::Attribute key, mlir::TypeRange inputs,
                                 llvm::function_ref<void(mlir::ImplicitLocOpBuilder &, mlir::ValueRange)> emit);

  mlir::ModuleOp module;
  mlir::SymbolTable symbols;
  const ConvertLutToLoopsOptions &options;
  llvm::DenseMap<mlir::Attribute, mlir::func::FuncOp> functions;
  llvm::DenseMap<mlir::func::FuncOp, llvm::SmallVector<StreamStarts>> starts;
};

/// The type of a function's argument for a buffer of type `type`: sizes and outer strides dynamic, innermost stride 1, and of three dimensions the middle
/// stride as it is. Null when the buffer's innermost stride is not known to be 1.
mlir::MemRefType getArgumentType(mlir::MemRefType type);

/// Casts the buffers to the types of arguments; an error on `op` names the first that cannot be.
llvm::FailureOr<llvm::SmallVector<mlir::Value>> castToArguments(mlir::ImplicitLocOpBuilder &b, mlir::Operation *op);

/// Runs `call(first row, the row behind the last, whether that is a single row)` for all rows of `matrix`: one by one in parallel, or at once for a
/// single row and where `op` is in a parallel loop already.
void forRows(mlir::ImplicitLocOpBuilder &b, mlir::Operation *op, mlir::Value matrix,
             llvm::function_ref<void(mlir::Value, mlir::Value, bool)> call);

/// Calls a function of `buffers` and a range of rows for all rows of `matrix`, as `forRows` has it.
void callForRows(mlir::ImplicitLocOpBuilder &b, mlir::Operation *op, mlir::func::FuncOp function, mlir::ValueRange buffers,
                 mlir::Value matrix);

/// Weights of the product that reads the tables, which come from memory while the tables are made: `streams` parts (0: none), each `distance` bytes behind
/// the one before.
struct Ahead {
  mlir::Value weights, distance;
  int64_t streams = 0;
  /// Bytes of a stream that are asked for with an activation.
  int64_t streamBytes = 0;

  /// Takes the two last of a precompute's arguments, if there are `streams`.
  static Ahead take(mlir::ValueRange &buffers, int64_t streams, int64_t streamBytes);

  /// Asks for the lines of `count` activations that follow `done`, if for any. They come into the second-level cache: the tables need the first.
  void ask(mlir::ImplicitLocOpBuilder &b, mlir::Value done, int64_t count) const;
};

/// Emits the body of a precompute's or a product's function on its arguments: the buffers, then the ranges it is to do. `rest`
/// activations make a short last group, `lastColumns` outputs a short last tile (0: there is none). A single activation row is multiplied by
/// `streams` tiles at once: i, i + n, i + 2 n, ..., where n is a `streams`th of the range's tiles, rounded down; those that are left follow one by one.
/// With `aheadStreams` above 0, a precompute has two more arguments before the range, the weights of the product that reads the tables and the bytes from
/// one of its streams to the next, and asks for the first of these weights while it makes the tables: `aheadBytes` of a stream with each activation.
void emitPrecompute(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange args, int64_t group, int64_t rest,
                    lowbit::TableScale scale, int64_t aheadStreams, int64_t aheadBytes);
void emitTriplePrecompute(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange args, int64_t group, int64_t rest, lowbit::TableScale scale,
                          int64_t aheadStreams, int64_t aheadBytes);
void emitMatmul(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange args, const GroupLayout &layout, lowbit::TableScale scale,
                int64_t lastColumns, int64_t blockRows, int64_t streams, mlir::Region &epilogue,
                const ConvertLutToLoopsOptions &options);

} // namespace lutra::lutloops

#endif // LUTRA_CONVERSION_LUTTOLOOPS_KERNEL_H
